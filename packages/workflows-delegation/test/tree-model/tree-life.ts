import { isFinal, PrusikError, type RunKey, type RunSummary, type Store } from '@prusik/core';
import { createEngine, type Engine } from '@prusik/durable';
import {
  acknowledgingStore,
  dyingStore,
  fakeClock,
  type EffectLine,
  type FakeClock,
  type StoreStorage,
} from '@prusik/testing-contracts';
import { definitionsOf, type TreeWorld } from './tree-functions.ts';
import type { OutsideAct, TreeSpec } from './tree-spec.ts';

export const ROOT: RunKey = { tenant: 'default', run: 'root' };
export const LIMITS = {
  leaseMs: 30_000,
  heartbeatMs: 10_000,
  cancelGraceMs: 0,
  divergedAfterMs: 60_000,
  maxLostLeases: 1_000,
};
/** Nothing waits longer on the clock than a step for room, which is an hour. */
const QUIET_LIMIT = 6_000;
/** Nothing has moved for so many turns of the event loop: then nothing moves by itself. */
const TURNS = 3;

/** What may be asked of the store while the clock stands still. */
const CALLS_LIMIT = 10_000;

/** Until engines that are disposed are gone, of a second each. */
const TICKS_TO_END = 100;

/** What became of a tree, when all of it has ended. */
export interface TreeLife {
  readonly store: Store;
  readonly lines: readonly EffectLine[];
  /** Runs in the order of their ends, and what was found wrong while they ran. */
  readonly ended: readonly string[];
  readonly wrong: readonly string[];
  /** What each run's function was told, in order. */
  readonly heard: ReadonlyMap<string, readonly string[]>;
  readonly clock: FakeClock;
}

interface Process {
  readonly engine: Engine;
  readonly died: Promise<void>;
}

/** Brings a tree to its end on one storage, whatever its spec says happens to it, and has `look` see what is left. */
export async function live<T>(
  tree: TreeSpec,
  storage: StoreStorage,
  look: (life: TreeLife) => Promise<T>,
  broken: (store: Store) => Store = (store) => store,
): Promise<T> {
  const clock = fakeClock();
  const lines: EffectLine[] = [];
  const ended: string[] = [];
  const wrong: string[] = [];
  const heard = new Map<string, string[]>();
  const opened: Store[] = [];
  const underWay = new Set<Promise<unknown>>();
  const all: Process[] = [];
  let living: readonly Process[] = [];
  let commits = 0;
  let calls = 0;
  let busy = 0;
  let acts = tree.acts;

  const world = (isAlive: () => boolean): TreeWorld => ({
    write: (line) => void (isAlive() && lines.push(line)),
    pass: (ms, signal) => passOf(clock, ms, signal),
    hears: (run) => {
      const before = heard.get(run) ?? [];
      heard.set(run, before);
      let place = 0;
      return (what) => {
        if (!isAlive()) return;
        if (place < before.length && before[place] !== what)
          wrong.push(
            `${run} was told ${JSON.stringify(what)} as its ${place}th, and before that it was ${before[place]}`,
          );
        if (place === before.length) before.push(what);
        place += 1;
      };
    },
  });

  async function open(): Promise<Store> {
    const store = await storage.open({ clock });
    if (!opened.includes(store)) opened.push(store);
    return store;
  }

  /** Counts what a living process asks, and notes each end. */
  function watched(inner: Store): Store {
    return new Proxy(inner, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function' || typeof name !== 'string' || name === 'readBlob' || name.startsWith('watch'))
          return value;
        return async (...given: readonly unknown[]) => {
          calls += 1;
          busy += 1;
          try {
            if (name === 'commit') await turnsOfEventLoop(tree.turns.to);
            const answer: unknown = await (value as (...given: readonly unknown[]) => unknown).apply(target, [
              ...given,
            ]);
            if (name === 'commit') {
              const [{ run, transition }] = given as Parameters<Store['commit']>;
              const { outcome } = answer as Awaited<ReturnType<Store['commit']>>;
              if (outcome === 'committed' && transition?.type === 'end') ended.push(run.run);
              await turnsOfEventLoop(tree.turns.back);
            }
            return answer;
          } finally {
            busy -= 1;
          }
        };
      },
    });
  }

  /** Another process with a worker. */
  async function join(): Promise<void> {
    const store = await open();
    let alive = true;
    const death = Promise.withResolvers<void>();
    const dies =
      (when: 'before' | 'after') =>
      (method: string): boolean => {
        if (method !== 'commit') return false;
        // The outer one counts; both look at the same commit.
        if (when === 'before') commits += 1;
        const due = acts.filter(({ at }) => 'commit' in at && at.commit <= commits);
        const strike = due.find((act) => act.act === 'die' && act.when === when);
        acts = acts.filter((act) => (act === strike ? false : act.act === 'die' || !due.includes(act)));
        for (const act of due) if (act.act !== 'die') start(act);
        if (strike === undefined) return false;
        alive = false;
        death.resolve();
        living = living.filter((one) => one !== process);
        begin(join());
        return true;
      };
    const inner = dyingStore(watched(broken(store)), dies('after'), 'after').store;
    const mortal = dyingStore(inner, dies('before'), 'before').store;
    const its = world(() => alive);
    const engine = createEngine({
      store: acknowledgingStore(mortal, its.write),
      definitions: definitionsOf(tree.root, its),
      limits: { ...LIMITS, parkAfterMs: tree.parkAfterMs },
      clock,
      onWarning: () => {},
    });
    const process: Process = { engine, died: death.promise };
    engine.worker();
    all.push(process);
    living = [...living, process];
  }

  function begin(promise: Promise<unknown>): void {
    const noted: Promise<unknown> = promise
      .catch((error: unknown) => wrong.push(`an act from outside failed: ${String(error)}`))
      .finally(() => underWay.delete(noted));
    underWay.add(noted);
  }

  function start(act: OutsideAct): void {
    switch (act.act) {
      case 'cancel':
        return begin(cancel(act.node));
      case 'join':
        return begin(join());
      case 'relieve': {
        const [first, ...others] = living;
        living = others;
        if (first !== undefined) begin(leave(first));
        return begin(join());
      }
      case 'lapse':
        return clock.advance(LIMITS.leaseMs + 1_000);
      case 'die':
        return undefined;
    }
  }

  /** It may die while it goes. */
  async function leave({ engine, died }: Process): Promise<void> {
    await Promise.race([engine[Symbol.asyncDispose](), died]);
  }

  async function runs(): Promise<readonly RunSummary[]> {
    return (await person.listRuns({ tenant: ROOT.tenant, limit: 1_000 })).items;
  }

  async function whatMoves(): Promise<string> {
    return (await runs())
      .filter(({ status }) => !isFinal(status))
      .map(({ definition, status, epoch, seq }) => `${definition} is ${status}, epoch ${epoch}, ${seq} entries`)
      .join('; ');
  }

  async function cancel(node: string): Promise<void> {
    const found = (await runs()).find(({ definition }) => definition === node);
    if (found !== undefined)
      await person.signal({ run: found.key, kind: 'cancel', key: 'cancel', body: { reason: 'enough' } });
  }

  /** Until nothing moves by itself. */
  async function untilQuiet(): Promise<void> {
    const first = calls;
    for (let turns = 0, before = calls; turns < TURNS; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (calls - first > CALLS_LIMIT) throw new Error(`It does not come to rest: ${await whatMoves()}`);
      if (calls !== before || busy > 0) turns = -1;
      before = calls;
    }
  }

  /** A person says yes to what is waited for. */
  async function approve(): Promise<boolean> {
    const { items } = await person.listRequests({ tenant: ROOT.tenant, status: ['open'], limit: 100 });
    const asked = items.filter(({ stepKey, kind }) => kind === 'approval' && !stepKey?.endsWith('?'));
    for (const { run: of, id } of asked)
      await person.decide({ run: of, request: id, decision: { status: 'approved' } });
    return asked.length > 0;
  }

  const person = await open();
  try {
    await join();
    const { root } = tree;
    await living[0]?.engine.start(root.name, null, {
      id: ROOT.run,
      ...(root.budget === undefined ? {} : { budget: root.budget }),
      ...(root.timeoutMs === undefined ? {} : { timeoutMs: root.timeoutMs }),
    });
    for (let quiet = 0; ; quiet += 1) {
      await untilQuiet();
      const due = acts.filter(({ at }) => 'quiet' in at && at.quiet <= quiet);
      acts = acts.filter((act) => !due.includes(act));
      for (const act of due) start(act);
      if (due.length > 0) continue;
      const found = await runs();
      if (found.every(({ status }) => isFinal(status))) break;
      const blocked = found.find(({ status }) => status === 'blocked');
      if (blocked !== undefined) {
        wrong.push(
          `${blocked.definition} is blocked with ${blocked.blocked?.code}: ${await whyBlocked(person, blocked)}`,
        );
        break;
      }
      if (quiet > QUIET_LIMIT) {
        wrong.push(`it does not come to its end: ${await whatMoves()}`);
        break;
      }
      if (!(await approve())) clock.advance(tree.tickMs * (quiet < 100 ? 1 : 10));
    }
    for (const one of living) begin(leave(one));
    for (let turns = 0; underWay.size > 0 && turns < TICKS_TO_END; turns += 1) {
      await untilQuiet();
      if (turns > 5) clock.advance(1_000);
    }
    if (underWay.size > 0) wrong.push('what was asked from outside is not done');
    return await look({ store: person, lines, ended, wrong, heard, clock });
  } finally {
    // What is dead answers nobody; its timers are ended all the same.
    for (const { engine } of all) void engine[Symbol.asyncDispose]();
    for (const store of opened) await store[Symbol.asyncDispose]();
    await storage.remove?.();
  }
}

async function whyBlocked(store: Store, { key }: RunSummary): Promise<string> {
  const entries = await store.entries(key, { after: 0, limit: 1_000 });
  const block = entries.findLast((entry) => entry.type === 'run-block');
  return block?.type === 'run-block' ? block.message : '';
}

async function turnsOfEventLoop(turns: number): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function passOf(clock: FakeClock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      timer[Symbol.dispose]();
      reject(signal.reason instanceof Error ? signal.reason : new PrusikError('STOPPED', 'stopped'));
    };
    const timer = clock.after(ms, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
  });
}
