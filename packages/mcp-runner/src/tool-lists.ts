import type { Clock } from '@prusik/core';
import type { Connection } from './connection.ts';
import { listTools } from './list-tools.ts';
import type { McpLimits } from './limits.ts';
import { makeOffer, type Offer, type OfferOptions } from './offer.ts';
import type { ToolPins } from './pins.ts';
import { abortable } from './wait.ts';

/** A server that says again and again that its list is another one is asked no more often. */
const MOST_ASKS = 10;
const ASKS_MS = 10_000;
/** A list may change without a word. What a server says of that is heeded between the two: that nothing may be kept, which is what most say, would cost each call a list. */
const TTL_MS = { least: 10_000, most: 300_000 };

export interface ToolListsOptions extends Omit<OfferOptions, 'era' | 'limits' | 'resources'> {
  readonly limits: McpLimits;
  readonly clock: Clock;
  readonly resources: 'tools' | undefined;
}

/** What is offered of one server, over each of its connections. */
export interface ToolLists {
  /**
   * What is offered now. Asked of the server when its connection is new, when it has said that something changed (at most ten times in ten seconds), and when the
   * answer is old. Whoever asks meanwhile shares the answer.
   *
   * @throws what {@link listTools} and the store of the pins throw.
   */
  of(connection: Connection, signal: AbortSignal): Promise<Offer>;
  /** The server has said that its tools are others. */
  changed(): void;
  /** Replaces what is pinned, as a person has decided; asked anew after that. */
  repin(change: (pins: ToolPins) => ToolPins): Promise<void>;
  /** What was last offered, over whatever connection. */
  readonly last: Offer | undefined;
}

interface Known {
  readonly offer: Promise<Offer>;
  readonly askedAt: number;
  readonly changes: number;
  readonly decisions: number;
  ttlMs: number;
  /** What `offer` has come to. */
  made?: Offer;
}

export function createToolLists({ limits, resources, ...options }: ToolListsOptions): ToolLists {
  const { clock, governed, pins } = options;
  const known = new WeakMap<Connection, Known>();
  let changes = 0;
  let decisions = 0;
  let asks: readonly number[] = [];
  let last: Offer | undefined;
  let turn: Promise<unknown> = Promise.resolve();

  /** Pins are read, and written as what was read and more. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work);
    turn = done.catch(() => undefined);
    return done;
  }

  function isFresh(one: Known): boolean {
    const now = clock.monotonic();
    if (one.decisions !== decisions) return false;
    const isSame = one.changes === changes && now - one.askedAt < one.ttlMs;
    return isSame || now - (asks.at(-MOST_ASKS) ?? -Infinity) < ASKS_MS;
  }

  function ask(connection: Connection): Known {
    // Nobody's signal: whoever else waits for it is not to lose it. It ends by its own deadline.
    const { signal } = new AbortController();
    const list = async (): Promise<Offer> => {
      try {
        const raw = await listTools(connection, { server: governed.server, limits, clock, signal });
        one.ttlMs = Math.min(Math.max(raw.ttlMs ?? TTL_MS.most, TTL_MS.least), TTL_MS.most);
        const { protocol, capabilities } = connection;
        const reads = resources === 'tools' && capabilities.resources !== undefined;
        last = await inTurn(() => makeOffer(raw.items, { ...options, limits, era: protocol.era, resources: reads }));
        one.made = last;
        return last;
      } catch (error) {
        if (known.get(connection) === one) known.delete(connection);
        throw error;
      }
    };
    const askedAt = clock.monotonic();
    asks = [...asks, askedAt].slice(-MOST_ASKS);
    const offer = Promise.resolve().then(list);
    offer.catch(() => {});
    const one: Known = { offer, askedAt, changes, decisions, ttlMs: TTL_MS.most };
    known.set(connection, one);
    return one;
  }

  return {
    async of(connection, signal) {
      const one = known.get(connection);
      if (one === undefined || !isFresh(one)) return abortable(ask(connection).offer, signal);
      signal.throwIfAborted();
      return one.made ?? abortable(one.offer, signal);
    },
    changed() {
      changes += 1;
    },
    repin: (change) =>
      inTurn(async () => {
        await pins.set(governed.server, change(await pins.get(governed.server)));
        decisions += 1;
      }),
    get last() {
      return last;
    },
  };
}
