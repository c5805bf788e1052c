import { PrusikError, type Note, type Session, type SessionKey, type Store, type ThreadKey } from '@prusik/core';
import type { SessionRow } from './bundle.ts';
import { checkExportOptions, type ExportOptions } from './export-options.ts';
import {
  exportGrants,
  exportSlots,
  exportThread,
  lineByLine,
  noteRecord,
  usedBlobs,
  type Sink,
} from './export-owned.ts';
import { countsOf, exportBlobs, exportOne, stillThere } from './export-run.ts';
import { all, eachOf } from './pages.ts';
import { readTree, type SeenRun } from './read-tree.ts';
import { createBundleWriter } from './write-bundle.ts';

/**
 * A session with its conversation, once, and all of its runs with their trees, oldest first, as lines of a bundle. Messages that were replaced are gone, and those that were cut off are in it.
 *
 * Rejects with `SESSION_UNKNOWN` where there is no such session, or none any more, with `RUN_UNKNOWN` or `RUN_COMPACTED` where a run of it was removed or compacted meanwhile, with the reason of `signal`.
 *
 * @throws {TypeError} for options that cannot be.
 */
export function exportSession(store: Store, key: SessionKey, options: ExportOptions = {}): AsyncIterable<string> {
  checkExportOptions('exportSession', options);
  return lineByLine(exportWhole(store, key, options));
}

async function* exportWhole(
  store: Store,
  key: SessionKey,
  options: ExportOptions,
): AsyncGenerator<readonly string[], void> {
  const { signal, blobs = options.redact === 'none' } = options;
  signal?.throwIfAborted();
  const session = await requireSession(store, key);
  const { tenant, session: id } = key;
  const thread: ThreadKey = { tenant, of: 'session', id };
  const head = await store.threadHead(thread);
  const seen = await runsOf(store, key, signal);
  const writer = createBundleWriter(options);
  yield [
    writer.header({
      of: 'session',
      id,
      tenant,
      live: session.state !== 'closed' || seen.some(({ live }) => live),
      counts: countsOf(seen),
    }),
  ];

  const used = new Set<string>();
  const sink: Sink = { store, row: writer.row, signal, blobs };
  yield [writer.row('session', await sessionRow(store, session, thread, head))];
  yield* exportThread(sink, thread, { upTo: head });
  yield* exportSlots(sink, thread);
  yield* exportGrants(sink, thread);
  for (const note of (await orphanNotes(store, key, seen)).toReversed())
    yield [writer.row('note', { ...noteRecord(note), run: note.run.run, definition: note.definition })];
  const uses = await usedBlobs(sink, thread);
  for (const hash of uses) used.add(hash);
  if (uses.length > 0) yield [writer.row('uses', uses)];

  for (const run of seen) yield* exportOne(sink, run, { alone: false, used });
  yield* exportBlobs(sink, tenant, used);
  await stillThere(store, seen);
  await requireSession(store, key);
  yield [writer.end()];
}

async function requireSession(store: Store, key: SessionKey): Promise<Session> {
  const session = await store.session(key);
  if (session !== undefined) return session;
  throw new PrusikError('SESSION_UNKNOWN', `Session ${key.session} is not there`, { meta: { session: key.session } });
}

async function runsOf(
  store: Store,
  { tenant, session }: SessionKey,
  signal?: AbortSignal,
): Promise<readonly SeenRun[]> {
  const roots = await all(eachOf((page) => store.listRuns({ tenant, session, ...page })));
  const trees: SeenRun[] = [];
  for (const { key } of roots.toReversed()) trees.push(...(await readTree(store, key, signal)));
  return trees;
}

async function sessionRow(store: Store, session: Session, thread: ThreadKey, head: number): Promise<SessionRow> {
  const [first] = await store.messages(thread, { after: 0, limit: 1, hidden: true });
  const { key, state, createdAt, cuts, forkedFrom, imported } = session;
  return {
    id: key.session,
    state,
    createdAt,
    cuts,
    ...(forkedFrom === undefined ? {} : { forkedFrom }),
    floor: first === undefined ? head : first.n - 1,
    ...(imported?.redacted === true ? { redacted: true } : {}),
  };
}

/** Notes of runs that are not there any more; those of the others come with them. */
async function orphanNotes(
  store: Store,
  { tenant, session }: SessionKey,
  seen: readonly SeenRun[],
): Promise<readonly Note[]> {
  const owned = new Set<string>();
  for (const { key } of seen)
    for await (const { id } of eachOf((page) => store.listNotes({ tenant, run: key.run, ...page }))) owned.add(id);
  const notes = await all(eachOf((page) => store.listNotes({ tenant, session, ...page })));
  return notes.filter(({ id }) => !owned.has(id));
}
