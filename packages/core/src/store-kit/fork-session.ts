import type { SessionKey } from '../ids.ts';
import { blobsOf } from '../message.ts';
import type { ForkResult } from '../session.ts';
import { copiedMessages, copyRoom } from './copied-messages.ts';
import { requireSession, threadOfSession } from './rows.ts';
import type { SessionState, StoreTransaction } from './tables.ts';

export function forkSession(tx: StoreTransaction, from: SessionKey, to: string, upTo: number): ForkResult {
  const { tables, now } = tx;
  const key: SessionKey = { tenant: from.tenant, session: to };
  const existing = tables.session(key);
  if (existing !== undefined) {
    const { forkedFrom } = existing;
    const same = forkedFrom?.session === from.session && forkedFrom.n === upTo;
    return { outcome: same ? 'existing' : 'taken', session: existing };
  }
  const source = tables.session(from);
  if (source === undefined) return { outcome: 'unknown' };
  if (source.imported?.redacted === true) return { outcome: 'redacted' };
  const messages = copiedMessages(tables, threadOfSession(from), upTo, copyRoom());
  if (messages === undefined) return { outcome: 'too-large' };
  const state: SessionState = { key, state: 'open', activeRun: null, threadFloor: 0 };
  tables.insertSession(state, now, { session: from.session, n: upTo });
  if (messages.length > 0) tables.appendMessages(threadOfSession(key), 1, messages);
  tables.saveSlots(threadOfSession(key), tables.slots(threadOfSession(from)));
  tables.setSessionBlobs(state, [...new Set(messages.flatMap(blobsOf))]);
  return { outcome: 'forked', session: requireSession(tx, key) };
}
