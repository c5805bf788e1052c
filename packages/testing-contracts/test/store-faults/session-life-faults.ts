import type { SessionState } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';
import { swallowing } from './value-faults.ts';

/** A transaction sees sessions as they are not. */
const seeing = (name: string, caughtBy: string, change: (session: SessionState) => SessionState): StoreFault =>
  rows(name, caughtBy, (tables) => ({
    sessionState(key) {
      const session = tables.sessionState(key);
      return session && change(session);
    },
  }));

const saving = (name: string, caughtBy: string, change: (next: SessionState) => SessionState): StoreFault =>
  rows(name, caughtBy, (tables) => ({ saveSession: (next) => tables.saveSession(change(next)) }));

export const SESSION_LIFE_FAULTS: readonly StoreFault[] = [
  port('what is no message is left out in silence', 'what is no message is not put into a thread', (store) => ({
    async replaceMessages(session, messages, head) {
      try {
        return await store.replaceMessages(session, messages, head);
      } catch {
        return store.replaceMessages(session, messages.slice(0, 1), head);
      }
    },
  })),
  seeing('a session can be moved back', 'a session is open, closing, closed, in this order', (session) => ({
    ...session,
    state: 'open',
  })),
  port('a session that closes takes runs', 'a session that is closing or closed refuses new runs', (store) => ({
    async start(run) {
      const result = await store.start(run);
      const closed = result.outcome === 'refused' && result.code === 'SESSION_CLOSED';
      return closed ? store.start(without(run, 'session')) : result;
    },
  })),
  port('a closed session forgets who was in it', 'a start that names a run finds it, also when its', (store) => ({
    async start(run) {
      const session = run.session && (await store.session({ tenant: run.key.tenant, session: run.session.id }));
      if (session === undefined || session.state === 'open') return store.start(run);
      return { outcome: 'refused', code: 'SESSION_CLOSED', session };
    },
  })),
  rows('a run that waits does not hold off a close', 'a session is not closed while a run holds it', (tables) => ({
    sessionState(key) {
      const session = tables.sessionState(key);
      const active = session?.activeRun ? tables.state({ tenant: key.tenant, run: session.activeRun }) : undefined;
      return session && active?.status === 'waiting' ? { ...session, activeRun: null } : session;
    },
  })),
  rows('a queue does not hold off a close', 'a session is not closed while a cancelled run', () => ({
    queueLength: () => 0,
  })),
  rows('a session that closes drops its queue', 'what stood in the queue of a session that closes', (tables) => ({
    firstInQueue: (key) => (tables.session(key)?.state === 'open' ? tables.firstInQueue(key) : undefined),
  })),
  saving('what was replaced stays in the thread', 'messages that replace a thread are numbered on', (next) => ({
    ...next,
    threadFloor: 0,
  })),
  rows('an empty thread begins again', 'a thread that is cleared is empty and goes on counting', (tables) => ({
    threadHead: (key) => tables.messages(key, { before: Number.MAX_SAFE_INTEGER, limit: 1 })[0]?.n ?? 0,
  })),
  rows('only the first replacement counts', 'a thread is replaced again and again', (tables) => ({
    saveSession(next) {
      const floor = tables.sessionState(next.key)?.threadFloor ?? 0;
      tables.saveSession(floor === 0 ? next : { ...next, threadFloor: floor });
    },
  })),
  port('a replacement expects nothing', 'a replacement that expects another head', (store) => ({
    async replaceMessages(session, messages) {
      const head = await store.threadHead({ tenant: session.tenant, of: 'session', id: session.session });
      return store.replaceMessages(session, messages, head);
    },
  })),
  rows('a run in the queue does not guard the thread', 'a thread is not replaced under a run', () => ({
    queueLength: () => 0,
  })),
  seeing('a session that closes is as good as open', 'a thread is not replaced once its session', (session) =>
    session.state === 'closing' ? { ...session, state: 'open' } : session,
  ),
  rows('blobs of replaced messages stay', 'a session uses the blobs of the messages that it has now', () => ({
    setSessionBlobs: () => undefined,
  })),
  port('messages are looked at late', 'what is put into a thread is a copy', (store) => ({
    async replaceMessages(...given) {
      await Promise.resolve();
      return store.replaceMessages(...given);
    },
  })),
  port('sessions of every state are listed', 'listSessions() shows a tenant’s sessions', (store) => ({
    listSessions: (query) => store.listSessions(without(query, 'state')),
  })),
  port('a page of sessions begins one too late', 'pages of sessions join without a gap', (store) => ({
    async listSessions(query) {
      const page = await store.listSessions(query);
      const [at, number] = page.next?.split('_') ?? [];
      return number === undefined ? page : { ...page, next: `${at}_${Number(number) - 1}` };
    },
  })),
  swallowing('a state that no session moves to', 'moveSession', 'replaceMessages', 'listSessions'),
];
