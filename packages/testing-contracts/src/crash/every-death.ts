import type { Store } from '@prusik/core';
import { fakeClock, type FakeClock } from '../fake-clock.ts';
import type { StoreStorage } from '../store-contract.ts';
import { dyingStore } from './dying-store.ts';
import { acknowledgingStore, type EffectLine, type WriteLine } from './effect-lines.ts';
import { inspectStore, type InspectOptions, type Inspection } from './inspect.ts';

/** One life of the process that a test kills. */
export interface Life {
  readonly store: Store;
  readonly clock: FakeClock;
  /** Where bodies tell what they do: outside of every store. */
  readonly write: WriteLine;
  /** 1 for the first life, then 2 and 3. */
  readonly number: number;
}

/** What {@link everyDeath} takes. */
export interface EveryDeath {
  /** Makes an empty storage, as for `storeContract`. Called once per point. */
  readonly create: () => StoreStorage | Promise<StoreStorage>;
  /** Brings the work to its end from wherever the store has it. Never settles in a life that dies. */
  readonly live: (life: Life) => Promise<unknown>;
  /** What must hold beside the rules of {@link inspectStore}; throw to say no. */
  readonly check?: (end: {
    readonly store: Store;
    readonly lines: readonly EffectLine[];
    readonly point: string;
  }) => Promise<void> | void;
  /** Steps whose body writes no line. @default none */
  readonly isSilent?: InspectOptions['isSilent'];
  /** Also dies a second time in the second life, at this write of it. */
  readonly again?: number;
  /** Every so many points only. @default 1 */
  readonly every?: number;
  /** How much time passes on the clock every few milliseconds, so that leases of the dead run out and timers fall due. @default 10_000 */
  readonly tickMs?: number;
}

const TICK_EVERY_MS = 5;

/**
 * Kills the process before its k-th write to the store and, in another life of the same storage, after it, for k = 1, 2, … until it ends
 * before it can die. After each death the work is taken up on what the storage has, and everything is looked at.
 *
 * @returns The inspection of each point, by its name: `before commit 7`.
 * @throws {Error} naming the first point that broke something, and what.
 */
export async function everyDeath(options: EveryDeath): Promise<ReadonlyMap<string, Inspection>> {
  const points = new Map<string, Inspection>();
  for (const when of ['before', 'after'] as const) {
    for (let k = 1; ; k += options.every ?? 1) {
      const tried = await dieOnce(options, k, when);
      if (tried === undefined) break;
      points.set(tried.point, tried.inspection);
    }
  }
  return points;
}

async function dieOnce(
  { create, live, check, isSilent, again, tickMs = 10_000 }: EveryDeath,
  k: number,
  when: 'before' | 'after',
): Promise<{ readonly point: string; readonly inspection: Inspection } | undefined> {
  const clock = fakeClock();
  const storage = await create();
  const stores: Store[] = [];
  const lines: EffectLine[] = [];
  const write: WriteLine = (line) => void lines.push(line);
  let lives = 0;
  const time = setInterval(() => clock.advance(tickMs), TICK_EVERY_MS);

  /** The next process: opens the storage again, beside the dead one if it can; what only memory holds is all that is left. */
  async function nextStore(): Promise<Store> {
    const last = stores.at(-1);
    if (last !== undefined && !last.capabilities.multiProcess) {
      if (!last.capabilities.durable) return last;
      await last[Symbol.asyncDispose]();
    }
    const store = await storage.open({ clock });
    stores.push(store);
    return store;
  }

  /** Says what it died at. What a dead process wrote after its death never happened. */
  async function dies(at: number): Promise<string | undefined> {
    const dying = dyingStore(await nextStore(), at, when);
    lives += 1;
    let dead = false;
    const writeAlive: WriteLine = (line) => void (dead || write(line));
    const store = acknowledgingStore(dying.store, writeAlive);
    const ended = live({ store, clock, write: writeAlive, number: lives }).then(() => undefined);
    const point = await Promise.race([dying.died, ended]);
    dead = true;
    return point;
  }

  try {
    const died = await dies(k);
    if (died === undefined) return undefined;
    const twice = again === undefined ? undefined : await dies(again);
    const point = `${died} ${k}${twice === undefined ? '' : `, then ${twice} ${again}`}`;
    try {
      const store = await nextStore();
      lives += 1;
      await live({ store: acknowledgingStore(store, write), clock, write, number: lives });
      const inspection = await inspectStore(store, { lines, ...(isSilent === undefined ? {} : { isSilent }) });
      const [violation] = inspection.violations;
      if (violation !== undefined) throw new Error(`${violation.rule}: run ${violation.run}: ${violation.message}`);
      await check?.({ store, lines, point });
      return { point, inspection };
    } catch (cause) {
      throw new Error(`The process that died ${point} left something broken: ${String(cause)}`, { cause });
    }
  } finally {
    clearInterval(time);
    for (const store of stores) await store[Symbol.asyncDispose]();
    await storage.remove?.();
  }
}
