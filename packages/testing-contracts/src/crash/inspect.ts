import { runKeyText, type Store } from '@prusik/core';
import type { EffectLine } from './effect-lines.ts';
import { JOURNAL_RULES } from './journal-rules.ts';
import { LEFTOVER_RULES } from './leftover-rules.ts';
import { readRecord } from './record.ts';
import type { Found, Violation } from './rule.ts';
import { WORLD_RULES } from './world-rules.ts';

/** What {@link inspectStore} takes besides the store. */
export interface InspectOptions {
  /** @default 'default' */
  readonly tenant?: string;
  /** What happened outside of the store, in order. Without it only the store is looked at. */
  readonly lines?: readonly EffectLine[];
  /** Steps whose body writes no line, by run id and key. @default none */
  readonly isSilent?: (run: string, step: string) => boolean;
}

/** What a store and the world say together. Every number that is not a violation by itself is there to be compared with the plan. */
export interface Inspection {
  readonly runs: number;
  readonly completed: number;
  /** Outcomes of steps in all journals, and how many different steps they belong to. */
  readonly steps: number;
  readonly uniqueSteps: number;
  /** Outcomes beyond the first of a step or wait, recorded or acknowledged. */
  readonly duplicateCommits: number;
  /** Outcomes that were acknowledged and are not in the journal. */
  readonly lostSteps: number;
  /** Times that a step's body acted, and by how many different idempotency keys. */
  readonly effects: number;
  readonly effectsByKey: number;
  /** Steps of which nobody knows whether they happened. */
  readonly inDoubt: number;
  readonly terminalsPerRunMax: number;
  /** Runs that somebody holds. */
  readonly orphanLeases: number;
  readonly violations: readonly Violation[];
}

/**
 * Looks at everything that a store has of a tenant, and at what happened outside of it, when all runs are to have ended and nobody drives
 * any more. Reads only.
 */
export async function inspectStore(store: Store, options: InspectOptions = {}): Promise<Inspection> {
  const { tenant = 'default', lines, isSilent = () => false } = options;
  const found: Found = { ...(await readRecord(store, tenant)), lines, isSilent };
  const rules = [...JOURNAL_RULES, ...WORLD_RULES, ...LEFTOVER_RULES];
  const violations = rules.flatMap(({ name, broken }) => [...broken(found)].map((what) => ({ rule: name, ...what })));
  const entries = found.runs.flatMap(({ run, entries: own }) => own.map((entry) => ({ run, entry })));
  const ends = entries.flatMap(({ run, entry }) =>
    entry.type === 'step-end' ? [`${runKeyText(run.key)} ${entry.key}`] : [],
  );
  const effects = (lines ?? []).flatMap((line) => (line.type === 'effect' ? [line.idempotencyKey] : []));
  const terminals = found.runs.map(({ entries: own }) => own.filter(({ type }) => type === 'run-end').length);
  const doubts = entries.filter(
    ({ entry }) =>
      (entry.type === 'step-end' && entry.settledBy === 'doubt') ||
      (entry.type === 'run-block' && entry.code === 'STEP_IN_DOUBT'),
  );
  return {
    runs: found.runs.length,
    completed: found.runs.filter(({ run }) => run.status === 'completed').length,
    steps: ends.length,
    uniqueSteps: new Set(ends).size,
    duplicateCommits: duplicates(found),
    lostSteps: violations.filter(({ rule }) => rule === 'acknowledged-lost').length,
    effects: effects.length,
    effectsByKey: new Set(effects).size,
    inDoubt: doubts.length,
    terminalsPerRunMax: Math.max(0, ...terminals),
    orphanLeases: found.runs.filter(({ run }) => run.status === 'running').length,
    violations,
  };
}

/** By place in the journal, so that one outcome that is both recorded and acknowledged counts once. */
function duplicates({ runs, lines }: Found): number {
  const places = new Map<string, Set<number>>();
  const add = (name: string, seq: number): void => void places.set(name, (places.get(name) ?? new Set()).add(seq));
  for (const { run, entries } of runs) {
    for (const entry of entries)
      if (entry.type === 'step-end' || entry.type === 'wait-end') add(`${runKeyText(run.key)} ${entry.key}`, entry.seq);
  }
  for (const line of lines ?? [])
    if (line.type === 'acknowledged') add(`${runKeyText(line.run)} ${line.key}`, line.seq);
  return [...places.values()].reduce((sum, seqs) => sum + seqs.size - 1, 0);
}
