import type { ClaimResult, Store } from '@prusik/core';
import { port, storage, type StoreFault } from './fault.ts';

export const LIFETIME_FAULTS: readonly StoreFault[] = [
  port('a store cannot be closed', 'after disposal every method refuses', () => ({
    [Symbol.asyncDispose]: () => Promise.resolve(),
  })),
  port('disposal does not wait', 'disposal waits for the writes', (store) => ({
    async commit(commit) {
      await new Promise((resolve) => setImmediate(resolve));
      return store.commit(commit);
    },
  })),
  port('watchers must be disposed before their store', 'a watcher may be disposed after its store', (store) => {
    let closed = false;
    return {
      async [Symbol.asyncDispose]() {
        closed = true;
        await store[Symbol.asyncDispose]();
      },
      watchRun(run, on) {
        const watcher = store.watchRun(run, on);
        return {
          [Symbol.dispose]() {
            if (closed) throw new Error('The store is closed');
            watcher[Symbol.dispose]();
          },
        };
      },
    };
  }),
  storage('nothing is kept', 'everything is there again after the store was disposed', { forgetsWhenClosed: true }),
  storage('the clock begins anew with every opening', 'the store’s clock does not go back from one opening', {
    clockFollowsTheMachine: true,
  }),
  storage('the clock is kept in entries only', 'nor after a transaction that wrote no entry', {
    clockIsKeptWithEntriesOnly: true,
  }),
  storage('a closed store keeps its leases', 'leases of a store that was disposed', { keepsLeasesOfTheClosed: true }),
  {
    name: 'two handles that claim at once get the same',
    caughtBy: 'of two handles that claim at once',
    make() {
      let current: Promise<ClaimResult> | undefined;
      return {
        port: (store) => ({
          async claim(query) {
            current ??= store.claim(query);
            const claimed = await current;
            current = undefined;
            return claimed;
          },
        }),
      };
    },
  },
  {
    name: 'of two handles that write at once one is not written',
    caughtBy: 'two handles that write at once',
    make() {
      let writing: Store | undefined;
      return {
        port: (store) => ({
          async commit(commit) {
            if (writing !== undefined && writing !== store)
              return { outcome: 'committed', seq: 1, at: 0, inbox: 0, cancelRequested: false };
            writing = store;
            const answer = await store.commit(commit);
            writing = undefined;
            return answer;
          },
        }),
      };
    },
  },
  storage('every handle has a clock of its own', 'a handle whose clock is behind', { clockFollowsTheMachine: true }),
];
