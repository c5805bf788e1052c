import assert from 'node:assert/strict';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { toTraceContext, type DriveObserver, type Entry, type Observer, type TraceContext } from '@prusik/core';
import { ENGINE_EVENTS, tellLife, type Share } from './observer-life.ts';

/** What {@link observerContract} takes. */
export interface ObserverContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** Makes the observer as an engine is given it. Called once per test. */
  readonly create: () => Observer;
  /** Resolves when it has passed on what it keeps to work on later, such as the spans of a batch. @default nothing is waited for */
  readonly settle?: () => Promise<void>;
  /** How long it may take to be told of 1,000 commits, in milliseconds of real time: they are on the way of every run. @default 2_000 */
  readonly withinMs?: number;
}

interface Bed extends Omit<ObserverContract, 'test'> {
  readonly observer: Observer;
}

/** A test of the suite. */
export interface ObserverTest {
  readonly title: string;
  readonly run: (bed: Bed) => Promise<void> | void;
}

const WITHIN_MS = 2_000;

/** Frozen to the bottom: whoever writes to it is told so. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

function checkTrace(what: string, trace: TraceContext | undefined): void {
  if (trace === undefined) return;
  try {
    toTraceContext(trace);
  } catch (error) {
    assert.fail(`${what} stands at ${JSON.stringify(trace)}: ${String(error)}`);
  }
}

/** The same observer, with what every call of it may and may not do looked at. */
function watched(observer: Observer, nothing: (method: string, given: unknown) => void): Observer {
  return {
    caller: () => observer.caller(),
    event: (event) => nothing('event', observer.event(event)),
    drive(run, what) {
      const drive = observer.drive(run, what);
      return {
        trace: drive.trace,
        step(of) {
          const step = drive.step(of);
          return {
            trace: step.trace,
            inside: (body) => step.inside(body),
            retry: (code, ms) => nothing('retry', step.retry(code, ms)),
            over: (recorded) => nothing('over of a step', step.over(recorded)),
          };
        },
        committed: (entries, messages) => nothing('committed', drive.committed(entries, messages)),
        over: (how) => nothing('over of a drive', drive.over(how)),
      };
    },
  };
}

/** A failed assertion that says which run it was, whatever an observer throws. */
function telling(what: string, tell: () => void): void {
  try {
    tell();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_ASSERTION') throw error;
    assert.fail(`${what}: it threw ${String(error)}`);
  }
}

function driveOf(observer: Observer): DriveObserver {
  const run = { tenant: 'acme', run: 'r' };
  return observer.drive(
    { key: run, kind: 'function', definition: 'd', version: '1', root: 'r', depth: 0, createdAt: 1 },
    { epoch: 1, attempt: 1, worker: 'w', at: 1, waits: [] },
  );
}

async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let n = 0; n < 5; n += 1) {
    await new Promise(setImmediate);
    collect();
  }
}

/** The suite of observers, one by one. */
export const OBSERVER_TESTS: readonly ObserverTest[] = [
  {
    title:
      'TEL-3: an observer that is told all that an engine may tell throws nothing, and gives nothing that somebody would have to wait for',
    run({ observer }) {
      const looked = watched(observer, (method, given) =>
        assert.equal(given, undefined, `${method}() gives ${String(given)}`),
      );
      for (const run of ['r1', 'r2']) telling(run, () => tellLife(looked, { run }));
      for (const event of ENGINE_EVENTS) telling(event.type, () => looked.event(event));
      telling('runs that are told of at once', () => {
        const drives = Array.from({ length: 20 }, () => driveOf(observer));
        // A process that is killed says of none of them that it is over.
        for (const drive of drives) drive.step({ key: 's', kind: 'step', effect: 'keyed', attempt: 1 }).inside(() => 1);
      });
    },
  },
  {
    title: 'TEL-3: an observer leaves what it is told as it is, since the engine goes on with it',
    run({ observer }) {
      telling('what is frozen', () => tellLife(observer, { run: 'r1', share: frozen }));
      const told: (readonly [unknown, string])[] = [];
      const share: Share = (value) => {
        told.push([value, JSON.stringify(value)]);
        return value;
      };
      telling('what is not frozen', () => tellLife(observer, { run: 'r2', share }));
      for (const [value, before] of told)
        assert.equal(JSON.stringify(value), before, 'it has changed what it was told');
    },
  },
  {
    title: 'TEL-3: an observer calls the body of a step once, at once, and gives back what it gives or throws',
    run({ observer }) {
      const step = driveOf(observer).step({ key: 's', kind: 'step', effect: 'repeatable', attempt: 1 });
      for (const value of [undefined, 'text', Promise.resolve(1)]) {
        let calls = 0;
        const given = step.inside(() => {
          calls += 1;
          return value;
        });
        assert.equal(calls, 1, `the body was called ${calls} times before inside() was back`);
        assert.ok(given === value, 'inside() gives something else than the body');
      }
      const thrown = new Error('of the body');
      assert.throws(
        () =>
          step.inside(() => {
            throw thrown;
          }),
        (error) => error === thrown,
      );
    },
  },
  {
    title:
      'TEL-2: what an observer says of where callers, drives and steps stand is by W3C Trace Context, and the same whenever it is asked',
    run({ observer }) {
      checkTrace('a caller', observer.caller());
      const drive = driveOf(observer);
      checkTrace('a drive', drive.trace);
      const step = drive.step({ key: 's', kind: 'step', effect: 'repeatable', attempt: 1 });
      checkTrace('a step', step.trace);
      const before = JSON.stringify([drive.trace, step.trace]);
      step.retry('SHAKY', 5);
      step.over(true);
      drive.over('ended');
      assert.equal(JSON.stringify([drive.trace, step.trace]), before, 'a place in a trace has moved');
    },
  },
  {
    title: 'TEL-3: an observer of what is large, strange or newer than it throws nothing',
    run({ observer }) {
      telling('a million characters', () => tellLife(observer, { run: 'large', content: 'x'.repeat(1_048_576) }));
      telling('half a character', () => tellLife(observer, { run: 'half', content: '\uD83D' }));
      telling('what JavaScript takes for something else', () =>
        tellLife(observer, { run: '__proto__', content: '\u0000' }),
      );
      telling('an entry and facts of a newer release', () => {
        const drive = driveOf(observer);
        const entries = [
          { type: 'run-rest', seq: 2, at: 1 },
          { type: 'step-end', seq: 3, at: 1, key: 's', kind: 'dream', outcome: { ok: true }, facts: { of: 'dream' } },
        ] as unknown as readonly Entry[];
        drive.committed(entries, []);
        drive.over('ended');
        observer.event({ type: 'dream' } as never);
      });
    },
  },
  {
    title: 'I9: an observer keeps nothing of what a drive committed once the drive is over and its own work is done',
    async run({ observer, settle }) {
      const told: WeakRef<object>[] = [];
      const share: Share = (value) => {
        if (Array.isArray(value)) for (const item of value) told.push(new WeakRef(item as object));
        return value;
      };
      for (let n = 0; n < 50; n += 1) telling(`run ${n}`, () => tellLife(observer, { run: `r${n}`, share }));
      await settle?.();
      await collectGarbage();
      const kept = told.filter((ref) => ref.deref() !== undefined).length;
      // What the engine of this process has on its stack may still be there.
      assert.ok(kept <= told.length / 50, `${kept} of ${told.length} entries and messages are still in memory`);
    },
  },
  {
    title: 'TEL-3: an observer takes little time: it is on the way of every commit',
    run({ observer, withinMs = WITHIN_MS }) {
      const begun = performance.now();
      for (let n = 0; n < 50; n += 1) telling(`run ${n}`, () => tellLife(observer, { run: `r${n}` }));
      const ms = performance.now() - begun;
      // Of one life there are 14.
      assert.ok(ms / 0.7 <= withinMs, `1,000 commits take ${Math.round(ms / 0.7)} ms`);
    },
  },
];

/** Runs one test of the suite on an observer of its own. */
export async function runObserverTest(
  test: ObserverTest,
  { create, ...bed }: Omit<ObserverContract, 'test'>,
): Promise<void> {
  await test.run({ ...bed, create, observer: create() });
}

/**
 * What is true of every observer of an engine. Titles begin with the ids of the behaviours that they keep.
 */
export function observerContract({ test, ...contract }: ObserverContract): void {
  for (const one of OBSERVER_TESTS) test(one.title, () => runObserverTest(one, contract));
}
