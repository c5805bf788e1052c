import type { Entry, EntryBody } from '../entry.ts';
import { hashJson, type RunKey } from '../ids.ts';
import type { GrantRecord, ImportRunResult, OwnedRecords, RunImport } from '../imported.ts';
import type { Grant } from '../grant.ts';
import type { ThreadKey } from '../message.ts';
import type { Run } from '../run.ts';
import { findUnknownBlob } from './blob-rows.ts';
import { importInvalid } from './check-import.ts';
import { newRunOf } from './recorded-run.ts';
import { requireRun, requireState, threadOf } from './rows.ts';
import type { RunState, StoreTransaction } from './tables.ts';
import { UNTOUCHED } from './untouched.ts';

/**
 * Writes an ended run as it was lived elsewhere. Nothing runs by it, so no rule of running runs is asked; what its rows must be was looked at before.
 * The store's clock neither follows nor leads: nothing of it may be later than now.
 */
export function importRun(tx: StoreTransaction, record: RunImport): ImportRunResult {
  const { tables, now, news } = tx;
  const { run } = record;
  checkTimes(record, now);
  const existing = tables.run(run.key);
  if (existing !== undefined)
    return isSameRecord(existing, record)
      ? { outcome: 'existing', run: existing }
      : { outcome: 'refused', code: 'RUN_EXISTS', run: existing };
  checkFamily(tx, run);
  const blob = findUnknownBlob(tx, run.key.tenant, record.blobs);
  if (blob !== undefined) return { outcome: 'refused', code: 'BLOB_UNKNOWN', blob };
  insert(tx, record);
  tables.saveImported({ tenant: run.key.tenant, of: 'run', id: run.key.run }, { at: now, ...record.imported });
  news.run(run.key, 'end');
  return { outcome: 'imported', run: requireRun(tx, run.key) };
}

/** Whether what stands there is what is to be imported: a record of it, or the run itself in the store that it comes from. */
export function isSameRecord(existing: Run, { run, imported }: Pick<RunImport, 'run' | 'imported'>): boolean {
  if (existing.imported !== undefined) return existing.imported.digest === imported.digest;
  const session = run.session ?? imported.session;
  const lived = { ...run, ...(session === undefined ? {} : { session }) };
  return imported.redacted === undefined && hashJson(plain(existing)) === hashJson(plain(lived));
}

/** Hashing is by canonical text, which knows no missing values. A run that was compacted since is the same run. */
const plain = (run: Partial<Run>): unknown => JSON.parse(JSON.stringify({ ...run, compactedAt: undefined }));

export function checkTimes({ latest }: { readonly latest: number }, now: number): void {
  if (latest > now)
    throw importInvalid(`It holds the time ${latest}, and here it is ${now}`, { part: 'latest', latest, now });
}

/** A record hangs on records: a run of this store has its own children, and gets no other's. */
function checkFamily(tx: StoreTransaction, run: RunImport['run']): void {
  const { tenant } = run.key;
  const relatives: readonly RunKey[] =
    run.parent === undefined ? [] : [run.root, run.parent.run].map((id) => ({ tenant, run: id }));
  for (const key of relatives)
    if (tx.tables.run(key)?.imported === undefined)
      throw importInvalid(`Run ${run.key.run} belongs to run ${key.run}, which was not imported`, { part: 'run' });
  const parent = run.parent === undefined ? undefined : tx.tables.state({ tenant, run: run.parent.run });
  if (parent !== undefined && (parent.root !== run.root || parent.depth !== run.depth - 1))
    throw importInvalid(`Run ${run.key.run} is no child of run ${parent.key.run}`, { part: 'run' });
  if (run.session === undefined) return;
  const session = tx.tables.session({ tenant, session: run.session });
  if (session?.imported === undefined)
    throw importInvalid(`Run ${run.key.run} belongs to session ${run.session}, which was not imported`, {
      part: 'run',
    });
}

function insert(tx: StoreTransaction, record: RunImport): void {
  const { tables } = tx;
  const { run, entries, signals, requests, notes, ledger } = record;
  const state = insertRow(tx, run);
  for (const { at, items } of byTime(entries)) {
    tables.appendEntries(state, items[0]?.seq ?? 1, at, items.map(bodyOf));
  }
  for (const { n, kind, key, body, at } of signals) tables.appendSignal(state, { n, kind, key, body, at });
  for (const { status, openedAt, decision, claimed, ...request } of requests) {
    tables.insertRequest(state, request, openedAt);
    const inserted = tables.request(run.key, request.id);
    if (inserted !== undefined)
      tables.saveRequest(state, { ...inserted, status, claimed, ...(decision === undefined ? {} : { decision }) });
  }
  for (const { at, items } of byTime(notes))
    tables.appendNotes(
      state,
      at,
      items.map(({ kind, key, data }) => ({ kind, key, data })),
    );
  if (ledger !== undefined) tables.saveLedger(run.key, ledger);
  // Its session has told what that uses.
  tables.useOwnBlobs(state, record.blobs);
  if (run.session === undefined) insertOwned(tx, threadOf(run), record);
  insertGrants(tx, { of: 'run', id: run.key.run }, run.key.tenant, record.grants);
  const { output, partial, error, absorbedBy } = run;
  tables.saveResult(state, {
    status: record.run.status as 'completed',
    ...(output === undefined ? {} : { output }),
    ...(partial === undefined ? {} : { partial }),
    ...(error === undefined ? {} : { error }),
    ...(absorbedBy === undefined ? {} : { absorbedBy }),
  });
  tables.saveRun({
    ...requireState(tx, run.key),
    epoch: run.epoch,
    seen: run.inbox,
    cancel: run.cancelRequested ? 'told' : 'none',
    endedAt: run.endedAt ?? null,
  });
}

function insertRow({ tables }: StoreTransaction, run: RunImport['run']): RunState {
  const { key, definition, version, inputHash, priority, root, depth } = run;
  const state: Omit<RunState, 'number'> = {
    key,
    definition,
    version,
    inputHash,
    ...(run.session === undefined ? {} : { session: run.session }),
    root,
    ...(run.parent === undefined ? {} : { parent: run.parent }),
    depth,
    priority,
    status: run.status,
    at: run.createdAt,
    ...UNTOUCHED,
    deadlineAt: run.rights?.deadlineAt ?? null,
  };
  tables.insertRun(newRunOf(run), state);
  const inserted = tables.state(key);
  if (inserted === undefined) throw importInvalid(`Run ${key.run} could not be written`);
  return inserted;
}

export function insertOwned({ tables }: StoreTransaction, owner: ThreadKey, { messages, slots }: OwnedRecords): void {
  const [first] = messages;
  if (first !== undefined)
    tables.appendMessages(
      owner,
      first.n,
      messages.map(({ message }) => message),
    );
  tables.saveSlots(owner, slots);
}

export function insertGrants(
  { tables }: StoreTransaction,
  scope: Grant['scope'],
  tenant: string,
  grants: readonly GrantRecord[],
): void {
  for (const { given, tool, toolHash, part, exact, expiresAt, revoked } of grants) {
    const { run, ...how } = given;
    tables.insertGrant({
      tenant,
      scope,
      tool,
      toolHash,
      part,
      exact,
      expiresAt,
      given: { run: { tenant, run }, ...how },
      ...(revoked === undefined ? {} : { revoked }),
    });
  }
}

/** What the store adds is no part of what is written. */
function bodyOf(entry: Entry): EntryBody {
  const { seq: _, at: __, ...body } = entry;
  return body;
}

/** Rows of one time that stand together: one write has one time. */
export function byTime<T extends { readonly at: number }>(
  rows: readonly T[],
): readonly { readonly at: number; readonly items: readonly T[] }[] {
  const groups: { at: number; items: T[] }[] = [];
  for (const row of rows) {
    const last = groups.at(-1);
    if (last?.at === row.at) last.items.push(row);
    else groups.push({ at: row.at, items: [row] });
  }
  return groups;
}
