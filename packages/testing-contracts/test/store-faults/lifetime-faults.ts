import type { ClaimResult, Store, StoreWrites } from '@prusik/core';
import { port, storage, type StoreFault } from './fault.ts';

/** All is kept but what one method writes, as by somebody who has overlooked it. */
const overlooked = (caughtBy: string, ...methods: readonly (keyof StoreWrites)[]): readonly StoreFault[] =>
  methods.map((method) => storage(`what ${method}() wrote is not kept`, caughtBy, { losesWhenClosed: method }));

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
  ...overlooked(
    'everything is there again after the store was disposed',
    'saveRun',
    'appendEntries',
    'appendMessages',
    'appendSignal',
    'insertRequest',
    'saveLedger',
  ),
  ...overlooked(
    'what was ended, decided, handed over, replaced and removed stays so',
    'saveResult',
    'saveRequest',
    'saveSession',
    'setSessionBlobs',
    'removeBlob',
    'hideRun',
    'hideSession',
  ),
  ...overlooked('blobs are there again, and still used', 'saveBlob', 'useBlobs'),
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
