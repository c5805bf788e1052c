import type { ImportSessionResult, SessionImport } from '../imported.ts';
import type { Session } from '../session.ts';
import { findUnknownBlob } from './blob-rows.ts';
import { byTime, checkTimes, insertGrants, insertOwned } from './import-run.ts';
import { requireSession, threadOfSession } from './rows.ts';
import type { RunState, SessionState, StoreTransaction } from './tables.ts';
import { UNTOUCHED } from './untouched.ts';

/** No run has this number, so what it wrote is nobody's who comes later. */
const GONE = -1;

/** Writes a closed session with its conversation; its runs come after it. */
export function importSession(tx: StoreTransaction, record: SessionImport): ImportSessionResult {
  const { tables, now } = tx;
  const { session, notes, imported, blobs } = record;
  const { key, createdAt, floor, cuts, forkedFrom } = session;
  checkTimes(record, now);
  const existing = tables.session(key);
  if (existing !== undefined)
    return isSameSession(tx, existing, record)
      ? { outcome: 'existing', session: existing }
      : { outcome: 'refused', code: 'SESSION_EXISTS', session: existing };
  const blob = findUnknownBlob(tx, key.tenant, blobs);
  if (blob !== undefined) return { outcome: 'refused', code: 'BLOB_UNKNOWN', blob };

  const state: SessionState = { key, state: 'closed', activeRun: null, threadFloor: floor };
  tables.insertSession(state, createdAt, forkedFrom);
  tables.saveSession(state);
  if (cuts.length > 0) tables.saveCuts(state, cuts);
  insertOwned(tx, threadOfSession(key), record);
  for (const { at, items } of byTime(notes))
    for (const { run, definition, kind, key: step, data } of items)
      tables.appendNotes(writerOf(record, run, definition), at, [{ kind, key: step, data }]);
  insertGrants(tx, { of: 'session', id: key.session }, key.tenant, record.grants);
  tables.setSessionBlobs(state, blobs);
  tables.saveImported(threadOfSession(key), { at: now, ...imported });
  return { outcome: 'imported', session: requireSession(tx, key) };
}

/** A record of it, or the session itself in the store that it comes from. */
function isSameSession({ tables }: StoreTransaction, existing: Session, record: SessionImport): boolean {
  const { session, imported, messages } = record;
  if (existing.imported !== undefined) return existing.imported.digest === imported.digest;
  return (
    imported.redacted === undefined &&
    existing.state === 'closed' &&
    existing.createdAt === session.createdAt &&
    tables.threadHead(threadOfSession(session.key)) === session.floor + messages.length
  );
}

/** A run that is not there any more, as far as its notes name it. */
function writerOf({ session: { key } }: SessionImport, run: string, definition: string): RunState {
  return {
    key: { tenant: key.tenant, run },
    number: GONE,
    definition,
    version: '',
    inputHash: '',
    session: key.session,
    root: run,
    depth: 0,
    priority: 0,
    status: 'completed',
    at: 0,
    ...UNTOUCHED,
  };
}
