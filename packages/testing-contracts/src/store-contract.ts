import assert from 'node:assert/strict';
import type { Clock, Store, StoreCapabilities } from '@prusik/core';
import { fakeClock } from './fake-clock.ts';
import { storeScenario } from './store-scenario.ts';
import { STORE_ARTIFACT_TESTS } from './store-artifact-tests.ts';
import { STORE_BLOB_TESTS } from './store-blob-tests.ts';
import { STORE_BRANCH_TESTS } from './store-branch-tests.ts';
import { STORE_CLAIM_TESTS } from './store-claim-tests.ts';
import { STORE_COMPACTION_TESTS } from './store-compaction-tests.ts';
import { STORE_DEADLINE_TESTS } from './store-deadline-tests.ts';
import { STORE_COMMIT_TESTS } from './store-commit-tests.ts';
import { STORE_END_TESTS } from './store-end-tests.ts';
import { STORE_FENCE_TESTS } from './store-fence-tests.ts';
import { STORE_GRANT_TESTS } from './store-grant-tests.ts';
import { STORE_HISTORY_TESTS } from './store-history-tests.ts';
import { STORE_IMPORT_REFUSAL_TESTS } from './store-import-refusal-tests.ts';
import { STORE_IMPORT_SESSION_TESTS } from './store-import-session-tests.ts';
import { STORE_IMPORT_TESTS } from './store-import-tests.ts';
import { STORE_LEDGER_TESTS } from './store-ledger-tests.ts';
import { STORE_LIFETIME_TESTS } from './store-lifetime-tests.ts';
import { STORE_LIVE_TEXT_TESTS } from './store-live-text-tests.ts';
import { STORE_HEALTH_TESTS } from './store-health-tests.ts';
import { STORE_LIST_TESTS } from './store-list-tests.ts';
import { STORE_TIME_LIST_TESTS } from './store-time-list-tests.ts';
import { STORE_NOTE_TESTS } from './store-note-tests.ts';
import { STORE_PARK_TESTS } from './store-park-tests.ts';
import { STORE_REQUEST_TESTS } from './store-request-tests.ts';
import { STORE_REMOVAL_AGE_TESTS } from './store-removal-age-tests.ts';
import { STORE_REMOVAL_CURSOR_TESTS } from './store-removal-cursor-tests.ts';
import { STORE_REMOVAL_SESSION_TESTS } from './store-removal-session-tests.ts';
import { STORE_REMOVAL_TESTS } from './store-removal-tests.ts';
import { STORE_RETENTION_TESTS } from './store-retention-tests.ts';
import { STORE_SESSION_LIFE_TESTS } from './store-session-life-tests.ts';
import { STORE_SESSION_TESTS } from './store-session-tests.ts';
import { STORE_SIGNAL_TESTS } from './store-signal-tests.ts';
import { STORE_SLOT_TESTS } from './store-slot-tests.ts';
import { STORE_START_TESTS } from './store-start-tests.ts';
import { STORE_STEER_TESTS } from './store-steer-tests.ts';
import type { StoreTest } from './store-test.ts';
import { STORE_THREAD_TESTS } from './store-thread-tests.ts';
import { STORE_VALUE_TESTS } from './store-value-tests.ts';
import { STORE_WATCH_TESTS } from './store-watch-tests.ts';

/** Where one test's store keeps its data. */
export interface StoreStorage {
  /** Opens the storage. Called once more for the same data after the store was disposed if it is `durable`, and beside it if it is `multiProcess`. */
  readonly open: (options: { readonly clock: Clock }) => Store | Promise<Store>;
  /** Removes what is left; every store was disposed before. */
  readonly remove?: () => void | Promise<void>;
}

/** What {@link storeContract} takes. */
export interface StoreContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** Makes an empty storage that no other test sees. Called once per test. */
  readonly create: () => StoreStorage | Promise<StoreStorage>;
  /** What the store claims to be able to do; decides which tests are registered. */
  readonly capabilities: StoreCapabilities;
}

/** Every promise of the {@link Store} port, as tests: what a store that passes may be used for, and one that fails may not. */
const STORE_TESTS: readonly StoreTest[] = [
  ...STORE_START_TESTS,
  ...STORE_CLAIM_TESTS,
  ...STORE_DEADLINE_TESTS,
  ...STORE_FENCE_TESTS,
  ...STORE_COMMIT_TESTS,
  ...STORE_PARK_TESTS,
  ...STORE_END_TESTS,
  ...STORE_SESSION_TESTS,
  ...STORE_STEER_TESTS,
  ...STORE_BRANCH_TESTS,
  ...STORE_HISTORY_TESTS,
  ...STORE_SLOT_TESTS,
  ...STORE_SESSION_LIFE_TESTS,
  ...STORE_REMOVAL_TESTS,
  ...STORE_REMOVAL_AGE_TESTS,
  ...STORE_REMOVAL_SESSION_TESTS,
  ...STORE_REMOVAL_CURSOR_TESTS,
  ...STORE_IMPORT_TESTS,
  ...STORE_IMPORT_REFUSAL_TESTS,
  ...STORE_IMPORT_SESSION_TESTS,
  ...STORE_RETENTION_TESTS,
  ...STORE_COMPACTION_TESTS,
  ...STORE_SIGNAL_TESTS,
  ...STORE_REQUEST_TESTS,
  ...STORE_GRANT_TESTS,
  ...STORE_LEDGER_TESTS,
  ...STORE_THREAD_TESTS,
  ...STORE_NOTE_TESTS,
  ...STORE_ARTIFACT_TESTS,
  ...STORE_LIST_TESTS,
  ...STORE_TIME_LIST_TESTS,
  ...STORE_HEALTH_TESTS,
  ...STORE_VALUE_TESTS,
  ...STORE_WATCH_TESTS,
  ...STORE_LIVE_TEXT_TESTS,
  ...STORE_BLOB_TESTS,
  ...STORE_LIFETIME_TESTS,
];

/**
 * Registers every test that the store's capabilities call for.
 *
 * @throws {TypeError} without capabilities.
 */
export function storeContract({ test, create, capabilities }: StoreContract): void {
  if (typeof capabilities !== 'object')
    throw new TypeError(
      'storeContract: capabilities must say what your store declares: { durable, multiProcess, noticeMs }',
    );
  for (const storeTest of testsFor(capabilities)) {
    test(storeTest.title, async () => runStoreTest(storeTest, await create(), capabilities));
  }
}

/** The tests that a store of these capabilities has to pass. */
export function testsFor(capabilities: StoreCapabilities): readonly StoreTest[] {
  return STORE_TESTS.filter(({ needs }) => needs === undefined || capabilities[needs]);
}

/** Runs one test on one storage and removes it. */
export async function runStoreTest(
  { run }: StoreTest,
  storage: StoreStorage,
  capabilities: StoreCapabilities,
): Promise<void> {
  const clock = fakeClock();
  const opened: Store[] = [];
  const open = async (its: Clock = clock): Promise<Store> => {
    const store = await storage.open({ clock: its });
    opened.push(store);
    return store;
  };
  try {
    const store = await open();
    // Which package it is from is no capability that a test could depend on.
    const { adapter: _, ...offered } = store.capabilities;
    assert.deepEqual(offered, capabilities);
    await run({ store, clock, capabilities, open, ...storeScenario(store) });
  } finally {
    for (const store of opened) await store[Symbol.asyncDispose]();
    await storage.remove?.();
  }
}
