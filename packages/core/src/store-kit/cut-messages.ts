import type { SessionKey } from '../ids.ts';
import type { StoredMessage, ThreadKey } from '../message.ts';
import type { PageAfter, PageBefore } from '../page.ts';
import { SESSION_CUT_LIMIT, type CutResult, type ThreadCut } from '../session.ts';
import { isHeld } from './move-session.ts';
import { requireRun, requireSession, threadOfSession } from './rows.ts';
import type { SessionState, StoreReads, StoreTransaction } from './tables.ts';

/** The order of the refusals is part of the contract: the first one found is the answer. */
export function cutMessages(tx: StoreTransaction, key: SessionKey, after: number, expectedHead: number): CutResult {
  const { tables } = tx;
  const state = tables.sessionState(key);
  if (state === undefined) return { outcome: 'unknown' };
  if (state.state !== 'open') return { outcome: 'closed' };
  if (isHeld(tx, state)) {
    const { activeRun, queue } = requireSession(tx, key);
    return { outcome: 'busy', run: requireRun(tx, { tenant: key.tenant, run: activeRun ?? queue[0] ?? '' }) };
  }
  const head = tables.threadHead(threadOfSession(key));
  if (head !== expectedHead) return { outcome: 'moved', head };
  const cuts = withCut(tx, state, after, head);
  if (cuts === undefined) return { outcome: 'full' };
  tables.saveCuts(state, cuts);
  return { outcome: 'cut', session: requireSession(tx, key) };
}

/** The cuts of a session with one more; `undefined` where there would be too many. What it touches becomes a part of it. */
export function withCut(
  { tables }: StoreTransaction,
  { key, threadFloor }: SessionState,
  after: number,
  head: number,
): readonly ThreadCut[] | undefined {
  const known = tables.cuts(key);
  if (after >= head) return known;
  let from = Math.max(after, threadFloor) + 1;
  const apart: ThreadCut[] = [];
  for (const cut of known) {
    if (cut.to < from - 1) apart.push(cut);
    else from = Math.min(from, cut.from);
  }
  return apart.length < SESSION_CUT_LIMIT ? [...apart, { from, to: head }] : undefined;
}

/** The port's pages: what no cut has hidden. It goes from what is shown to what is shown, so that what is hidden costs nothing to pass. */
export function readMessages(
  reads: StoreReads,
  thread: ThreadKey,
  page: (PageAfter | PageBefore) & { readonly hidden?: boolean },
): readonly StoredMessage[] {
  const cuts =
    thread.of === 'run' || page.hidden === true ? [] : reads.cuts({ tenant: thread.tenant, session: thread.id });
  if (cuts.length === 0) return reads.messages(thread, page);
  const found: StoredMessage[] = [];
  if ('after' in page) {
    for (const span of shownBetween(cuts)) {
      if (span.before <= page.after) continue;
      const limit = page.limit - found.length;
      if (limit > 0) found.push(...reads.messages(thread, { after: page.after, limit }, span));
    }
    return found;
  }
  for (const span of shownBetween(cuts).toReversed()) {
    if (span.after >= page.before) continue;
    const limit = page.limit - found.length;
    if (limit > 0) found.unshift(...reads.messages(thread, { before: page.before, limit }, span));
  }
  return found;
}

/** The spans of numbers that no cut hides, by the numbers around them. */
function shownBetween(cuts: readonly ThreadCut[]): readonly { readonly after: number; readonly before: number }[] {
  const ends = [...cuts.map(({ from }) => from), Number.MAX_SAFE_INTEGER];
  return ends.map((before, index) => ({ after: cuts[index - 1]?.to ?? 0, before }));
}

/** The port's message of an id. */
export function readMessage(reads: StoreReads, thread: ThreadKey, id: string): StoredMessage | undefined {
  const found = reads.message(thread, id);
  if (found === undefined || thread.of === 'run') return found;
  const cuts = reads.cuts({ tenant: thread.tenant, session: thread.id });
  return cuts.some(({ from, to }) => from <= found.n && found.n <= to) ? undefined : found;
}
