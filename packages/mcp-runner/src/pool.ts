import { createBreaker, type Clock, type Logger, type Health } from '@prusik/core';
import type { Connect, Connection, ConnectOptions } from './connection.ts';
import { codeOf, runnerClosed, unavailable, wasNotSent } from './errors.ts';
import type { McpLimits } from './limits.ts';
import { createPlaces, type Places } from './places.ts';
import { createPooledServer, type Borrowed, type PooledServer } from './pooled-server.ts';
import { createServerRoom } from './server-room.ts';

/** Calls that wait for a place, of one server. */
const WAITING_CALLS = 256;
const WAITING_RETRY_MS = 1_000;
const SERVERS = 64;
/** From so many on, those that nobody uses and that failed are looked for and forgotten. */
const REMEMBERED = 1_000;

/** Whose connection: a server, and what keeps it apart from others of its name (whoever signed in). */
export interface PoolKey {
  readonly server: string;
  readonly instance: string;
}

/** How the connection of a key is made. */
export interface PoolEntry extends Omit<ConnectOptions, 'signal'> {
  readonly connect: Connect;
  readonly limits: Pick<McpLimits, 'calls' | 'idleMs'>;
}

export interface PoolOptions {
  readonly open: (key: PoolKey) => PoolEntry;
  readonly clock: Clock;
  readonly log?: Logger | undefined;
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
  /** Connections at once, those that start or end included. @default 64 */
  readonly servers?: number;
}

/** How a server stands. */
export interface PoolState extends PoolKey {
  readonly status: PooledServer['status'];
  /** Calls under way, and calls that wait for a place. */
  readonly calls: number;
  readonly waiting: number;
  /** Why it was last not there, by the code, until it is of use again. */
  readonly lastError?: string;
  /** It is not started again for so long. */
  readonly retryAfterMs?: number;
}

/** One connection for each key: started when it is needed, shared by all, replaced when it is dead, stopped when nobody needs it. */
export interface Pool extends AsyncDisposable {
  /**
   * Uses a connection for as long as `work` lasts. When `work` rejects with what {@link wasNotSent} knows, it is called once more with a new one.
   *
   * @throws {PrusikError} `MCP_UNAVAILABLE` (retryable, `meta.retryAfterMs`) while it is not to be started again, or too many calls wait.
   * @throws {PrusikError} `MCP_TOO_MANY_SERVERS`, `MCP_CLOSED`, and what starting it throws.
   */
  use<T>(
    key: PoolKey,
    scope: { readonly signal: AbortSignal },
    work: (connection: Connection) => Promise<T>,
  ): Promise<T>;
  /** Of the servers that run, or that something is remembered of. */
  states(): readonly PoolState[];
}

interface Slot {
  readonly id: string;
  readonly key: PoolKey;
  readonly server: PooledServer;
  readonly places: Places;
}

/** What a use came to, unless it threw: nothing of its request was sent, so it may be made again. */
type Outcome<T> = { readonly value: T } | { readonly unsent: unknown };

/** Of these a server is to blame; whatever else a use rejects with, its server has answered. */
const DOWN: ReadonlySet<string> = new Set([
  'MCP_UNAVAILABLE',
  'MCP_CALL_LOST',
  'MCP_CALL_TIMEOUT',
  'MCP_PROTOCOL_ERROR',
]);

export function createPool({ open, clock, log, random, servers = SERVERS }: PoolOptions): Pool {
  const slots = new Map<string, Slot>();
  /** Of uses; a start that fails is held back by itself, however many waited for it. */
  const breaker = createBreaker<Slot>();
  const room = createServerRoom(servers);
  let disposal: Promise<void> | undefined;

  function slotOf(key: PoolKey): Slot {
    const id = JSON.stringify([key.server, key.instance]);
    const known = slots.get(id);
    if (known !== undefined) return known;
    if (slots.size >= REMEMBERED)
      for (const slot of slots.values()) if (isQuiet(slot) && slot.server.waitMs() === 0) slots.delete(slot.id);
    const { limits, ...entry } = open(key);
    const gone = (): void => forget(slot);
    const slot: Slot = {
      id,
      key,
      places: createPlaces(limits.calls),
      server: createPooledServer({ ...entry, limits, name: key.server, clock, log, random, room, gone }),
    };
    slots.set(id, slot);
    return slot;
  }

  const isQuiet = ({ server, places }: Slot): boolean => server.status === 'stopped' && places.taken === 0;

  /** Of thousands of users each may have one. What is known of its failures is kept. */
  function forget(slot: Slot): void {
    if (isQuiet(slot) && slot.server.lastError === undefined && slots.get(slot.id) === slot) slots.delete(slot.id);
  }

  async function take({ key, places }: Slot, signal: AbortSignal): Promise<void> {
    if (places.tryTake()) return;
    if (places.waiting >= WAITING_CALLS)
      throw unavailable(key.server, `${places.taken} calls are under way and ${WAITING_CALLS} wait`, {
        retryAfterMs: WAITING_RETRY_MS,
      });
    await places.wait(signal);
  }

  async function useOnce<T>(
    slot: Slot,
    signal: AbortSignal,
    work: (connection: Connection) => Promise<T>,
  ): Promise<Outcome<T>> {
    const passage = breaker.enter(slot, clock.monotonic());
    if ('retryInMs' in passage)
      throw unavailable(slot.key.server, 'it has failed again and again', { retryAfterMs: passage.retryInMs });
    let health: Health = 'unknown';
    let borrowed: Borrowed | undefined;
    let begun = 0;
    try {
      borrowed = await slot.server.borrow(signal);
      begun = clock.monotonic();
      const value = await work(borrowed.connection);
      borrowed.prove();
      health = 'up';
      return { value };
    } catch (error) {
      if (borrowed === undefined || signal.aborted || disposal !== undefined) throw error;
      health = DOWN.has(codeOf(error)) ? 'down' : 'up';
      const unsent = wasNotSent(error);
      // Dead though nobody has told yet, or so busy with something that it will not answer the next one either.
      if (unsent || (codeOf(error) === 'MCP_CALL_TIMEOUT' && borrowed.connection.heardAt() <= begun)) borrowed.retire();
      if (unsent) return { unsent: error };
      throw error;
    } finally {
      passage.settle(health, clock.monotonic());
      borrowed?.giveBack();
    }
  }

  async function dispose(): Promise<void> {
    for (const { places } of slots.values()) places.dismiss(runnerClosed());
    await room.clear();
  }

  return {
    async use(key, { signal }, work) {
      if (disposal !== undefined) throw runnerClosed();
      signal.throwIfAborted();
      const slot = slotOf(key);
      await take(slot, signal);
      try {
        const first = await useOnce(slot, signal, work);
        if ('value' in first) return first.value;
        const second = await useOnce(slot, signal, work);
        if ('value' in second) return second.value;
        throw second.unsent;
      } finally {
        slot.places.release();
        forget(slot);
      }
    },

    states: () =>
      [...slots.values()].map(({ key, server, places }) => {
        const { status, lastError } = server;
        const wait = status === 'stopped' ? server.waitMs() : 0;
        return {
          ...key,
          status,
          calls: places.taken,
          waiting: places.waiting,
          ...(lastError === undefined ? {} : { lastError }),
          ...(wait > 0 ? { retryAfterMs: wait } : {}),
        };
      }),

    [Symbol.asyncDispose]() {
      disposal ??= dispose();
      return disposal;
    },
  };
}
