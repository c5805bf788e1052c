import type { Commit, CommitResult, Store } from '@prusik/core';
import { isFinal } from '@prusik/core';
import { port, rows, type StoreFault } from './fault.ts';

/** The commit is done under whatever epoch the run has just now. */
async function unfenced(store: Store, commit: Commit): Promise<CommitResult> {
  const answer = await store.commit(commit);
  const run = await store.run(commit.run);
  return answer.outcome === 'stale' && run?.status === 'running'
    ? store.commit({ ...commit, epoch: run.epoch })
    : answer;
}

export const FENCE_FAULTS: readonly StoreFault[] = [
  port('the fence is ignored', 'nothing of the former holder’s commit is written', (store) => ({
    commit: (commit) => unfenced(store, commit),
  })),
  port('the fence is ignored at the end', 'a zombie cannot end the run', (store) => ({
    commit: (commit) => (commit.transition?.type === 'end' ? unfenced(store, commit) : store.commit(commit)),
  })),
  port('the worker’s id is the fence', 'a second claim under the same worker id', (store) => {
    const workers = new Map<string, string>();
    return {
      async claim(query) {
        const result = await store.claim(query);
        for (const { run } of result.claims) workers.set(`${run.key.run} ${run.epoch}`, query.worker);
        return result;
      },
      async commit(commit) {
        const run = await store.run(commit.run);
        const same =
          run !== undefined &&
          workers.get(`${run.key.run} ${run.epoch}`) === workers.get(`${run.key.run} ${commit.epoch}`);
        return same ? unfenced(store, commit) : store.commit(commit);
      },
    };
  }),
  {
    name: 'a lease that is past cannot commit, though nobody took it',
    caughtBy: 'a lease that is past but that nobody took',
    make: (tables) => {
      let now = 0;
      return {
        tables: {
          state(key) {
            const state = tables.state(key);
            return state?.status === 'running' && (state.leaseUntil ?? now) <= now - 1
              ? { ...state, status: 'queued' }
              : state;
          },
        },
        port: (store) => ({
          async commit(commit) {
            now = (
              await store.claim({ worker: 'w', leaseMs: 1, limit: 0, suspects: { room: 0, alone: 1 }, definitions: [] })
            ).now;
            const answer = await store.commit(commit);
            now = 0;
            return answer;
          },
        }),
      };
    },
  },
  rows('a parked run still has a holder', 'nothing is written under the epoch of a run that was parked', (tables) => ({
    state(key) {
      const state = tables.state(key);
      return state?.status === 'waiting' ? { ...state, status: 'running' } : state;
    },
  })),
  port('only lower epochs are stale', 'an epoch that was never given', (store) => ({
    async commit(commit) {
      const run = await store.run(commit.run);
      return store.commit({ ...commit, epoch: Math.min(commit.epoch, run?.epoch ?? commit.epoch) });
    },
  })),
  port('leases do not know of tenants', 'a lease of one tenant is none of another’s', (store) => ({
    commit: (commit) => store.commit({ ...commit, run: { ...commit.run, tenant: 'acme' } }),
  })),
  port('a renewal is answered and not made', 'renew() extends a lease from now on', (store) => ({
    async renew(held) {
      const answers = [];
      for (const lease of held) {
        const run = await store.run(lease.run);
        if (run?.status === 'running' && run.epoch === lease.epoch)
          answers.push({ run: lease.run, epoch: lease.epoch, inbox: run.inbox, cancelRequested: run.cancelRequested });
      }
      return answers;
    },
  })),
  rows(
    'a lease can be renewed at `leaseUntil`',
    'nobody renews a lease that is past, at the very moment',
    (tables) => ({
      state(key) {
        const state = tables.state(key);
        return state?.leaseUntil === null || state === undefined
          ? state
          : { ...state, leaseUntil: state.leaseUntil + 1 };
      },
    }),
  ),
  port('anybody renews a lease', 'who is not the holder renews nothing', (store) => ({
    async renew(held, leaseMs) {
      const current = await Promise.all(
        held.map(async (lease) => ({ ...lease, epoch: (await store.run(lease.run))?.epoch ?? lease.epoch })),
      );
      return store.renew(current, leaseMs);
    },
  })),
  port('a renewal finds no fault with an ended run', 'a renewal that meets the end of its run', (store) => ({
    async renew(held, leaseMs) {
      const renewed = await store.renew(held, leaseMs);
      const runs = await Promise.all(held.map(({ run }) => store.run(run)));
      const ended = held.filter((_, index) => isFinal(runs[index]?.status ?? 'queued'));
      return [...renewed, ...ended.map(({ run, epoch }) => ({ run, epoch, inbox: 0, cancelRequested: false }))];
    },
  })),
  port('a renewal answers for everything that was asked', 'answers for those that are still held', (store) => ({
    async renew(held, leaseMs) {
      await store.renew(held, leaseMs);
      return held.map(({ run, epoch }) => ({ run, epoch, inbox: 0, cancelRequested: false }));
    },
  })),
  {
    name: 'a renewal can shorten a lease',
    caughtBy: 'a renewal never makes a lease shorter',
    make: (tables) => {
      let shorter = 0;
      return {
        tables: {
          saveRun: (next) =>
            tables.saveRun({
              ...next,
              leaseUntil: shorter === 0 || next.leaseUntil === null ? next.leaseUntil : next.leaseUntil - shorter,
            }),
        },
        port: (store) => ({
          async renew(held, leaseMs) {
            shorter = leaseMs < 30_000 ? 30_000 - leaseMs : 0;
            const renewed = await store.renew(held, leaseMs);
            shorter = 0;
            return renewed;
          },
        }),
      };
    },
  },
];
