import type { SessionKey } from '../ids.ts';
import { blobsOf, type Message } from '../message.ts';
import type { ReplaceResult } from '../session.ts';
import { findUnknownBlob } from './blob-rows.ts';
import { isHeld } from './move-session.ts';
import { requireRun, requireSession, threadOfSession } from './rows.ts';
import type { StoreTransaction } from './tables.ts';

/** The order of the refusals is part of the contract: the first one found is the answer. */
export function replaceMessages(
  tx: StoreTransaction,
  key: SessionKey,
  messages: readonly Message[],
  expectedHead: number,
): ReplaceResult {
  const { tables } = tx;
  const state = tables.sessionState(key);
  if (state === undefined) return { outcome: 'unknown' };
  if (state.state !== 'open') return { outcome: 'closed' };
  if (isHeld(tx, state)) {
    const { activeRun, queue } = requireSession(tx, key);
    return { outcome: 'busy', run: requireRun(tx, { tenant: key.tenant, run: activeRun ?? queue[0] ?? '' }) };
  }
  const thread = threadOfSession(key);
  const head = tables.threadHead(thread);
  if (head !== expectedHead) return { outcome: 'moved', head };
  const blobs = [...new Set(messages.flatMap(blobsOf))];
  const blob = findUnknownBlob(tx, key.tenant, blobs);
  if (blob !== undefined) return { outcome: 'blob-unknown', blob };
  tables.setSessionBlobs(state, blobs);
  tables.saveSession({ ...state, threadFloor: head });
  tables.saveCuts(state, []);
  if (messages.length > 0) tables.appendMessages(thread, head + 1, messages);
  return { outcome: 'replaced', head: head + messages.length };
}
