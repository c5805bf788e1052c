import { isFinal, runKeyText, type Entry } from '@prusik/core';
import { perJournal, perRun, type Rule } from './rule.ts';

/** What every journal and inbox keeps, whatever happened to the processes that wrote it. */
export const JOURNAL_RULES: readonly Rule[] = [
  perJournal('journal-gap', function* ({ run, entries }) {
    const gap = entries.findIndex((entry, index) => entry.seq !== index + 1);
    if (gap >= 0) yield `entry ${gap + 1} has the number ${entries[gap]?.seq}`;
    if (run.seq !== entries.length) yield `the run says ${run.seq} entries and has ${entries.length}`;
    const back = entries.findIndex((entry, index) => entry.at < (entries[index - 1]?.at ?? 0));
    if (back >= 0) yield `entry ${back + 1} is older than the one before it`;
  }),
  perRun('outcome-twice', function* ({ entries }) {
    for (const key of twice(outcomes(entries))) yield `${key} has more than one outcome`;
  }),
  perJournal('terminal', function* ({ run, entries }) {
    const ends = entries.filter(({ type }) => type === 'run-end').length;
    if (ends > 1) yield `it ended ${ends} times`;
    if (isFinal(run.status) && entries.at(-1)?.type !== 'run-end') yield `it is ${run.status}, and its end is not last`;
    if (!isFinal(run.status) && ends > 0) yield `its end is recorded, and it is ${run.status}`;
  }),
  perRun('blob-missing', function* ({ missingBlobs }) {
    for (const hash of missingBlobs) yield `an outcome stands in ${hash}, which is not there`;
  }),
  perJournal('signal-twice', function* ({ run, inbox }) {
    for (const name of twice(inbox.map(({ kind, key }) => `${kind} ${key}`))) yield `signal ${name} came twice`;
    const gap = inbox.findIndex((signal, index) => signal.n !== index + 1);
    if (gap >= 0 || run.inbox !== inbox.length) yield `the inbox has ${inbox.length} signals, numbered to ${run.inbox}`;
  }),
  {
    // An end is told to a parent that lives, so whoever has not told it has outlived its parent.
    name: 'child-outlives-parent',
    *broken({ runs }) {
      const records = new Map(runs.map((record) => [runKeyText(record.run.key), record]));
      for (const { run } of runs) {
        const parent = run.parent && records.get(runKeyText({ tenant: run.key.tenant, run: run.parent.run }));
        if (parent === undefined || !isFinal(parent.run.status) || parent.run.compactedAt !== undefined) continue;
        const isTold = parent.inbox.some(({ kind, key }) => kind === 'child' && key === run.key.run);
        const isLeft = parent.entries.some(
          (entry) => entry.type === 'wait-start' && entry.child === run.key.run && entry.onParentEnd === 'leave',
        );
        if (!isTold && !isLeft)
          yield {
            run: run.key.run,
            message: `its parent, ${parent.run.key.run}, ended before it, and it was not left`,
          };
      }
    },
  },
];

function outcomes(entries: readonly Entry[]): readonly string[] {
  return entries.flatMap((entry) => (entry.type === 'step-end' || entry.type === 'wait-end' ? [entry.key] : []));
}

function twice(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}
