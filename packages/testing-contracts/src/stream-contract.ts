import { disposable, type DurableDefinition, type Json, type Store } from '@prusik/core';
import { STREAM_LIVE_TESTS } from './stream-live-tests.ts';
import { STREAM_ORDER_TESTS } from './stream-order-tests.ts';
import { STREAM_READER_TESTS } from './stream-reader-tests.ts';
import type { StreamEngine, StreamTest } from './stream-test.ts';
import { STREAM_TREE_TESTS } from './stream-tree-tests.ts';

/** Where one test's runs are. */
export interface StreamStorage {
  /** An engine over the data; called again for the same data while the first is open. Disposing it closes what it opened. */
  readonly open: (options: StreamOpenOptions) => StreamEngine | Promise<StreamEngine>;
  readonly remove?: () => void | Promise<void>;
}

/** What an engine under test has to be made of. */
export interface StreamOpenOptions {
  readonly definitions: readonly DurableDefinition<Json, unknown>[];
  /** To be put around the engine's store: counts who watches it. */
  readonly instrument: (store: Store) => Store;
}

/** What {@link streamContract} takes. */
export interface StreamContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** Makes an empty storage that no other test sees. */
  readonly create: () => StreamStorage | Promise<StreamStorage>;
}

/** Every promise about the events of a run, as tests: a reader of an engine that passes gets all, once and in order, and hurts nothing. */
export const STREAM_TESTS: readonly StreamTest[] = [
  ...STREAM_ORDER_TESTS,
  ...STREAM_LIVE_TESTS,
  ...STREAM_READER_TESTS,
  ...STREAM_TREE_TESTS,
];

/** What is true of the events of every engine. Titles begin with the ids of the behaviours that they keep. */
export function streamContract({ test, create }: StreamContract): void {
  for (const streamTest of STREAM_TESTS) test(streamTest.title, async () => runStreamTest(streamTest, await create()));
}

/** Runs one test on one storage and removes it. */
export async function runStreamTest({ run }: StreamTest, storage: StreamStorage): Promise<void> {
  const opened: StreamEngine[] = [];
  const gates: (() => void)[] = [];
  let watching = 0;

  const counted = (watcher: Disposable): Disposable => {
    watching += 1;
    let disposed = false;
    return disposable(() => {
      if (!disposed) watching -= 1;
      disposed = true;
      watcher[Symbol.dispose]();
    });
  };
  const instrument = (store: Store): Store => ({
    ...store,
    watchRun: (key, on) => counted(store.watchRun(key, on)),
    watchLiveText: (key, on) => counted(store.watchLiveText(key, on)),
    watchQueue: (on) => counted(store.watchQueue(on)),
  });

  try {
    await run({
      async open(work, others = {}) {
        const definitions = Object.entries({ ...others, work }).map(
          ([name, body]): DurableDefinition<Json, unknown> => ({ name, kind: 'function', version: '1', run: body }),
        );
        const engine = await storage.open({ definitions, instrument });
        opened.push(engine);
        return engine;
      },
      gate() {
        const { promise, resolve } = Promise.withResolvers<void>();
        gates.push(resolve);
        return { opened: promise, open: resolve };
      },
      watching: () => watching,
    });
  } finally {
    for (const open of gates) open();
    for (const engine of opened) await engine[Symbol.asyncDispose]();
    await storage.remove?.();
  }
}
