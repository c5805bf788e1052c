import { isFinal, runKeyText, type Commit, type Entry, type Run, type RunKey, type Store } from '@prusik/core';

export const SABOTAGES = ['fence', 'intent', 'dedupe'] as const;
export type Sabotage = (typeof SABOTAGES)[number];

/** A store with one promise broken on purpose, to see that the inspection finds it. */
export function sabotaged(store: Store, what: Sabotage | undefined): Store {
  switch (what) {
    case 'fence':
      return withoutFence(store);
    case 'intent':
      return withoutIntents(store);
    case 'dedupe':
      return withoutRecall(store);
    case undefined:
      return store;
    default:
      return what satisfies never;
  }
}

/** Whoever once held a run goes on writing, as if the epoch were no fence: it is not told of its loss, and its commits pass. */
function withoutFence(store: Store): Store {
  const held = new Map<string, number>();
  const asHolder = (run: Run): Run => ({ ...run, epoch: held.get(runKeyText(run.key)) ?? run.epoch });

  /** The epoch that would be let through now; none for a run that has ended. */
  async function validEpoch(key: RunKey): Promise<number | undefined> {
    const run = await store.run(key);
    if (run === undefined || isFinal(run.status)) return undefined;
    if (run.status === 'running') return run.epoch;
    const definitions = [{ name: run.definition, versions: [run.version] }];
    const query = {
      worker: 'thief',
      leaseMs: 1,
      limit: 1,
      suspects: { room: 1, alone: 1_000 },
      definitions,
      only: { run: key },
    };
    return (await store.claim(query)).claims[0]?.run.epoch;
  }

  return {
    ...store,
    async claim(query) {
      const result = await store.claim(query);
      for (const { run } of result.claims) held.set(runKeyText(run.key), run.epoch);
      return result;
    },
    async run(key) {
      const run = await store.run(key);
      return run && asHolder(run);
    },
    renew: async (leases) => leases.map((lease) => ({ ...lease, inbox: 0, cancelRequested: false })),
    async commit(commit) {
      const answer = await store.commit(commit);
      if (answer.outcome !== 'stale') return answer;
      const epoch = await validEpoch(commit.run);
      return epoch === undefined ? answer : store.commit({ ...commit, epoch });
    },
  };
}

/** Does not keep that a `once` step is about to act. */
function withoutIntents(store: Store): Store {
  const kept = (commit: Commit): Commit => ({
    ...commit,
    entries: commit.entries.filter((entry) => !(entry.type === 'step-intent' && entry.effect === 'once')),
  });
  return { ...store, commit: (commit) => store.commit(kept(commit)) };
}

/** Forgets the step that was recorded last: whoever resumes does it again. An entry of no meaning keeps its place in the journal. */
function withoutRecall(store: Store): Store {
  const forget = ({ seq, at }: Entry): Entry => ({ type: 'run-park', waits: [], wakeAt: null, seq, at });
  return {
    ...store,
    async entries(run, page) {
      const entries = await store.entries(run, page);
      const last = entries.findLast(({ type }) => type === 'step-end' || type === 'wait-end');
      return entries.map((entry) => (entry === last && entry.type === 'step-end' ? forget(entry) : entry));
    },
  };
}
