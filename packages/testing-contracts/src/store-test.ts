import type { Clock, Store, StoreCapabilities } from '@prusik/core';
import type { FakeClock } from './fake-clock.ts';
import type { StoreScenario } from './store-scenario.ts';

/** What a test of the store suite gets: an empty store, its clock, and short ways through it. */
export interface StoreTestBed extends StoreScenario {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly capabilities: StoreCapabilities;
  /** Opens the same data once more. */
  open(clock?: Clock): Promise<Store>;
}

/** A test of the store suite. */
export interface StoreTest {
  readonly title: string;
  /** Only for stores that are this. */
  readonly needs?: 'durable' | 'multiProcess';
  readonly run: (bed: StoreTestBed) => Promise<void>;
}
