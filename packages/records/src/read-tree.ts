import { isFinal, PrusikError, type Run, type RunKey, type RunSummary, type Store } from '@prusik/core';
import { eachOf, eachUpTo } from './pages.ts';
import { without } from './without.ts';

/** A run as far as it is read: what its row said when it was found. */
export interface SeenRun {
  readonly key: RunKey;
  readonly root: string;
  readonly createdAt: number;
  readonly seq: number;
  readonly inbox: number;
  readonly live: boolean;
  readonly compacted: boolean;
  /** Of a live one: what its row said then, without its bodies. */
  readonly row?: Omit<Run, 'input' | 'context'>;
}

/**
 * The runs of a tree, parents before their children. Of a tree that lives it is a causal prefix: each run as far as it had come when it was looked at, and whatever child
 * these entries name, looked at after them. So nothing in it has a cause that is not.
 *
 * @throws {PrusikError} `RUN_UNKNOWN`
 */
export async function readTree(store: Store, key: RunKey, signal?: AbortSignal): Promise<readonly SeenRun[]> {
  const root = await requireRun(store, key);
  if (root.parent !== undefined)
    throw new PrusikError('RUN_NOT_ROOT', `Run ${key.run} belongs to the tree of run ${root.root}`, {
      meta: { run: key.run, root: root.root },
    });
  return (await endedTree(store, root, signal)) ?? liveTree(store, root, signal);
}

export async function requireRun(store: Store, key: RunKey): Promise<Run> {
  const run = await store.run(key);
  if (run === undefined) throw unknownRun(key);
  return run;
}

export const unknownRun = ({ run }: RunKey): PrusikError =>
  new PrusikError('RUN_UNKNOWN', `Run ${run} is not there`, { meta: { run } });

export const compactedRun = ({ run }: RunKey): PrusikError =>
  new PrusikError('RUN_COMPACTED', `Run ${run} was compacted: its journal is gone`, { meta: { run } });

/** Nothing of it changes any more, so its list is all there is; `undefined` where something of it lives. */
async function endedTree(store: Store, root: Run, signal?: AbortSignal): Promise<readonly SeenRun[] | undefined> {
  const seen: { readonly run: SeenRun; readonly depth: number }[] = [];
  const { tenant, run } = root.key;
  for await (const found of eachOf((page) => store.listRuns({ tenant, root: run, ...page }))) {
    signal?.throwIfAborted();
    if (!isFinal(found.status)) return undefined;
    seen.push({ run: seenRun(found), depth: found.depth });
  }
  // Newest first, and a child is newer than its parent; an import keeps that order.
  return seen
    .toReversed()
    .toSorted((a, b) => a.depth - b.depth)
    .map((found) => found.run);
}

async function liveTree(store: Store, root: Run, signal?: AbortSignal): Promise<readonly SeenRun[]> {
  const seen: SeenRun[] = [];
  let level: readonly string[] = [root.key.run];
  while (level.length > 0) {
    const next: string[] = [];
    for (const id of level) {
      signal?.throwIfAborted();
      const key: RunKey = { tenant: root.key.tenant, run: id };
      const row = without(await requireRun(store, key), 'input', 'context');
      seen.push({ ...seenRun(row), ...(isFinal(row.status) ? {} : { row }) });
      for await (const entries of eachUpTo(
        (page) => store.entries(key, page),
        ({ seq }) => seq,
        { upTo: row.seq },
      ))
        for (const entry of entries)
          if (entry.type === 'wait-start' && entry.child !== undefined) next.push(entry.child);
    }
    level = next;
  }
  return seen;
}

/** Of one that was compacted the journal and the inbox are gone, and their numbers say what they were. */
function seenRun({ key, root, createdAt, seq, inbox, status, compactedAt }: RunSummary): SeenRun {
  const compacted = compactedAt !== undefined;
  return {
    key,
    root,
    createdAt,
    seq: compacted ? 0 : seq,
    inbox: compacted ? 0 : inbox,
    live: !isFinal(status),
    compacted,
  };
}
