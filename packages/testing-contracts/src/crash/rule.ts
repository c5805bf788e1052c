import type { EffectLine } from './effect-lines.ts';
import type { RunRecord, StoreRecord } from './record.ts';

/** Something that must never be, found after a crash. */
export interface Violation {
  /** Name of the rule, such as `outcome-twice`; see the README for all of them. */
  readonly rule: string;
  readonly run: string;
  readonly message: string;
}

/** One thing that must always hold when every process has gone and every run has ended. */
export interface Rule {
  readonly name: string;
  readonly broken: (found: Found) => Iterable<Omit<Violation, 'rule'>>;
}

/** What the rules look at. */
export interface Found extends StoreRecord {
  /** Missing where nobody wrote down what happened in the world. */
  readonly lines: readonly EffectLine[] | undefined;
  readonly isSilent: (run: string, step: string) => boolean;
}

/** A rule about journals and inboxes: of a run that was compacted there is none to be looked at. */
export function perJournal(name: string, check: (record: RunRecord) => Iterable<string>): Rule {
  return perRun(name, (record) => (record.run.compactedAt === undefined ? check(record) : []));
}

export function perRun(name: string, check: (record: RunRecord) => Iterable<string>): Rule {
  return {
    name,
    broken: ({ runs }) =>
      runs.flatMap((record) => [...check(record)].map((message) => ({ run: record.run.key.run, message }))),
  };
}
