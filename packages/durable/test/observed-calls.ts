import type { EngineEvent, Entry, Store } from '@prusik/core';
import type { ObserverCall, RecordingObserver } from '@prusik/testing-contracts';
import { entriesOf, key } from './support.ts';

/** The entries of a run that its drives have written, which are what an observer is told. */
export const driven = async (store: Store, run: string): Promise<readonly Entry[]> =>
  (await entriesOf(store, key(run))).slice(1);
export const drivesOf = (observer: RecordingObserver): readonly Extract<ObserverCall, { readonly type: 'drive' }>[] =>
  observer.calls.flatMap((call) => (call.type === 'drive' ? [call] : []));
export const eventsOf = (observer: RecordingObserver): readonly EngineEvent[] =>
  observer.calls.flatMap((call) => (call.type === 'event' ? [call.event] : []));
