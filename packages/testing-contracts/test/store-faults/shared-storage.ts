import {
  STORE_WRITES,
  createWatchers,
  storeOver,
  type BlobBytes,
  type Clock,
  type RunKey,
  type Store,
  type StoreCapabilities,
  type StoreTables,
  type StoreWrites,
  type Watchers,
} from '@prusik/core';
import { liveTextRows, memoryBlobs, memoryTables } from '@prusik/store-memory';
import type { StoreStorage } from '../../src/index.ts';
import type { StoreFault } from './fault.ts';

export const SHARED_CAPABILITIES: StoreCapabilities = { durable: true, multiProcess: true, noticeMs: 0 };

/** Rows in memory that outlive the handles on them, and that several handles share: a store to break in every way there is. */
export function sharedStorage(fault?: StoreFault): StoreStorage {
  const handles = new Set<Watchers>();
  const liveText = liveTextRows();
  let sound = memoryTables();
  let broken = fault?.make(sound);
  let tables: StoreTables = { ...sound, ...broken?.tables };
  let latest = Number.NEGATIVE_INFINITY;
  let latestEntry = Number.NEGATIVE_INFINITY;
  let lastEntry = Number.NEGATIVE_INFINITY;
  const bytes = memoryBlobs({ maxBytes: 2 ** 30, now: () => latest });
  const blobs: BlobBytes = { ...bytes, ...broken?.blobs?.(bytes) };

  const calls: (readonly [keyof StoreWrites, ...given: unknown[]])[] = [];

  function forget(): void {
    sound = memoryTables();
    broken = fault?.make(sound);
    tables = { ...sound, ...broken?.tables };
  }

  const apply = (method: keyof StoreWrites, given: readonly unknown[]): unknown =>
    (tables[method] as (...given: readonly unknown[]) => unknown)(...given);

  /** What is written, and remembered to be written again. */
  function remembering(): StoreTables {
    const methods = STORE_WRITES.map((method) => [
      method,
      (...given: unknown[]): unknown => {
        calls.push([method, ...given]);
        return apply(method, given);
      },
    ]);
    return { ...tables, ...Object.fromEntries(methods) };
  }

  function forgetAll(lost: keyof StoreWrites): void {
    forget();
    for (const [method, ...given] of calls) if (method !== lost) apply(method, given);
  }

  /** What one handle writes the watchers of the others hear of. */
  function tellingOthers(store: Store, own: Watchers): Store {
    return {
      ...store,
      async writeLiveText(writes) {
        await store.writeLiveText(writes);
        if (broken?.storage?.tellsNobodyElse === true) return;
        for (const other of handles) if (other !== own) other.tellLiveText();
      },
    };
  }

  function open({ clock }: { readonly clock: Clock }): Store {
    const watchers = createWatchers();
    const held = new Map<string, RunKey>();
    handles.add(watchers);
    const written = broken?.storage?.losesWhenClosed === undefined ? tables : remembering();
    const tracking: StoreTables = {
      ...written,
      saveRun(state) {
        if (state.status === 'running') held.set(JSON.stringify(state.key), state.key);
        written.saveRun(state);
      },
      appendEntries(run, from, at, bodies) {
        latestEntry = Math.max(latestEntry, at);
        lastEntry = at;
        written.appendEntries(run, from, at, bodies);
      },
    };
    const store = storeOver({
      capabilities: SHARED_CAPABILITIES,
      reads: tables,
      liveText: { ...liveText, ...broken?.liveText?.(liveText) },
      blobs,
      watchers,
      now: () => Math.max(latest, clock.now()),
      async write(_size, work) {
        await Promise.resolve();
        const now = broken?.storage?.clockFollowsTheMachine === true ? clock.now() : Math.max(latest, clock.now());
        latest = now;
        const news = watchers.collect();
        const answer = work({ tables: tracking, now, news });
        news.tell();
        if (broken?.storage?.tellsNobodyElse !== true)
          for (const other of handles) if (other !== watchers) other.tellUnknown();
        return answer;
      },
      async close() {
        await Promise.resolve();
        handles.delete(watchers);
        if (broken?.storage?.keepsLeasesOfTheClosed !== true) {
          for (const key of held.values()) {
            const state = tables.state(key);
            if (state?.status === 'running')
              tables.saveRun({ ...state, leaseUntil: Math.min(latest, state.leaseUntil ?? latest) });
          }
        }
        if (broken?.storage?.clockIsKeptWithEntriesOnly === true) latest = latestEntry;
        if (broken?.storage?.clockGoesByTheLastEntry === true) latest = lastEntry;
        if (broken?.storage?.forgetsWhenClosed === true) forget();
        if (broken?.storage?.losesWhenClosed !== undefined) forgetAll(broken.storage.losesWhenClosed);
      },
    });
    return { ...tellingOthers(store, watchers), ...broken?.port?.(store) };
  }

  return { open };
}
