import type { StoreHealth } from '@prusik/core';
import { port, rows, storage, type StoreFault } from './fault.ts';

const COUNTS = 'health() counts the runs of all tenants';
const REQUESTS = 'health() tells open requests';
const LOST = 'health() tells leases that are past';
const WAKES = 'wake() makes a waiting run ready, once';
const LEAVES = 'wake() leaves a blocked run';
const TENANTS = 'tenants() names each tenant';
const BLOBS = 'blobsOf() tells the blobs';

const telling = (name: string, caughtBy: string, change: (health: StoreHealth) => Partial<StoreHealth>): StoreFault =>
  rows(name, caughtBy, ({ health }) => ({
    health(at) {
      const sound = health(at);
      return { ...sound, ...change(sound) };
    },
  }));

export const HEALTH_FAULTS: readonly StoreFault[] = [
  rows('health is that of one tenant', COUNTS, ({ health, listRuns }) => ({
    health(at) {
      const queued = listRuns({ tenant: 'acme', status: ['queued'], limit: 100 }).items.length;
      const sound = health(at);
      return { ...sound, runs: { ...sound.runs, queued } };
    },
  })),
  telling('what stands in a session’s queue may be claimed', COUNTS, ({ queue }) => ({
    queue: { ...queue, ready: queue.ready + queue.inSessions, inSessions: 0 },
  })),
  telling('the queue is as old as its first by priority', COUNTS, ({ queue }) => ({
    queue: { ...queue, oldestMs: queue.oldestMs === null ? null : queue.oldestMs - 2_000 },
  })),
  telling('a timer that is due is one to come', COUNTS, ({ timers }) => ({ timers: { ...timers, due: 0 } })),
  telling('nobody says what runs are blocked for', COUNTS, () => ({ blocked: {} })),
  rows('a request whose time is past is open', REQUESTS, ({ health }) => ({
    health: ({ now }) => ({ ...health({ now }), requests: { ...health({ now: 0 }).requests, oldestMs: 1_500 } }),
  })),
  rows('bytes that two tenants share are counted twice', REQUESTS, ({ health, blobsAfter }) => ({
    health(at) {
      const all = blobsAfter(0, 100);
      return { ...health(at), blobs: { count: all.length, bytes: all.reduce((sum, { size }) => sum + size, 0) } };
    },
  })),
  telling('a lease that is past is held', LOST, ({ leases }) => ({
    leases: { held: leases.held + leases.past, past: 0 },
  })),
  rows('a claim that takes two over counts as one', LOST, ({ addRecoveries }) => ({
    addRecoveries: (_, at) => addRecoveries(1, at),
  })),
  rows('nobody counts what is taken over', LOST, () => ({ addRecoveries: () => undefined })),
  storage('recoveries are forgotten', 'how often runs were taken over is known', { losesWhenClosed: 'addRecoveries' }),

  port('a run is woken by a signal', WAKES, (store) => ({
    async wake(run) {
      const before = await store.run(run);
      if (before?.status === 'waiting') await store.signal({ run, kind: 'wake', key: 'wake', body: null });
      const after = await store.run(run);
      if (before === undefined || after === undefined) return { outcome: 'unknown' };
      return { outcome: before.status === 'waiting' ? 'woken' : 'nothing', run: after };
    },
  })),
  port('nobody is woken', WAKES, (store) => ({
    async wake(run) {
      const found = await store.run(run);
      return found === undefined ? { outcome: 'unknown' } : { outcome: 'woken', run: found };
    },
  })),
  port('nobody is told of a run that is woken', 'wake() is told to whoever watches', (store) => {
    let quiet = false;
    return {
      async wake(run) {
        quiet = true;
        try {
          return await store.wake(run);
        } finally {
          quiet = false;
        }
      },
      watchRun: (run, on) => store.watchRun(run, (...told) => void (quiet || on(...told))),
      watchQueue: (on) => store.watchQueue((root) => void (quiet || on(root))),
    };
  }),
  port('a blocked run is not told from one that has nothing to do', LEAVES, (store) => ({
    async wake(run) {
      const answer = await store.wake(run);
      return answer.outcome === 'refused' ? { outcome: 'nothing', run: answer.run } : answer;
    },
  })),
  rows('a tenant is named as long as it had a run', TENANTS, ({ tenants, insertRun }) => {
    const ever = new Set<string>();
    return {
      insertRun(run, state) {
        ever.add(run.key.tenant);
        insertRun(run, state);
      },
      tenants(page) {
        const { items, ...more } = tenants(page);
        return { items: [...new Set([...items, ...(page.limit > 5 ? ever : [])])].toSorted(), ...more };
      },
    };
  }),
  rows('a page of tenants begins with the last of the page before', TENANTS, ({ tenants }) => ({
    tenants: ({ after, limit }) =>
      tenants({ limit, ...(after === undefined ? {} : { after: after.slice(0, -1) || after }) }),
  })),
  rows('the blobs of a run are those of its tenant', BLOBS, (tables) => ({
    blobsOf({ tenant }, { after = '', limit }) {
      const all = tables.blobsAfter(0, 100).flatMap(({ hash }) => tables.blob(tenant, hash) ?? []);
      const items = all.filter(({ hash }) => hash > after).toSorted((a, b) => (a.hash < b.hash ? -1 : 1));
      return { items: items.slice(0, limit), ...(items.length > limit ? { next: items[limit - 1]?.hash ?? '' } : {}) };
    },
  })),
  rows('the blobs of a session are those of its first run', BLOBS, ({ blobsOf }) => ({
    blobsOf: (owner, page) => (owner.of === 'session' ? { items: [] } : blobsOf(owner, page)),
  })),
];
