import type { Entry, RunKey, Store } from '@prusik/core';
import type { ObserverCall, RecordingObserver } from '@prusik/testing-contracts';
import { expect } from 'vitest';

type OfRun = Extract<ObserverCall, { readonly run: string }>;

/** What is wrong with the calls of one drive: the order that every observer may rely on. */
function* brokenIn(calls: readonly OfRun[], isOver: boolean): Generator<string> {
  const [first] = calls;
  if (first?.type !== 'drive') yield `begins with ${first?.type}`;
  const open = new Set<string>();
  const ended = new Set<string>();
  let seq = 0;
  let over = false;
  for (const call of calls) {
    if (over) yield `${call.type} after over`;
    switch (call.type) {
      case 'drive':
        if (call !== first) yield 'a second drive of one epoch';
        break;
      case 'step':
        if (open.has(call.step.key)) yield `step ${call.step.key} begins twice`;
        open.add(call.step.key);
        break;
      case 'inside':
      case 'retry':
        if (!open.has(call.key)) yield `${call.type} of ${call.key}, which is not open`;
        break;
      case 'step-over':
        if (!open.delete(call.key)) yield `step ${call.key} is over twice`;
        if (call.recorded && !ended.has(call.key)) yield `step ${call.key} is said to be recorded, and is not`;
        break;
      case 'committed':
        for (const entry of call.entries) {
          if (seq !== 0 && entry.seq !== seq + 1) yield `entry ${entry.seq} after ${seq}`;
          seq = entry.seq;
          if (entry.type === 'step-end' || entry.type === 'step-pause') ended.add(entry.key);
        }
        break;
      case 'over':
        over = true;
        for (const key of open) yield `step ${key} is left open`;
        break;
      default:
        call satisfies never;
    }
  }
  if (isOver && !over) yield 'is never over';
}

/**
 * Checks what observers of several lives were told of all runs: each drive is in order, each entry was told at most once, as it stands in the journal. `died`: observers
 * of processes that are gone, whose last drives have no end.
 */
export async function checkTold(
  store: Store,
  { told, died = [] }: { readonly told: readonly RecordingObserver[]; readonly died?: readonly RecordingObserver[] },
): Promise<ReadonlyMap<string, readonly Entry[]>> {
  const entries = new Map<string, Entry[]>();
  const broken: string[] = [];
  for (const observer of [...died, ...told]) {
    const drives = new Map<string, OfRun[]>();
    for (const call of observer.calls) {
      if (!('run' in call)) continue;
      const name = `${call.run} ${call.epoch}`;
      drives.set(name, [...(drives.get(name) ?? []), call]);
    }
    for (const [name, calls] of drives)
      for (const why of brokenIn(calls, !died.includes(observer))) broken.push(`drive ${name}: ${why}`);
    for (const run of new Set(observer.calls.flatMap((call) => ('run' in call ? [call.run] : [])))) {
      entries.set(run, [...(entries.get(run) ?? []), ...observer.entriesOf(run)]);
    }
  }
  expect(broken).toEqual([]);
  for (const [run, seen] of entries) {
    const key: RunKey = { tenant: 'default', run };
    const journal = await store.entries(key, { after: 0, limit: 1_000 });
    const bySeq = new Map(journal.map((entry) => [entry.seq, entry]));
    expect(seen.map(({ seq }) => seq)).toEqual([...new Set(seen.map(({ seq }) => seq))]);
    for (const entry of seen) expect(entry).toEqual(bySeq.get(entry.seq));
  }
  return entries;
}
