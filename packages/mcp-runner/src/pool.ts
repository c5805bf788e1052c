import { createBreaker, isPrusikError, PrusikError, type Clock, type Health } from '@prusik/core';
import { backoffMs } from './backoff.ts';
import type { Connect, Connection, ConnectOptions } from './connection.ts';
import { unavailable, wasNotSent } from './errors.ts';
import type { McpLimits } from './limits.ts';
import { createPlaces, type Places } from './places.ts';
import { abortable } from './wait.ts';

/** Calls that wait for a place, of one connection. */
const WAITING_CALLS = 256;
const WAITING_RETRY_MS = 1_000;
const SERVERS = 64;

/** Whose connection: a server, and what keeps it apart from others of its name (a sandbox, whoever signed in). */
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
  /** From 0 to 1, for the jitter. */
  readonly random: () => number;
  /** Connections at once, those that start or end included. @default 64 */
  readonly servers?: number;
}

/** How a connection stands. */
export interface PoolState extends PoolKey {
  readonly status: 'stopped' | 'starting' | 'ready';
  /** Calls under way, and calls that wait for a place. */
  readonly calls: number;
  readonly waiting: number;
  /** Why it was last not there, by the code. */
  readonly lastError?: string;
  /** No start is tried for so long. */
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
  states(): readonly PoolState[];
}

interface Slot {
  readonly key: PoolKey;
  readonly entry: PoolEntry;
  readonly places: Places;
  live?: Live | undefined;
  start?: Start | undefined;
  /** Starts in a row that came to nothing. */
  failures: number;
  notBefore: number;
  lastError?: string;
}

interface Live {
  readonly slot: Slot;
  readonly connection: Connection;
  uses: number;
  usedAt: number;
  /** A use of it has succeeded. */
  proved: boolean;
  /** Takes no new uses. */
  leaving: boolean;
  idle?: Disposable | undefined;
}

interface Start {
  readonly live: Promise<Live>;
  waiting: number;
  giveUp(): void;
}

/** What a use came to, unless it threw: nothing of its request was sent, so it may be made again. */
type Outcome<T> = { readonly value: T } | { readonly unsent: unknown };

/** Of these a server is to blame; whatever else a use rejects with, its server has answered. */
const DOWN: ReadonlySet<string> = new Set([
  'MCP_UNAVAILABLE',
  'MCP_CALL_LOST',
  'MCP_CALL_TIMEOUT',
  'MCP_PROTOCOL_ERROR',
  'MCP_MESSAGE_TOO_LARGE',
]);

export function createPool({ open, clock, random, servers = SERVERS }: PoolOptions): Pool {
  const slots = new Map<string, Slot>();
  const breaker = createBreaker<Slot>();
  /** In the order in which they came to be. */
  const lives = new Set<Live>();
  const starts = new Set<Promise<unknown>>();
  const closing = new AbortController();
  let disposal: Promise<void> | undefined;

  const closed = (): PrusikError => new PrusikError('MCP_CLOSED', 'The MCP runner is closed');

  function slotOf(key: PoolKey): Slot {
    const id = idOf(key);
    let slot = slots.get(id);
    if (slot === undefined) {
      const entry = open(key);
      slot = { key, entry, places: createPlaces(entry.limits.calls), failures: 0, notBefore: 0 };
      slots.set(id, slot);
    }
    return slot;
  }

  const refused = (slot: Slot, why: string, ms: number): PrusikError =>
    unavailable(slot.key.server, why, {
      retryAfterMs: Math.ceil(ms),
      ...(slot.lastError === undefined ? {} : { meta: { lastError: slot.lastError } }),
    });

  function failed(slot: Slot, error: unknown): void {
    slot.failures += 1;
    slot.notBefore = clock.monotonic() + backoffMs(slot.failures, random);
    slot.lastError = codeOf(error);
  }

  /** Ends one, and holds its place until it has ended. */
  async function stop(live: Live): Promise<void> {
    live.leaving = true;
    if (live.slot.live === live) live.slot.live = undefined;
    live.idle?.[Symbol.dispose]();
    live.idle = undefined;
    await live.connection.close();
    lives.delete(live);
    forget(live.slot);
  }

  function watchIdle(live: Live, ms: number): void {
    live.idle = clock.after(ms, () => {
      live.idle = undefined;
      if (live.leaving || live.uses > 0) return;
      const left = live.usedAt + live.slot.entry.limits.idleMs - clock.monotonic();
      if (left > 0) watchIdle(live, left);
      else void stop(live);
    });
  }

  /** @throws {PrusikError} `MCP_TOO_MANY_SERVERS`. */
  async function makeRoom(): Promise<void> {
    // The start that asks is among them.
    while (lives.size + starts.size > servers) {
      const [idle] = [...lives]
        .filter((live) => live.uses === 0 && !live.leaving)
        .toSorted((a, b) => a.usedAt - b.usedAt);
      if (idle === undefined)
        throw new PrusikError('MCP_TOO_MANY_SERVERS', `${servers} MCP servers run at once; no other is started`, {
          retryable: true,
          meta: { limit: servers, retryAfterMs: WAITING_RETRY_MS },
        });
      await stop(idle);
    }
  }

  function begin(slot: Slot): Start {
    const own = new AbortController();
    const signal = AbortSignal.any([own.signal, closing.signal]);
    const { connect, events, setup } = slot.entry;
    const run = async (): Promise<Live> => {
      try {
        await makeRoom();
        const connection = await connect({ signal, events, setup });
        const live: Live = { slot, connection, uses: 0, usedAt: clock.monotonic(), proved: false, leaving: false };
        lives.add(live);
        if (signal.aborted) {
          await stop(live);
          signal.throwIfAborted();
        }
        slot.live = live;
        void connection.ended.then((error) => died(live, error));
        watchIdle(live, slot.entry.limits.idleMs);
        return live;
      } catch (error) {
        // Who has to sign in first is not kept from it.
        if (!signal.aborted && !codeOf(error).startsWith('MCP_SIGN_IN_')) failed(slot, error);
        throw error;
      } finally {
        starts.delete(live);
        if (slot.start === start) slot.start = undefined;
      }
    };
    const live = Promise.resolve().then(run);
    live.catch(() => {});
    starts.add(live);
    const start: Start = {
      live,
      waiting: 0,
      giveUp() {
        if (slot.start === start) slot.start = undefined;
        own.abort(closed());
      },
    };
    slot.start = start;
    return start;
  }

  function died(live: Live, error: PrusikError): void {
    if (live.leaving) return;
    // One that dies before it was of any use would be started again with each call.
    if (live.proved) live.slot.lastError = error.code;
    else failed(live.slot, error);
    void stop(live);
  }

  async function connected(slot: Slot, signal: AbortSignal): Promise<Live> {
    const wait = slot.notBefore - clock.monotonic();
    if (slot.start === undefined && wait > 0)
      throw refused(slot, 'it failed, and is started again after a while', wait);
    const start = slot.start ?? begin(slot);
    start.waiting += 1;
    try {
      return await abortable(start.live, AbortSignal.any([signal, closing.signal]));
    } finally {
      start.waiting -= 1;
      if (start.waiting === 0 && slot.live === undefined) start.giveUp();
    }
  }

  async function take(slot: Slot, signal: AbortSignal): Promise<void> {
    if (slot.places.tryTake()) return;
    if (slot.places.waiting >= WAITING_CALLS)
      throw refused(slot, `${slot.places.taken} calls are under way and ${WAITING_CALLS} wait`, WAITING_RETRY_MS);
    await slot.places.wait(AbortSignal.any([signal, closing.signal]));
  }

  async function useOnce<T>(
    slot: Slot,
    signal: AbortSignal,
    work: (connection: Connection) => Promise<T>,
  ): Promise<Outcome<T>> {
    const passage = breaker.enter(slot, clock.monotonic());
    if ('retryInMs' in passage) throw refused(slot, 'it has failed again and again', passage.retryInMs);
    let begun = 0;
    let live: Live | undefined;
    let health: Health = 'unknown';
    try {
      // A start that fails is held back by itself, however many waited for it.
      live = slot.live ?? (await connected(slot, signal));
      live.uses += 1;
      begun = clock.monotonic();
      const value = await work(live.connection);
      health = 'up';
      return { value };
    } catch (error) {
      if (live === undefined || signal.aborted || closing.signal.aborted) throw error;
      health = healthAfter(error);
      const unsent = wasNotSent(error);
      // Dead though nobody has told yet, or so busy with something that it will not answer the next one either.
      if (unsent || (isPrusikError(error, 'MCP_CALL_TIMEOUT') && live.connection.heardAt() <= begun)) retire(live);
      if (unsent) return { unsent: error };
      throw error;
    } finally {
      passage.settle(health, clock.monotonic());
      if (live !== undefined) leave(live, health);
    }
  }

  function retire(live: Live): void {
    live.leaving = true;
    if (live.slot.live === live) live.slot.live = undefined;
  }

  function leave(live: Live, health: Health): void {
    live.uses -= 1;
    live.usedAt = clock.monotonic();
    if (health === 'up') {
      live.proved = true;
      live.slot.failures = 0;
    }
    if (live.uses > 0) return;
    if (live.leaving) void stop(live);
    else if (live.idle === undefined) watchIdle(live, live.slot.entry.limits.idleMs);
  }

  /** Whoever has used it once, for one of thousands of users perhaps, is not remembered for ever. */
  function forget(slot: Slot): void {
    const { live, start, places, failures } = slot;
    if (live === undefined && start === undefined && places.taken === 0 && failures === 0) slots.delete(idOf(slot.key));
  }

  async function dispose(): Promise<void> {
    closing.abort(closed());
    const ends = [...lives].toReversed().map(stop);
    await Promise.allSettled([...ends, ...starts]);
  }

  return {
    async use(key, { signal }, work) {
      if (disposal !== undefined) throw closed();
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
      [...slots.values()].map((slot) => {
        const wait = Math.ceil(slot.notBefore - clock.monotonic());
        return {
          ...slot.key,
          status: slot.live !== undefined ? 'ready' : slot.start !== undefined ? 'starting' : 'stopped',
          calls: slot.places.taken,
          waiting: slot.places.waiting,
          ...(slot.lastError === undefined ? {} : { lastError: slot.lastError }),
          ...(slot.live === undefined && slot.start === undefined && wait > 0 ? { retryAfterMs: wait } : {}),
        };
      }),

    [Symbol.asyncDispose]() {
      disposal ??= dispose();
      return disposal;
    },
  };
}

const idOf = ({ server, instance }: PoolKey): string => JSON.stringify([server, instance]);

const codeOf = (error: unknown): string => (isPrusikError(error) ? error.code : 'UNKNOWN_ERROR');

const healthAfter = (error: unknown): Health => (DOWN.has(codeOf(error)) ? 'down' : 'up');
