import { checkId, DEFAULT_TENANT, PrusikError, randomId, type NewId, type SessionKey } from '@prusik/core';
import type { Engine } from '@prusik/durable';
import { createSession, type Session } from './session.ts';
import { createSharedResources } from './shared-resources.ts';

export interface SessionsOptions<Resources> {
  /**
   * Makes what a session needs in this process (a workspace, a connection), once for all who have it open. Disposed, if disposable,
   * when the last of them has left.
   */
  readonly open: (key: SessionKey) => Promise<Resources> | Resources;
}

export interface OpenSessionOptions {
  /** @default 'default' */
  readonly tenant?: string;
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
}

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

  async function open(id: string = newId(), { tenant = DEFAULT_TENANT }: OpenSessionOptions = {}) {
    if (disposed !== undefined) throw new PrusikError('SESSIONS_CLOSED', 'The sessions are disposed');
    const key = { tenant: checkId('tenant', tenant), session: checkId('session', id) };
    // Without resources a session is a handle on the store: nothing to share, nothing to keep.
    if (make === undefined) return createSession(engine, key, undefined, async () => {});
    const name = JSON.stringify([tenant, id]);
    const resources = await shared.acquire(name, key);
    let left: Promise<void> | undefined;
    return createSession(engine, key, resources, () => (left ??= shared.release(name)));
  }

  return {
    open,
    async get(id, { tenant = DEFAULT_TENANT } = {}) {
      const stored = await engine.store.session({ tenant, session: id });
      return stored && open(id, { tenant });
    },
    [Symbol.asyncDispose]: () => (disposed ??= shared.disposeAll()),
  };
}
