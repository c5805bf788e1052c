import {
  checkedRunImport,
  checkedSessionImport,
  isPrusikError,
  PrusikError,
  type Entry,
  type MessageRange,
  type RunImport,
  type SessionImport,
} from '@prusik/core';
import type { BundleRows, RunRow, SessionRow } from './bundle.ts';
import { invalid, type ReadBundle, type ReadOwner, type ReadRow } from './read-bundle.ts';

/** What is to be written, in its order, every row of it looked at. */
export interface Records {
  readonly session?: SessionImport;
  /** Parents before their children. */
  readonly runs: readonly RunImport[];
}

/**
 * The records of a bundle for a tenant: each row by itself, and how they hang together.
 *
 * @throws {PrusikError} `IMPORT_INVALID` with `meta.line`, `IMPORT_TOO_LARGE`, `RUN_LIVE`, `SESSION_NOT_CLOSED`
 */
export function toRecords(bundle: ReadBundle, tenant: string): Records {
  const { header, session, runs } = bundle;
  const latest = latestOf(bundle);
  const redacted = header.redacted !== 'none';
  if ((header.of === 'session') !== (session !== undefined)) throw invalid(1, `It is no bundle of a ${header.of}`);
  const made = session && sessionImport(session, { tenant, latest, redacted });
  const records = runs.map((run) => runImport(run, { tenant, latest, redacted, inSession: session !== undefined }));
  checkTree(bundle, records);
  if (header.live)
    throw new PrusikError('RUN_LIVE', `The tree of run ${header.id} had not ended when it was exported`, {
      meta: { run: header.id },
    });
  return { runs: records, ...(made === undefined ? {} : { session: made }) };
}

interface Into {
  readonly tenant: string;
  readonly latest: number;
  readonly redacted: boolean;
}

const plain = <Kind extends keyof BundleRows>(rows: readonly ReadRow<Kind>[]): readonly BundleRows[Kind][] =>
  rows.map(({ row }) => row);

const one = <Kind extends keyof BundleRows>(rows: readonly ReadRow<Kind>[]): BundleRows[Kind] | undefined => {
  const [first, second] = rows;
  if (second !== undefined) throw invalid(second.line, 'There is one already');
  return first?.row;
};

function runImport(
  run: ReadOwner<RunRow>,
  { tenant, latest, redacted, inSession }: Into & { readonly inSession: boolean },
): RunImport {
  const { rows, digest } = run;
  const { id, redacted: before, session, compactedAt, ...row } = run.row;
  if (compactedAt !== undefined)
    throw new PrusikError('RUN_COMPACTED', `Line ${run.line}: the run was compacted before it was exported`, {
      meta: { line: run.line },
    });
  const ledger = one(rows.ledger);
  const record: RunImport = {
    run: { ...row, key: { tenant, run: id }, ...(inSession && session !== undefined ? { session } : {}) },
    entries: plain(rows.entry),
    signals: plain(rows.signal),
    messages: plain(rows.message),
    requests: plain(rows.request),
    grants: plain(rows.grant),
    notes: plain(rows.note),
    slots: plain(rows.slot),
    blobs: plain(rows.uses).flat(),
    ...(ledger === undefined ? {} : { ledger }),
    imported: {
      digest,
      ...(redacted || before === true ? { redacted: true } : {}),
      ...(inSession || session === undefined ? {} : { session }),
    },
    latest,
  };
  return located(run, () => checkedRunImport(record));
}

function sessionImport(session: ReadOwner<SessionRow>, { tenant, latest, redacted }: Into): SessionImport {
  const { rows, digest } = session;
  const { id, state, redacted: before, ...row } = session.row;
  if (state !== 'closed')
    throw new PrusikError('SESSION_NOT_CLOSED', 'The session was not closed when it was exported', {
      meta: { line: session.line },
    });
  const record: SessionImport = {
    session: { ...row, key: { tenant, session: id } },
    messages: plain(rows.message),
    slots: plain(rows.slot),
    grants: plain(rows.grant),
    // Those of a session say whose they were, or are refused.
    notes: plain(rows.note) as SessionImport['notes'],
    blobs: plain(rows.uses).flat(),
    imported: { digest, ...(redacted || before === true ? { redacted: true } : {}) },
    latest,
  };
  return located(session, () => checkedSessionImport(record));
}

/** Which kind of rows the parts of a record are made of. */
const KIND_OF: Readonly<Record<string, keyof BundleRows>> = {
  entries: 'entry',
  signals: 'signal',
  messages: 'message',
  requests: 'request',
  grants: 'grant',
  notes: 'note',
  slots: 'slot',
};

/** The same refusal with the number of the line. */
function located<T, Row>({ line, rows }: ReadOwner<Row>, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof TypeError) throw invalid(line, error.message);
    if (!isPrusikError(error, 'IMPORT_INVALID')) throw error;
    const { part, index } = error.meta;
    const kind = typeof part === 'string' && Object.hasOwn(KIND_OF, part) ? KIND_OF[part] : undefined;
    const row = kind !== undefined && typeof index === 'number' ? rows[kind][index] : undefined;
    throw invalid(row?.line ?? line, error.message);
  }
}

function checkTree({ header, session, runs, blobs }: ReadBundle, records: readonly RunImport[]): void {
  const seen = new Map<string, RunImport>();
  for (const [place, { line, rows }] of runs.entries()) {
    const record = records[place] as RunImport;
    const { run } = record;
    const id = run.key.run;
    if (seen.has(id)) throw invalid(line, 'This run was there before');
    if (run.parent === undefined) {
      if (session === undefined && (place > 0 || id !== header.id))
        throw invalid(line, 'It is another tree than the header says');
      if (session !== undefined && run.session !== header.id) throw invalid(line, 'It belongs to another session');
    } else {
      const parent = seen.get(run.parent.run);
      if (parent === undefined || parent.run.root !== run.root || parent.run.depth !== run.depth - 1)
        throw invalid(line, 'Its parent does not come before it');
    }
    seen.set(id, record);
    for (const hash of record.blobs)
      if (!blobs.has(hash)) throw invalid(rows.uses[0]?.line ?? line, 'It uses a blob that is not in the bundle');
  }
  if (session === undefined && runs.length === 0) throw invalid(1, 'There is no run');
  if (session !== undefined && session.row.id !== header.id)
    throw invalid(session.line, 'It is another session than the header says');
  for (const { row, line } of session?.rows.uses ?? [])
    for (const hash of row) if (!blobs.has(hash)) throw invalid(line, 'It uses a blob that is not in the bundle');
  // Without blobs in the bundle their bytes are elsewhere, and what is named is a name.
  const used = header.blobs
    ? new Set([...(session?.rows.uses ?? []).flatMap(({ row }) => row), ...records.flatMap((record) => record.blobs)])
    : undefined;
  const called = new Set<string>();
  for (const [place, run] of runs.entries()) checkReferences(run, records[place] as RunImport, { seen, called, used });
  for (const [place, { line }] of runs.entries()) {
    const { run } = records[place] as RunImport;
    // A tree that was imported before would else be given children by anybody's bundle.
    if (run.parent !== undefined && !called.has(run.key.run)) throw invalid(line, 'It was not called by its parent');
  }
}

interface Named {
  readonly seen: ReadonlyMap<string, RunImport>;
  /** Children that entries name. */
  readonly called: Set<string>;
  readonly used: ReadonlySet<string> | undefined;
}

/** What entries name is there: children, requests, messages of a thread of its own. */
function checkReferences({ rows }: ReadOwner<RunRow>, record: RunImport, { seen, called, used }: Named): void {
  const requests = new Set(record.requests.map(({ id }) => id));
  const head = record.messages.at(-1)?.n ?? 0;
  const ownThread = record.run.session === undefined;
  for (const { row, line } of rows.entry) {
    if (row.type === 'wait-start' && row.child !== undefined) {
      if (seen.get(row.child)?.run.parent?.run !== record.run.key.run)
        throw invalid(line, 'It names a child that is not in the bundle');
      called.add(row.child);
    }
    const blob = blobOf(row);
    if (used !== undefined && record.imported.redacted === undefined && blob !== undefined && !used.has(blob))
      throw invalid(line, 'It names a blob that no run of the bundle uses');
    for (const request of requestsOf(row))
      if (!requests.has(request)) throw invalid(line, 'It names a request that is not in the bundle');
    for (const { from, count } of rangesOf(row))
      if (ownThread && count > 0 && from + count - 1 > head)
        throw invalid(line, 'It names a message that is not in the bundle');
  }
}

function blobOf(entry: Entry): string | undefined {
  const outcome = entry.type === 'step-end' || entry.type === 'wait-end' ? entry.outcome : undefined;
  return outcome?.ok === true && 'blob' in outcome ? outcome.blob?.hash : undefined;
}

const requestsOf = (entry: Entry): readonly string[] =>
  (entry.type === 'wait-start' || entry.type === 'run-block') && entry.request !== undefined ? [entry.request] : [];

function rangesOf(entry: Entry): readonly MessageRange[] {
  if (entry.type === 'run-start') return [entry.history, entry.messages].filter((range) => range !== undefined);
  return entry.type === 'step-end' && entry.messages !== undefined ? [entry.messages] : [];
}

/** The latest time that any row has of what was; times that lie ahead of a run (deadlines, timers) are none. */
function latestOf({ session, runs }: ReadBundle): number {
  let latest = 0;
  const see = (time: unknown): void => {
    if (typeof time === 'number' && time > latest) latest = time;
  };
  see(session?.row.createdAt);
  for (const { row } of runs) for (const time of [row.createdAt, row.endedAt]) see(time);
  for (const { rows } of [...(session === undefined ? [] : [session]), ...runs]) {
    for (const kind of ['entry', 'signal', 'note'] as const) for (const { row } of rows[kind]) see(row?.at);
    for (const { row } of rows.request) for (const time of [row?.openedAt, row?.decision?.at]) see(time);
    for (const { row } of rows.grant) for (const time of [row?.given?.at, row?.revoked?.at]) see(time);
  }
  return latest;
}
