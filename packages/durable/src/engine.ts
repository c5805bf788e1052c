import { AsyncLocalStorage } from 'node:async_hooks';
import {
  checkId,
  checkOptions,
  createCleanup,
  logObserver,
  PrusikError,
  randomId,
  serializeError,
  safeLogger,
  systemClock,
  type DurableDefinition,
  type RunKey,
  type RunKind,
} from '@prusik/core';
import { createBreather } from './breather.ts';
import { bounded } from './bounded.ts';
import { createDecider } from './decisions.ts';
import { drain } from './drain.ts';
import type { DriveEnv } from './drive-env.ts';
import { createDriver } from './driver.ts';
import type { Engine, EngineHealth, EngineOptions, EngineWarning, RunResult } from './engine-types.ts';
import { createDrivenTrees } from './driven-trees.ts';
import { driveInline } from './inline-drive.ts';
import { refuseInside } from './inside.ts';
import { completeLimits } from './limits.ts';
import { createLiveBoard } from './live-board.ts';
import { createLiveWriter } from './live-writer.ts';
import { joinObservers } from './observers.ts';
import { createRequestFeeds } from './request-feed.ts';
import { createRoom } from './room.ts';
import { createReaders } from './run-events.ts';
import { createStarter } from './start-run.ts';
import { warningsTo } from './warnings.ts';
import { startWorker } from './worker.ts';

const KNOWN = {
  names: {
    store: true,
    definitions: true,
    deps: true,
    forks: true,
    canAnswer: true,
    clock: true,
    newId: true,
    limits: true,
    onWarning: true,
    observers: true,
    logger: true,
  } satisfies Record<keyof EngineOptions, true>,
};

const KINDS: ReadonlySet<RunKind> = new Set(['workflow', 'agent', 'function']);

/**
 * Runs durable functions over a store. Whatever a process was doing when it died, an engine on the same store goes on with.
 * Disposal gives running runs back; the store is the caller's and stays open.
 *
 * @throws {TypeError} for a definition without a usable name, kind or version, two of one name, an option that is none, or a limit that cannot be one.
 */
export function createEngine<Deps = unknown>(options: EngineOptions<Deps>): Engine {
  checkOptions('The engine', options, KNOWN);
  const { store, clock = systemClock, newId = randomId } = options;
  const limits = completeLimits(options.limits);
  const definitions = indexDefinitions(options.definitions as readonly DurableDefinition<never, unknown, unknown>[]);
  const { logger, observers = [] } = options;
  if (!Array.isArray(observers)) throw new TypeError('observers must be a list, such as [telemetry()]');
  const tell = warningsTo(options);
  let claimError: EngineHealth['claimError'];
  const warn = (warning: EngineWarning): void => {
    const { code, run } = warning;
    if (code === 'CLAIM_FAILED') claimError = { code: serializeError(warning.cause).code, at: clock.now() };
    observer?.event({ type: 'warning', code, ...(run === undefined ? {} : { run }) });
    tell(warning);
  };
  const observer = joinObservers(
    logger === undefined ? observers : [...observers, logObserver(safeLogger(logger))],
    warn,
  );
  const writer = createLiveWriter(store, clock, warn);
  const board = createLiveBoard(writer);
  const env: DriveEnv = {
    store,
    clock,
    limits,
    worker: newId(),
    definitions,
    deps: options.deps ?? (() => undefined),
    forks: options.forks,
    speaker: board.speaker,
    room: createRoom(),
    apart: AsyncLocalStorage.snapshot(),
    breathe: createBreather(),
    warn,
    observer,
    isDrivenHere: (run) => driver.isDriving(run),
    watchChildren: ({ tenant, run }, on) =>
      driver.watch((over) => {
        if (over?.parent?.run === run && over.key.tenant === tenant) on();
      }),
  };
  const driver = createDriver(env);
  const readers = createReaders({ store, board, clock, warn, observer, isDrivenHere: env.isDrivenHere });
  const feeds = createRequestFeeds(store, clock);
  const decide = createDecider(env, options.canAnswer);
  const trees = createDrivenTrees(env, driver);
  const workers = new Set<AsyncDisposable>();
  let disposed: Promise<void> | undefined;

  function checkOpen(): void {
    if (disposed !== undefined) throw new PrusikError('ENGINE_CLOSED', 'The engine is disposed');
  }

  const starter = createStarter({ store, definitions, limits, newId, observer });
  const start: Engine['start'] = async (name, input, given) => {
    checkOpen();
    return starter.start(name, input, given);
  };

  async function drive<Output>(key: RunKey, how: Parameters<Engine['drive']>[1]): Promise<RunResult<Output>> {
    checkOpen();
    refuseInside(env, 'drive()');
    // What a run's output looks like is the definition's to say; the journal holds JSON.
    return (await driveInline(env, driver, trees, key, how)) as RunResult<Output>;
  }

  /** In reverse order of what is added: nothing is taken up any more, then what runs is given back, then readers hear of it. */
  async function dispose(): Promise<void> {
    driver.close();
    const closed = new PrusikError('ENGINE_CLOSED', 'The engine is disposed');
    const cleanup = createCleanup();
    cleanup.add('requests', () => feeds.close(closed));
    cleanup.add('readers', () => readers.close(closed));
    cleanup.add('live text', () => writer[Symbol.dispose]());
    // A claim that was under way still takes runs, which are given back with the others.
    cleanup.add('runs', () => driver.inTurn(async () => {}).then(() => driver.release()));
    for (const worker of workers) cleanup.add('worker', () => worker[Symbol.asyncDispose]());
    await cleanup.run();
  }

  return {
    store,
    start,
    async startAgain(like, given) {
      checkOpen();
      return starter.startAgain(like, given);
    },
    async run(name, input, given = {}) {
      given.signal?.throwIfAborted();
      refuseInside(env, 'run()');
      const run = await start(name, input, given);
      return drive(run.key, given.signal === undefined ? {} : { signal: given.signal });
    },
    drive,
    worker() {
      checkOpen();
      const running = startWorker(env, driver);
      const worker: AsyncDisposable = {
        async [Symbol.asyncDispose]() {
          if (workers.delete(worker)) await running[Symbol.asyncDispose]();
        },
      };
      workers.add(worker);
      // By an observer that was told of its start.
      if (disposed !== undefined) void worker[Symbol.asyncDispose]();
      return worker;
    },
    async drain(how) {
      checkOpen();
      refuseInside(env, 'drain()');
      return drain(env, driver, how);
    },
    async signal(key, signalKey, given) {
      const body = bounded('body of a signal', given, limits.maxValueBytes);
      return store.signal({ run: key, kind: 'user', key: checkId('signal', signalKey), body });
    },
    wake: (key) => store.wake(key),
    async health() {
      return {
        store: await store.health(),
        worker: env.worker,
        workers: workers.size,
        drives: driver.active(),
        slots: { total: limits.slots, free: driver.slots.free() },
        ...(claimError === undefined ? {} : { claimError }),
      };
    },
    async cancel(key, reason = '') {
      const body = { reason: bounded('reason of a cancel', reason, limits.maxValueBytes) };
      return store.signal({ run: key, kind: 'cancel', key: 'cancel', body });
    },
    async decide(key, request, decision) {
      return decide(key, request, decision);
    },
    watchRequests(how = {}) {
      checkOpen();
      return feeds.open(how);
    },
    events(key, how) {
      checkOpen();
      return readers.open(key, how);
    },
    [Symbol.asyncDispose]() {
      disposed ??= dispose();
      return disposed;
    },
  };
}

function indexDefinitions(
  list: readonly DurableDefinition<never, unknown, unknown>[],
): ReadonlyMap<string, DurableDefinition<never, unknown, unknown>> {
  const byName = new Map<string, DurableDefinition<never, unknown, unknown>>();
  for (const definition of list) {
    checkId('definition name', definition.name);
    const { name, kind, version } = definition;
    if (!KINDS.has(kind))
      throw new TypeError(`${name}: a definition's kind is one of ${[...KINDS].join(', ')}, not ${kind}`);
    if (typeof version !== 'string')
      throw new TypeError(`${name}: the version must be a string, not ${String(version)}`);
    if (byName.has(definition.name)) throw new TypeError(`Two definitions are named ${definition.name}`);
    byName.set(definition.name, definition);
  }
  return byName;
}
