import type { RunState, StoreTables } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

const saving = (name: string, caughtBy: string, change: (next: RunState) => RunState): StoreFault =>
  rows(name, caughtBy, (tables) => ({ saveRun: (next) => tables.saveRun(change(next)) }));

/** The run of this id in the session's queue. */
const queued = (tables: StoreTables, tenant: string, id: string | undefined): RunState | undefined =>
  id === undefined ? undefined : tables.state({ tenant, run: id });

export const SESSION_FAULTS: readonly StoreFault[] = [
  port('runs are in no session', 'the first run of a session opens it', (store) => ({
    start: (run) => store.start(without(run, 'session')),
  })),
  port('a refusal does not tell what is asked', 'a second run is refused with SESSION_BUSY', (store) => ({
    async start(run) {
      const result = await store.start(run);
      return 'requestIds' in result ? { ...result, requestIds: [] } : result;
    },
  })),
  rows('a run that waits frees its session', 'a waiting and a blocked run hold their session', (tables) => ({
    sessionState(key) {
      const session = tables.sessionState(key);
      const active = session && queued(tables, key.tenant, session.activeRun ?? undefined);
      const sleeps = active?.status === 'waiting' || active?.status === 'blocked';
      return session && sleeps ? { ...session, activeRun: null } : session;
    },
  })),
  rows('a session is never free again', 'the end of its run frees a session', ({ saveSession }) => ({
    saveSession: (session) => (session.activeRun === null ? undefined : saveSession(session)),
  })),
  rows('a queue is told from its end', 'of many that start in one session at once', (tables) => ({
    session(key) {
      const session = tables.session(key);
      return session && { ...session, queue: session.queue.toReversed() };
    },
  })),
  rows('the hand-over is forgotten', 'the queue is worked off in order', () => ({ firstInQueue: () => undefined })),
  rows('the last in the queue is first', 'the queue is worked off in order', (tables) => ({
    firstInQueue: (key) => queued(tables, key.tenant, tables.session(key)?.queue.at(-1)),
  })),
  rows('a queue has no end', 'a session’s queue holds 32 runs', () => ({ queueLength: () => 0 })),
  rows(
    'a queued run’s messages enter the thread at once',
    'the messages of a queued run enter the thread when',
    (tables) => ({
      insertRun(run, state) {
        tables.insertRun(run, state);
        if (!state.inQueue || run.session === undefined) return;
        const thread = { tenant: run.key.tenant, of: 'session', id: run.session.id } as const;
        tables.appendMessages(thread, tables.threadHead(thread) + 1, run.messages);
      },
      takeQueuedMessages: () => [],
    }),
  ),
  rows(
    'a queued run’s messages enter the thread twice',
    'the messages of a queued run enter the thread once',
    (tables) => ({
      takeQueuedMessages(run) {
        const messages = tables.takeQueuedMessages(run);
        return [...messages, ...messages];
      },
    }),
  ),
  saving('a queued run is cancelled in its turn only', 'a queued run that is asked to cancel is claimed', (next) =>
    next.inQueue ? { ...next, readyAt: null } : next,
  ),
  rows('a session is handed to a run that is asked to cancel', 'the hand-over passes over a run', (tables) => ({
    firstInQueue: (key) => queued(tables, key.tenant, tables.session(key)?.queue[0]),
  })),
  rows('sessions do not know of tenants', 'sessions of different tenants', (tables) => ({
    session: (key) => tables.session({ ...key, tenant: 'acme' }),
  })),
  port('a refused run is kept all the same', 'ten thousand refusals leave nothing behind', (store) => ({
    async start(run) {
      const result = await store.start(run);
      if (result.outcome === 'refused') await store.start(without(run, 'session'));
      return result;
    },
  })),
];
