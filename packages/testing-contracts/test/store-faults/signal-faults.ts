import { INBOX_LIMIT, type RunState, type SignalKind, type StoreTables } from '@prusik/core';
import { port, rows, type StoreFault } from './fault.ts';

const KINDS: readonly SignalKind[] = ['user', 'cancel', 'child', 'decision'];

const saving = (
  name: string,
  caughtBy: string,
  change: (next: RunState, tables: StoreTables) => RunState,
): StoreFault => rows(name, caughtBy, (tables) => ({ saveRun: (next) => tables.saveRun(change(next, tables)) }));

export const SIGNAL_FAULTS: readonly StoreFault[] = [
  rows('signals are numbered from 0', 'signals are numbered from 1', ({ appendSignal }) => ({
    appendSignal: (run, signal) => appendSignal(run, { ...signal, n: signal.n - 1 }),
  })),
  rows('a duplicate is delivered', 'the first signal of a kind and key wins', () => ({ findSignal: () => undefined })),
  port('a duplicate is told that it was delivered', 'of many signals with one key that come at once', (store) => ({
    async signal(signal) {
      const result = await store.signal(signal);
      return result.outcome === 'duplicate' ? { ...result, outcome: 'delivered' } : result;
    },
  })),
  rows('kinds share their keys', 'the same key of another kind', ({ findSignal }) => ({
    findSignal: (run, _, key) => KINDS.map((kind) => findSignal(run, kind, key)).find((found) => found !== undefined),
  })),
  port('a run that has ended is not known', 'a signal to a run that is not there is unknown', (store) => ({
    async signal(signal) {
      const result = await store.signal(signal);
      return result.outcome === 'closed' ? { outcome: 'unknown' } : result;
    },
  })),
  port('signals do not know of tenants', 'a signal goes to the run of its own tenant', (store) => ({
    signal: (signal) => store.signal({ ...signal, run: { ...signal.run, tenant: 'acme' } }),
  })),
  saving('a signal wakes nobody', 'a signal wakes a waiting run', (next, tables) =>
    next.status === 'queued' && tables.state(next.key)?.status === 'waiting'
      ? { ...next, status: 'waiting', readyAt: null }
      : next,
  ),
  saving('a woken run keeps its timer', 'is not woken by its old timer again', (next, tables) => ({
    ...next,
    wakeAt: next.status === 'queued' ? (tables.state(next.key)?.wakeAt ?? null) : next.wakeAt,
  })),
  saving('a cancel leaves no mark', 'a cancel marks the run', (next) => ({ ...next, cancel: 'none' })),
  rows('an inbox has no end', 'a user signal is refused as full', (tables) => ({
    state(key) {
      const state = tables.state(key);
      return state && { ...state, seen: state.inbox };
    },
  })),
  port('a full inbox refuses the engine’s own signals', 'a user signal is refused as full', (store) => ({
    async signal(signal) {
      const run = await store.run(signal.run);
      return run !== undefined && run.inbox >= INBOX_LIMIT ? { outcome: 'full' } : store.signal(signal);
    },
  })),
  {
    name: 'what was read is what the last commit said',
    caughtBy: 'what the holder has read stays read',
    make: (tables) => {
      const seen = new Map<string, number>();
      return {
        tables: {
          state(key) {
            const state = tables.state(key);
            return state && { ...state, seen: seen.get(key.run) ?? state.seen };
          },
        },
        port: (store) => ({
          async commit(commit) {
            const answer = await store.commit(commit);
            seen.set(commit.run.run, commit.seen ?? 0);
            return answer;
          },
        }),
      };
    },
  },
  rows('a page of the inbox begins with the one before it', 'inbox() reads in pages', ({ inbox }) => ({
    inbox: (run, { after, limit }) => inbox(run, { after: Math.max(0, after - 1), limit }),
  })),
];
