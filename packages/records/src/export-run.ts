import type { Entry, MessageRange, Note, Run, RunKey, Store, ThreadKey } from '@prusik/core';
import { PIECE_BYTES, type RunRow } from './bundle.ts';
import { checkExportOptions, type ExportOptions } from './export-options.ts';
import {
  exportGrants,
  exportSlots,
  exportThread,
  lineByLine,
  noteRecord,
  requestRecord,
  usedBlobs,
  type Sink,
} from './export-owned.ts';
import { all, eachOf, eachUpTo } from './pages.ts';
import { compactedRun, readTree, requireRun, unknownRun, type SeenRun } from './read-tree.ts';
import { without } from './without.ts';
import { createBundleWriter } from './write-bundle.ts';

/**
 * A run with its whole tree, as lines of a bundle, each with its line break. Of a tree that has not ended it is the beginning that is known, and nothing in it lacks what it came from. A run of a
 * session comes with its own messages alone. Reads in pages, and holds no more than one.
 *
 * Rejects with `RUN_UNKNOWN` where there is no such run, or none any more, with `RUN_COMPACTED` where it was compacted meanwhile, with `RUN_NOT_ROOT` for a child, with the reason of `signal`.
 *
 * @throws {TypeError} for options that cannot be.
 */
export function exportRun(store: Store, key: RunKey, options: ExportOptions = {}): AsyncIterable<string> {
  checkExportOptions('exportRun', options);
  return lineByLine(exportTree(store, key, options));
}

async function* exportTree(store: Store, key: RunKey, options: ExportOptions): AsyncGenerator<readonly string[], void> {
  const { signal, blobs = options.redact === 'none' } = options;
  signal?.throwIfAborted();
  const seen = await readTree(store, key, signal);
  const writer = createBundleWriter(options);
  yield [
    writer.header({
      of: 'run',
      id: key.run,
      tenant: key.tenant,
      live: seen.some(({ live }) => live),
      counts: countsOf(seen),
    }),
  ];
  const used = new Set<string>();
  const sink: Sink = { store, row: writer.row, signal, blobs };
  for (const run of seen) yield* exportOne(sink, run, { alone: true, used });
  yield* exportBlobs(sink, key.tenant, used);
  await stillThere(store, seen);
  yield [writer.end()];
}

export const countsOf = (seen: readonly SeenRun[]): { readonly runs: number; readonly entries: number } => ({
  runs: seen.length,
  entries: seen.reduce((sum, { seq }) => sum + seq, 0),
});

/** A tree is removed and compacted whole, so its root tells. What was taken meanwhile may have been read in part. */
export async function stillThere(store: Store, seen: readonly SeenRun[]): Promise<void> {
  for (const { key, root, createdAt, compacted } of seen) {
    if (root !== key.run) continue;
    const found = await requireRun(store, key);
    if (found.createdAt !== createdAt) throw unknownRun(key);
    if (!compacted && found.compactedAt !== undefined) throw compactedRun(key);
  }
}

interface ExportOne {
  /** Without its session, of whose messages it takes its own. */
  readonly alone: boolean;
  /** Hashes of the blobs that are to come. */
  readonly used: Set<string>;
}

/** One run and all that hangs on it. */
export async function* exportOne(
  sink: Sink,
  seen: SeenRun,
  { alone, used }: ExportOne,
): AsyncGenerator<readonly string[], void> {
  const { store, row, signal } = sink;
  const { key } = seen;
  const { tenant, run: id } = key;
  const found = await requireRun(store, key);
  yield [row('run', runRow(found, seen))];
  const span = createSpan();
  let until = found.createdAt;
  for await (const entries of eachUpTo(
    (page) => store.entries(key, page),
    ({ seq }) => seq,
    { upTo: seen.seq },
  )) {
    signal?.throwIfAborted();
    for (const entry of entries) span.add(entry);
    until = entries.at(-1)?.at ?? until;
    yield entries.map((entry) => row('entry', entry));
  }
  for await (const signals of eachUpTo(
    (page) => store.inbox(key, page),
    ({ n }) => n,
    { upTo: seen.inbox },
  ))
    yield signals.map((told) => row('signal', told));
  yield* exportMessages(sink, found, seen, { alone, span });
  for await (const request of eachOf((page) => store.listRequests({ tenant, run: id, ...page })))
    if (!seen.live || request.openedAt <= until) yield [row('request', requestRecord(request))];
  const own: ThreadKey = { tenant, of: 'run', id };
  yield* exportGrants(sink, own);
  const ledger = await store.ledger(key);
  if (ledger !== undefined) yield [row('ledger', ledger)];
  for (const note of (await notesOf(store, key)).toReversed())
    if (!seen.live || note.at <= until) yield [row('note', noteRecord(note))];
  if (found.session === undefined) yield* exportSlots(sink, own);
  const uses = await usedBlobs(sink, own);
  for (const hash of uses) used.add(hash);
  if (uses.length > 0) yield [row('uses', uses)];
}

/** Newest first, so all are read before the first is told. */
async function notesOf(store: Store, { tenant, run }: RunKey): Promise<readonly Note[]> {
  return all(eachOf((page) => store.listNotes({ tenant, run, ...page })));
}

/** In a bundle of its session the messages are that one's. */
async function* exportMessages(
  sink: Sink,
  run: Run,
  { live, key }: SeenRun,
  { alone, span }: { readonly alone: boolean; readonly span: Span },
): AsyncGenerator<readonly string[], void> {
  const { from, to } = span.read();
  if (run.session === undefined) {
    yield* exportThread(sink, { tenant: key.tenant, of: 'run', id: key.run }, live ? { upTo: to } : {});
  } else if (alone && to > 0) {
    const thread: ThreadKey = { tenant: key.tenant, of: 'session', id: run.session };
    yield* exportThread(sink, thread, { after: from - 1, upTo: to });
  }
}

/** Which messages a journal names: while a run holds its session nobody else writes into it, so what is between is its own. */
interface Span {
  add(entry: Entry): void;
  read(): { readonly from: number; readonly to: number };
}

function createSpan(): Span {
  let from = Number.POSITIVE_INFINITY;
  let to = 0;
  const include = (range: MessageRange | undefined): void => {
    if (range === undefined || range.count === 0) return;
    from = Math.min(from, range.from);
    to = Math.max(to, range.from + range.count - 1);
  };
  return {
    add(entry) {
      if (entry.type === 'run-start') include(entry.history);
      if (entry.type === 'run-start' || entry.type === 'step-end') include(entry.messages);
    },
    read: () => ({ from, to }),
  };
}

/** Of a live run what its row said when it was found, so that it is no further than its entries. */
function runRow({ key, imported, ...run }: Run, { row }: SeenRun): RunRow {
  const session = run.session ?? imported?.session;
  const { input, context } = run;
  return {
    id: key.run,
    ...without(row ?? { ...run, key }, 'key', 'imported', 'session'),
    input,
    context,
    ...(session === undefined ? {} : { session }),
    ...(imported?.redacted === true ? { redacted: true } : {}),
  };
}

/** The bytes of each, once. */
export async function* exportBlobs(
  { store, row, signal }: Sink,
  tenant: string,
  used: ReadonlySet<string>,
): AsyncGenerator<readonly string[], void> {
  for (const hash of used) {
    const info = await store.blob(tenant, hash);
    if (info === undefined) continue;
    yield [row('blob', { hash, size: info.size })];
    let rest = Buffer.alloc(0);
    for await (const bytes of store.readBlob(tenant, hash)) {
      signal?.throwIfAborted();
      rest = Buffer.concat([rest, bytes]);
      let at = 0;
      for (; rest.length - at >= PIECE_BYTES; at += PIECE_BYTES)
        yield [row('piece', rest.subarray(at, at + PIECE_BYTES).toString('base64'))];
      rest = rest.subarray(at);
    }
    if (rest.length > 0) yield [row('piece', rest.toString('base64'))];
  }
}
