import type { RunKey, Store } from '@prusik/core';
import { port, storage, type StoreFault } from './fault.ts';

type RunWatcher = Parameters<Store['watchRun']>[1];

/** The queue's watchers are told nothing as long as a call of this kind is under way. */
const deafTo = (
  name: string,
  caughtBy: string,
  during: (store: Store, deaf: <T>(call: Promise<T>) => Promise<T>) => Partial<Store>,
): StoreFault =>
  port(name, caughtBy, (store) => {
    let deaf = 0;
    const whileDeaf = async <T>(call: Promise<T>): Promise<T> => {
      deaf += 1;
      try {
        return await call;
      } finally {
        deaf -= 1;
      }
    };
    return {
      ...during(store, whileDeaf),
      watchQueue: (on) => store.watchQueue(() => (deaf > 0 ? undefined : on())),
    };
  });

/** Run watchers are kept and told by the fault itself. */
function watchersOf(store: Store): {
  readonly watchRun: Store['watchRun'];
  readonly tell: (run: RunKey, why: Parameters<RunWatcher>[0]) => void;
} {
  const watchers = new Set<{ readonly run: RunKey; readonly on: RunWatcher }>();
  return {
    watchRun(run, on) {
      const watcher = { run, on };
      watchers.add(watcher);
      const sound = store.watchRun(run, () => undefined);
      return {
        [Symbol.dispose]() {
          watchers.delete(watcher);
          sound[Symbol.dispose]();
        },
      };
    },
    tell(run, why) {
      for (const watcher of watchers) if (watcher.run.run === run.run) watcher.on(why);
    },
  };
}

export const WATCH_FAULTS: readonly StoreFault[] = [
  port('a run’s watchers hear of every run', 'a run’s watchers hear of its commits', (store) => ({
    watchRun(run, on) {
      const own = store.watchRun(run, on);
      const other = store.watchRun({ ...run, run: 'other' }, on);
      return {
        [Symbol.dispose]() {
          own[Symbol.dispose]();
          other[Symbol.dispose]();
        },
      };
    },
  })),
  port('a run’s watchers do not hear of its end', 'a run’s watchers hear of its commits', (store) => ({
    watchRun: (run, on) => store.watchRun(run, (why) => (why === 'end' ? undefined : on(why))),
  })),
  port('watchers are called before the commit', 'a watcher that is called finds', (store) => {
    const { watchRun, tell } = watchersOf(store);
    return {
      watchRun,
      commit(commit) {
        tell(commit.run, 'commit');
        return store.commit(commit);
      },
    };
  }),
  port('watchers are handed entries under the number before', 'the entries that a watcher is handed', (store) => ({
    watchRun: (run, on) =>
      store.watchRun(run, (why, written) =>
        on(why, written && (() => written().map((entry) => ({ ...entry, seq: entry.seq - 1 })))),
      ),
  })),
  port('watchers hear of what was refused', 'nobody hears of a commit that was refused', (store) => {
    const { watchRun, tell } = watchersOf(store);
    return {
      watchRun,
      async commit(commit) {
        const answer = await store.commit(commit);
        tell(commit.run, 'commit');
        return answer;
      },
    };
  }),
  port('the queue’s watchers hear of every commit', 'the queue’s watchers hear of what may be claimed', (store) => {
    const watchers = new Set<() => void>();
    return {
      watchQueue(on) {
        watchers.add(on);
        return store.watchQueue(on);
      },
      async commit(commit) {
        const answer = await store.commit(commit);
        for (const on of watchers) on();
        return answer;
      },
    };
  }),
  deafTo(
    'nobody hears of a child that was started',
    'the queue’s watchers hear of what may be claimed',
    (store, deaf) => ({
      commit: (commit) => (commit.children ? deaf(store.commit(commit)) : store.commit(commit)),
    }),
  ),
  port('the queue’s watchers hear of a run instead of its tree', 'the queue’s watchers hear in which tree', (store) => {
    const started = new Map<string, RunKey>();
    return {
      async commit(commit) {
        for (const { root, key } of commit.children ?? []) started.set(root, key);
        return store.commit(commit);
      },
      watchQueue: (on) => store.watchQueue((root) => on(root && (started.get(root.run) ?? root))),
    };
  }),
  deafTo(
    'nobody hears of a run that comes to rest',
    'the queue’s watchers hear of a run that comes to rest',
    (store, deaf) => ({
      commit: (commit) => (commit.transition?.type === 'block' ? deaf(store.commit(commit)) : store.commit(commit)),
    }),
  ),
  deafTo('nobody hears of a new timer', 'the queue’s watchers hear of a new timer', (store, deaf) => ({
    commit: (commit) =>
      commit.transition?.type === 'park' && commit.transition.wakeAt !== null
        ? deaf(store.commit(commit))
        : store.commit(commit),
  })),
  deafTo('nobody hears of a park that is ready', 'the queue’s watchers hear of a park', (store, deaf) => ({
    commit: (commit) => (commit.transition?.type === 'park' ? deaf(store.commit(commit)) : store.commit(commit)),
  })),
  deafTo('nobody hears of a hand-over', 'the queue’s watchers hear of a hand-over', (store, deaf) => ({
    commit: (commit) => (commit.transition?.type === 'end' ? deaf(store.commit(commit)) : store.commit(commit)),
  })),
  deafTo('nobody hears of a cancel', 'the queue’s watchers hear of a cancel', (store, deaf) => ({
    signal: (signal) => deaf(store.signal(signal)),
  })),
  port('nobody hears that an approval was used', 'who watches requests hears which', (store) => {
    let deaf = false;
    return {
      async commit(commit) {
        deaf = commit.claimRequests !== undefined;
        const answer = await store.commit(commit);
        deaf = false;
        return answer;
      },
      watchRequests: (tenant, on) => store.watchRequests(tenant, (request) => (deaf ? undefined : on(request))),
    };
  }),
  port('who watches requests hears no names', 'who watches requests hears which', (store) => ({
    watchRequests: (tenant, on) => store.watchRequests(tenant, () => on()),
  })),
  port('who has watched requests is called for ever', 'who watches requests hears which', (store) => ({
    watchRequests(tenant, on) {
      store.watchRequests(tenant, on);
      return { [Symbol.dispose]: () => undefined };
    },
  })),
  port('requests of all tenants are news', 'who watches requests hears nothing of another', (store) => ({
    watchRequests: (_, on) => store.watchRequests('acme', on),
  })),
  port('a watcher that throws fails the commit', 'a watcher that throws hurts neither', (store) => {
    const { watchRun, tell } = watchersOf(store);
    return {
      watchRun,
      async commit(commit) {
        const answer = await store.commit(commit);
        tell(commit.run, 'commit');
        return answer;
      },
    };
  }),
  port('a watcher cannot be disposed', 'a watcher that was disposed is not called', (store) => ({
    watchRun(run, on) {
      store.watchRun(run, on);
      return { [Symbol.dispose]: () => undefined };
    },
  })),
  storage('other handles hear of nothing', 'watchers hear within `noticeMs`', { tellsNobodyElse: true }),
  storage('other handles hear of no request', 'who watches requests of another handle', { tellsNobodyElse: true }),
];
