import type { Claim, Commit, Entry, Run, Store, Transition } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import type { TreeLife } from './tree-life.ts';
import { LIMITS } from './tree-life.ts';
import { definitionsOf } from './tree-functions.ts';
import { endOf, type Played } from './tree-record.ts';
import type { TreeSpec } from './tree-spec.ts';

const TURNS = 300;

/**
 * Drives every run again that ended by its own function, from its journal without the end: what it is told, and how it ends, has to be the same, and
 * nothing acts. A cancelled run is not replayed by an engine either.
 */
export async function wrongReplays(
  tree: TreeSpec,
  life: TreeLife,
  played: readonly Played[],
): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const one of played) {
    const { run, entries, node } = one;
    if (run.status === 'cancelled' || entries.some(({ type }) => type === 'run-cancel')) continue;
    // One whose time was up before it began has no function to ask.
    if (entries.findIndex(({ type }) => type === 'run-deadline') === 2) continue;
    const what = await replay(tree, life, one);
    if (what !== undefined) wrong.push(`${node.name}, driven again, ${what}`);
  }
  return wrong;
}

async function replay(
  tree: TreeSpec,
  { store, clock, heard }: TreeLife,
  { run, entries }: Played,
): Promise<string | undefined> {
  const told: string[] = [];
  let acted: string | undefined;
  let end: Transition | undefined;
  const hasOutcome = (key: string): boolean => entries.some((entry) => entry.type === 'step-end' && entry.key === key);
  const again = storeOfReplay(store, run, withoutEnd(entries), (commit) => (end ??= commit.transition));
  const engine = createEngine({
    store: again,
    definitions: definitionsOf(tree.root, {
      // A step that nobody awaited and that never began, since others held what it was to take, may begin here.
      write(line) {
        if (line.type === 'effect' && hasOutcome(line.step)) acted ??= line.step;
      },
      pass: async () => {},
      hears: () => (what) => void told.push(what),
    }),
    limits: { ...LIMITS, parkAfterMs: 0 },
    clock,
    onWarning: () => {},
  });
  engine.worker();
  try {
    for (let turns = 0; end === undefined && turns < TURNS; turns += 1)
      await new Promise((resolve) => setImmediate(resolve));
  } finally {
    await engine[Symbol.asyncDispose]();
  }
  if (acted !== undefined) return `acts again: ${acted}`;
  if (end?.type !== 'end') return `is ${end?.type ?? 'still running'}`;
  const first = JSON.stringify([endOf(run), run.output ?? null]);
  const second = JSON.stringify([endOf(end), end.output ?? null]);
  if (first !== second) return `ended as ${second}, and not as ${first}`;
  const before = heard.get(run.key.run) ?? [];
  return told.join() === before.join() ? undefined : `was told ${told.join()}, and not ${before.join()}`;
}

/** Without the commit of the end: in it are also the steps that were given up. */
function withoutEnd(entries: readonly Entry[]): readonly Entry[] {
  const kept = entries.findLastIndex(
    (entry) => entry.type !== 'run-end' && !(entry.type === 'step-end' && entry.settledBy === 'doubt'),
  );
  const doubts = entries.slice(kept + 1).filter(({ at }) => at !== entries.at(-1)?.at);
  return [...entries.slice(0, kept + 1), ...doubts];
}

/** What the journal of one run says, for one claim; what is written to it is gone. */
function storeOfReplay(store: Store, run: Run, entries: readonly Entry[], on: (commit: Commit) => void): Store {
  const { output: _, error: __, partial: ___, endedAt: ____, ...open } = run;
  const { deadlineAt, ...rights } = run.rights ?? {};
  const isTimed = entries.some(({ type }) => type === 'run-deadline');
  const claimed: Run = {
    ...open,
    status: 'running',
    epoch: run.epoch + 1,
    seq: entries.length,
    // One that came too late for the first time.
    cancelRequested: false,
    rights: isTimed && deadlineAt !== undefined ? { ...rights, deadlineAt } : rights,
  };
  const at = entries.at(-1)?.at ?? 0;
  let claims: readonly Claim[] = [{ run: claimed, lost: 0, threadHead: 0 }];
  let { length: seq } = entries;
  return {
    ...store,
    capabilities: { ...store.capabilities, multiProcess: false },
    async claim() {
      const some = claims;
      claims = [];
      return { claims: some, now: at, nextAt: null };
    },
    renew: async (leases) => leases.map((lease) => ({ ...lease, inbox: run.inbox, cancelRequested: false })),
    run: async (key) => (key.run === run.key.run ? claimed : store.run(key)),
    entries: async (_key, { after, limit }) => entries.slice(after, after + limit),
    async commit(commit) {
      on(commit);
      seq += commit.entries.length;
      return { outcome: 'committed', seq, at, inbox: run.inbox, cancelRequested: false };
    },
  };
}
