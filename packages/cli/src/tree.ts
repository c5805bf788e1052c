import {
  emptyView,
  foldEvents,
  PAGE_LIMIT,
  PrusikError,
  type Run,
  type RunEvent,
  type RunKey,
  type RunSummary,
  type Store,
  type TreeView,
} from '@prusik/core';

/** Runs of a tree that are shown. */
const RUNS_SHOWN = 1_000;

export async function requireRun(store: Store, key: RunKey): Promise<Run> {
  const run = await store.run(key);
  if (run === undefined) throw new PrusikError('RUN_UNKNOWN', `There is no run ${key.run}`);
  return run;
}

/** Runs below and with this one, which may be no root, in the order of their creation. */
export async function runsOfTree(store: Store, run: Run): Promise<readonly RunSummary[]> {
  const found: RunSummary[] = [];
  let after: string | undefined;
  do {
    const page = await store.listRuns({
      tenant: run.key.tenant,
      root: run.root,
      order: 'oldest',
      limit: PAGE_LIMIT,
      ...(after === undefined ? {} : { after }),
    });
    found.push(...page.items);
    after = page.next;
  } while (after !== undefined && found.length < RUNS_SHOWN);
  if (run.root === run.key.run) return found;
  const below = new Set([run.key.run]);
  for (const { key, parent } of found) if (parent !== undefined && below.has(parent.run)) below.add(key.run);
  return found.filter(({ key }) => below.has(key.run));
}

/** One run as its journal shows it, without live text. */
export async function viewOf(store: Store, key: RunKey): Promise<TreeView> {
  let view = emptyView(key);
  for (let after = 0; ;) {
    const entries = await store.entries(key, { after, limit: PAGE_LIMIT });
    const last = entries.at(-1);
    if (last === undefined) return view;
    view = foldEvents(
      view,
      entries.map((entry): RunEvent => ({ run: key, live: false, entry })),
    );
    after = last.seq;
  }
}
