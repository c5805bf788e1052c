import {
  checkId,
  DEFAULT_TENANT,
  PrusikError,
  randomId,
  type NewId,
  type Page,
  type RemovedRows,
  type SessionKey,
  type SessionLife,
  type Session as StoredSession,
} from '@prusik/core';
import type { Engine } from '@prusik/durable';
import { deleteSession, type CloseSessionOptions } from './close-session.ts';
import { forkSession } from './fork-session.ts';
import { createSession, type Session } from './session.ts';
import { createSharedResources, type ResourceUse } from './shared-resources.ts';

/** What an open session has in this process besides what is in the store. */
export interface SessionsOptions<Resources> {
  /**
   * Makes what a session needs in this process (a workspace, a connection), once for all who have it open. Disposed, if disposable,
   * when the last of them has left.
   */
  readonly open: (key: SessionKey) => Promise<Resources> | Resources;
}

/** How a session is opened. */
export interface OpenSessionOptions {
  /** @default 'default' */
  readonly tenant?: string;
}

/** How a session is deleted. */
export interface DeleteSessionOptions extends OpenSessionOptions, CloseSessionOptions {}

/** Which sessions are listed. */
export interface ListSessionsQuery {
  /** @default 'default' */
  readonly tenant?: string;
  /** @default every state */
  readonly state?: readonly SessionLife[];
  /** `next` of the page before. */
  readonly after?: string;
  /** At most 1,000. @default 100 */
  readonly limit?: number;
}

/** Where a session is forked, and what the fork is called. */
export interface ForkSessionOptions extends OpenSessionOptions {
  /** Id of the last message that is copied. */
  readonly at: string;
  /** Id of the new session. @default a new one */
  readonly to?: string;
}

/** The conversations of an engine. */
export interface Sessions<Resources = undefined> extends AsyncDisposable {
  /**
   * The session of that id, or a new one. It is stored with its first run. Concurrent openers share one opening; an opening that failed
   * is forgotten, so the next caller tries again.
   *
   * @throws {PrusikError} `SESSIONS_CLOSED` after disposal; and whatever the `open` option throws.
   */
  open(id?: string, options?: OpenSessionOptions): Promise<Session<Resources>>;
  /** The same for a session that is stored; nothing for one that is not. */
  get(id: string, options?: OpenSessionOptions): Promise<Session<Resources> | undefined>;
  /** What is stored, newest first. */
  list(query?: ListSessionsQuery): Promise<Page<StoredSession>>;
  /**
   * A new session with copies of a session's messages up to one of them, under their ids: a conversation of its own. With `to` the same call
   * again gives the session that it made.
   *
   * @throws {PrusikError} `SESSION_EXISTS`, `SESSION_UNKNOWN`, `MESSAGE_UNKNOWN`, `MESSAGE_IN_EXCHANGE` where the result of a tool follows,
   * `FORK_TOO_LARGE` past 10,000 messages or 16 MiB.
   */
  fork(id: string, options: ForkSessionOptions): Promise<Session<Resources>>;
  /**
   * Closes a session and removes it: its messages and all its runs with their trees. Returns how many rows that were; nothing for a session
   * that is not stored. Its id is free then. Can be called again, by any process, to finish what a crash left half done.
   *
   * @throws {PrusikError} `SESSION_BUSY` (retryable) as `close` of the session does.
   */
  delete(id: string, options?: DeleteSessionOptions): Promise<RemovedRows | undefined>;
}

const NO_RESOURCES: ResourceUse<undefined> = { resource: undefined, leave: async () => {} };

/** Sessions on an engine, which stays the caller's. `newId` names new sessions. */
export function createSessions(engine: Engine, options?: { readonly newId?: NewId }): Sessions;
export function createSessions<Resources>(
  engine: Engine,
  options: SessionsOptions<Resources> & { readonly newId?: NewId },
): Sessions<Resources>;
export function createSessions(
  engine: Engine,
  { open: make, newId = randomId }: Partial<SessionsOptions<unknown>> & { readonly newId?: NewId } = {},
): Sessions<unknown> {
  const shared = createSharedResources<SessionKey, unknown>((key) => make?.(key));
  let disposed: Promise<void> | undefined;

  const nameOf = ({ tenant, session }: SessionKey): string => JSON.stringify([tenant, session]);
  const keyOf = (id: string, tenant: string): SessionKey => ({
    tenant: checkId('tenant', tenant),
    session: checkId('session', id),
  });

  async function open(id: string = newId(), { tenant = DEFAULT_TENANT }: OpenSessionOptions = {}) {
    if (disposed !== undefined) throw new PrusikError('SESSIONS_CLOSED', 'The sessions are disposed');
    const key = keyOf(id, tenant);
    // Without resources a session is a handle on the store: nothing to share, nothing to keep.
    const use = make === undefined ? NO_RESOURCES : await shared.acquire(nameOf(key), key);
    return createSession(engine, key, use, () => shared.end(nameOf(key)));
  }

  return {
    open,
    async get(id, { tenant = DEFAULT_TENANT } = {}) {
      const stored = await engine.store.session({ tenant, session: id });
      return stored && open(id, { tenant });
    },
    list: ({ tenant = DEFAULT_TENANT, limit = 100, ...query } = {}) =>
      engine.store.listSessions({ tenant, limit, ...query }),
    async fork(id, { at, to = newId(), tenant = DEFAULT_TENANT }) {
      const key = keyOf(id, tenant);
      await forkSession(engine.store, key, { at, to });
      return open(to, { tenant });
    },
    async delete(id, { tenant = DEFAULT_TENANT, ...options } = {}) {
      const key = keyOf(id, tenant);
      return deleteSession(engine, key, () => shared.end(nameOf(key)), options);
    },
    [Symbol.asyncDispose]: () => (disposed ??= shared.disposeAll()),
  };
}
