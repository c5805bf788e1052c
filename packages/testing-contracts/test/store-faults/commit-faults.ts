import type { Commit, CommitResult, Store } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

/** Commits of one turn, handed on together: what becomes of a batch is up to `settle`. */
function batched(
  store: Store,
  settle: (
    batch: readonly Commit[],
    one: (commit: Commit) => Promise<CommitResult>,
  ) => Promise<readonly CommitResult[]>,
): Partial<Store> {
  let batch: { commit: Commit; resolve: (answer: CommitResult) => void; reject: (error: unknown) => void }[] = [];
  async function flush(): Promise<void> {
    await Promise.resolve();
    const members = batch;
    batch = [];
    try {
      const answers = await settle(
        members.map((member) => member.commit),
        (one) => store.commit(one),
      );
      for (const [index, member] of members.entries()) member.resolve(answers[index] as CommitResult);
    } catch (error) {
      for (const member of members) member.reject(error);
    }
  }
  return {
    commit: (commit) =>
      new Promise((resolve, reject) => {
        batch.push({ commit, resolve, reject });
        if (batch.length === 1) queueMicrotask(() => void flush());
      }),
  };
}

async function inTurn(
  batch: readonly Commit[],
  one: (commit: Commit) => Promise<CommitResult>,
): Promise<CommitResult[]> {
  const answers = [];
  for (const commit of batch) answers.push(await one(commit));
  return answers;
}

/** What a commit asks for is changed. */
const asking = (name: string, caughtBy: string, change: (commit: Commit) => Commit): StoreFault =>
  port(name, caughtBy, (store) => ({ commit: (commit) => store.commit(change(commit)) }));

/** What a commit is answered is changed. */
const answering = (
  name: string,
  caughtBy: string,
  change: (answer: CommitResult, commit: Commit, store: Store) => CommitResult | Promise<CommitResult>,
): StoreFault =>
  port(name, caughtBy, (store) => ({ commit: async (commit) => change(await store.commit(commit), commit, store) }));

export const COMMIT_FAULTS: readonly StoreFault[] = [
  rows('the last entry of a commit is lost', 'entries are numbered from 1 without a gap', ({ appendEntries }) => ({
    appendEntries: (run, from, at, bodies) =>
      appendEntries(run, from, at, bodies.length > 1 ? bodies.slice(0, -1) : bodies),
  })),
  rows('entries of a commit are turned round', 'entries are numbered from 1 without a gap', ({ appendEntries }) => ({
    appendEntries: (run, from, at, bodies) => appendEntries(run, from, at, bodies.toReversed()),
  })),
  rows('numbers have gaps', 'entries are numbered from 1 without a gap', ({ entries }) => ({
    entries: (run, page) => entries(run, page).map((entry) => ({ ...entry, seq: entry.seq * 10 })),
  })),
  rows('entries have a time of their own', 'entries carry the store’s clock', ({ appendEntries }) => ({
    appendEntries: (run, from, at, bodies) => appendEntries(run, from, at - 1, bodies),
  })),
  answering('a commit without entries is number 0', 'a commit without entries answers', (answer, commit) =>
    answer.outcome === 'committed' && commit.entries.length === 0 ? { ...answer, seq: 0 } : answer,
  ),
  answering('a commit does not tell of signals', 'a commit tells the holder of signals', (answer) =>
    answer.outcome === 'committed' ? { ...answer, inbox: 0 } : answer,
  ),
  asking('children are not started', 'everything that a commit carries', (commit) => without(commit, 'children')),
  asking('requests are not opened', 'everything that a commit carries', (commit) => without(commit, 'requests')),
  port('answers of a batch are mixed up', 'concurrent commits of many runs', (store) =>
    batched(store, async (batch, one) => (await inTurn(batch, one)).toReversed()),
  ),
  port('one stale member fails its batch', 'a stale commit that arrives together with others', (store) =>
    batched(store, async (batch, one) => {
      const runs = await Promise.all(batch.map(({ run }) => store.run(run)));
      if (batch.some(({ epoch }, index) => runs[index]?.epoch !== epoch))
        return batch.map(() => ({ outcome: 'stale' }));
      return inTurn(batch, one);
    }),
  ),
  port(
    'of two commits of one run the second’s answer is given to both',
    'of two commits of one run that arrive together, the refused',
    (store) =>
      batched(store, async (batch, one) => {
        const answers = await inTurn(batch, one);
        return answers.map((answer) => (answer.outcome === 'refused' ? (answers.at(-1) as CommitResult) : answer));
      }),
  ),
  port(
    'a refused member takes the next one of its run with it',
    'of two commits of one run that arrive together, the refused',
    (store) =>
      batched(store, async (batch, one) => {
        const answers: CommitResult[] = [];
        for (const commit of batch) {
          const before = answers.at(-1);
          answers.push(before?.outcome === 'refused' ? before : await one(commit));
        }
        return answers;
      }),
  ),
  port('a batch counts from where it began', 'two commits of one run that arrive together are numbered', (store) =>
    batched(store, async (batch, one) => {
      const start = (await store.run((batch[0] as Commit).run))?.seq ?? 0;
      const answers = await inTurn(batch, one);
      return answers.map((answer, index) =>
        answer.outcome === 'committed' ? { ...answer, seq: start + (batch[index]?.entries.length ?? 0) } : answer,
      );
    }),
  ),
  port('a commit of the batch that ends the run is done', 'a commit that follows the end of its run', (store) =>
    batched(store, async (batch, one) => {
      const answers = await inTurn(batch, one);
      const ends = batch.some(({ transition }) => transition?.type === 'end');
      return answers.map((answer) => (ends && answer.outcome === 'stale' ? (answers[0] as CommitResult) : answer));
    }),
  ),
  answering(
    'what does not fit the budget is written without it',
    'a refused commit leaves nothing of itself',
    async (answer, commit, store) => {
      if (answer.outcome === 'refused' && answer.code === 'BUDGET_EXCEEDED')
        await store.commit(without(commit, 'ledger', 'transition'));
      return answer;
    },
  ),
  asking('`notBefore` is ignored', 'is refused with TOO_EARLY', (commit) => without(commit, 'notBefore')),
  asking('`notBefore` itself is too early', 'is refused with TOO_EARLY', (commit) =>
    commit.notBefore === undefined ? commit : { ...commit, notBefore: commit.notBefore + 1 },
  ),
  answering(
    'another child of the same id is taken for the same',
    'a child that exists with the same input',
    async (answer, commit, store) =>
      answer.outcome === 'refused' && answer.code === 'RUN_INPUT_MISMATCH'
        ? store.commit(without(commit, 'children'))
        : answer,
  ),
  asking('children are not asked to cancel', 'a commit asks children to cancel', (commit) => without(commit, 'cancel')),
  asking('children are not told why they are asked to cancel', 'a commit asks children to cancel', (commit) =>
    commit.cancel === undefined ? commit : { ...commit, cancel: commit.cancel.map(({ run }) => ({ run, reason: '' })) },
  ),
  port('a commit is read when its turn comes', 'entries are what the holder wrote, whatever', (store) => ({
    async commit(commit) {
      await Promise.resolve();
      return store.commit(commit);
    },
  })),
  port('a start is read when its turn comes', 'who changes its input after start()', (store) => ({
    async start(run) {
      await Promise.resolve();
      return store.start(run);
    },
  })),
];
