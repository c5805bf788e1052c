import { blobHashesIn } from '../blob.ts';
import type { RunKey } from '../ids.ts';
import { ARTIFACT_NOTE } from '../note.ts';
import { PAGE_LIMIT, type Page } from '../page.ts';
import type { EndedTree } from '../removal.ts';
import type { CompactedRows, CompactResult, TreeCompaction } from '../tree-compaction.ts';
import type { StoreBackend } from './backend.ts';
import { walkEndedTrees } from './ended-trees.ts';
import { endedTree, threadLength, treesOf } from './remove.ts';
import { ownThread, requireRun } from './rows.ts';
import type { RunState, StoreTransaction } from './tables.ts';

interface Taken {
  readonly taken: CompactedRows;
  readonly trees: readonly EndedTree[];
}

/** Flags what is asked for, so that nobody finds what is taken of it; the rows are deleted after it. */
export async function compactTrees(
  backend: Pick<StoreBackend, 'reads' | 'write'>,
  compaction: TreeCompaction,
): Promise<CompactResult> {
  const { tenant, dryRun = false } = compaction;
  const compactTree = (tx: StoreTransaction, runs: readonly RunState[]): Taken => takeState(tx, runs, dryRun);
  if ('run' in compaction)
    return backend.write({ rows: 1, runs: 0 }, (tx) => compactOne(tx, { tenant, run: compaction.run }, compactTree));
  const { done, next } = await walkEndedTrees(backend, compaction, compactTree, { compacted: false });
  return {
    outcome: 'compacted',
    taken: done.map(({ taken }) => taken).reduce(sum, NOTHING),
    trees: done.flatMap(({ trees }) => trees),
    ...(next === undefined ? {} : { next }),
  };
}

function compactOne(
  tx: StoreTransaction,
  key: RunKey,
  compactTree: (tx: StoreTransaction, runs: readonly RunState[]) => Taken,
): CompactResult {
  const found = endedTree(tx, key);
  if ('outcome' in found) return found;
  const isDone = tx.tables.state(key)?.compactedAt !== null;
  return { outcome: 'compacted', ...(isDone ? { taken: NOTHING, trees: [] } : compactTree(tx, found.runs)) };
}

function takeState(tx: StoreTransaction, runs: readonly RunState[], dryRun: boolean): Taken {
  const { tables, now, news } = tx;
  const taken = runs.map((run) => rowsOf(tx, run)).reduce(sum, NOTHING);
  if (!dryRun)
    for (const run of runs) {
      tables.compactRun(run, now, tables.usesBlobs(run) ? blobsOfRecord(tx, run) : []);
      // A reader that was not through has to learn that nothing more will come.
      news.run(run.key, 'end');
    }
  return { taken, trees: treesOf(runs) };
}

/** A session's messages, notes and slots are not its runs', and stay. */
function rowsOf(tx: StoreTransaction, run: RunState): CompactedRows {
  const { tables } = tx;
  const own = ownThread(run);
  return {
    runs: 1,
    entries: run.seq,
    messages: run.session === undefined ? threadLength(tx, run) : 0,
    notes: tables.noteCount(own) - tables.noteCount(own, ARTIFACT_NOTE),
    slots: tables.slots(own).length,
    signals: run.inbox,
  };
}

/** Names of blobs are found wherever they stand: a hash in a text that only looks like one keeps a blob, which costs less than one that is missed. */
function blobsOfRecord(tx: StoreTransaction, { key }: RunState): readonly string[] {
  const { input, context, output = null } = requireRun(tx, key);
  const of = { tenant: key.tenant, run: key.run, limit: PAGE_LIMIT };
  const made = allOf((page) => tx.tables.listNotes({ ...of, kind: [ARTIFACT_NOTE], ...page }));
  const asked = allOf((page) => tx.tables.listRequests({ ...of, now: tx.now, ...page }));
  return blobHashesIn([
    input,
    context,
    output,
    ...made.map(({ data }) => data),
    ...asked.flatMap(({ body, decision }) => [body, decision?.value ?? null]),
  ]);
}

function allOf<T>(list: (page: { readonly after?: string }) => Page<T>): readonly T[] {
  const found: T[] = [];
  let after: string | undefined;
  do {
    const { items, next } = list(after === undefined ? {} : { after });
    found.push(...items);
    after = next;
  } while (after !== undefined);
  return found;
}

const NOTHING: CompactedRows = { runs: 0, entries: 0, messages: 0, notes: 0, slots: 0, signals: 0 };

function sum(a: CompactedRows, b: CompactedRows): CompactedRows {
  return {
    runs: a.runs + b.runs,
    entries: a.entries + b.entries,
    messages: a.messages + b.messages,
    notes: a.notes + b.notes,
    slots: a.slots + b.slots,
    signals: a.signals + b.signals,
  };
}
