import type { Json } from '../json.ts';
import type { ChildEnd, RunOutcome, Transition } from '../commit.ts';
import type { ParentLink } from '../run.ts';
import type { SignalKind } from '../signal.ts';
import { settleRequest } from './decide.ts';
import { rootOf, threadOf } from './rows.ts';
import { signalRun } from './signal.ts';
import type { RunState, StoreTransaction } from './tables.ts';

const ENDS_A_BLOCK: readonly SignalKind[] = ['cancel', 'decision'];
/** Nobody holds it. */
export const RELEASED = { leaseUntil: null, worker: null, readyAt: null, wakeAt: null } as const;

/** What a commit does with the run when its holder does not go on. `seen` is the last signal that the holder has read. */
export function makeTransition(tx: StoreTransaction, state: RunState, then: Transition, seen: number): void {
  const { tables, now, news } = tx;
  const ready: RunState = { ...state, ...RELEASED, status: 'queued', readyAt: now };
  // A cancel that came after the claim may have been missed by a holder that read it as one signal among others.
  const unheard = state.cancel === 'asked';
  // Whatever becomes of it: it may be claimed, or has a timer that is earlier than the one that others sleep for, or whoever follows its tree
  // waits for nothing any more.
  if (then.type !== 'end') news.queue(rootOf(state));
  switch (then.type) {
    case 'release':
      return tables.saveRun(ready);
    case 'park':
      if (state.inbox > seen || unheard) return tables.saveRun(ready);
      return tables.saveRun({ ...state, ...RELEASED, status: 'waiting', wakeAt: then.wakeAt });
    case 'block': {
      const { code, request } = then;
      const wakes = unheard || (state.inbox > seen && tables.hasSignalAfter(state, seen, ENDS_A_BLOCK));
      return tables.saveRun(wakes ? ready : { ...state, ...RELEASED, status: 'blocked', blocked: { code, request } });
    }
    case 'end':
      return end(tx, state, then);
    default:
      return then satisfies never;
  }
}

function end(tx: StoreTransaction, state: RunState, result: Extract<Transition, { type: 'end' }>): void {
  const { tables } = tx;
  const { status, output, partial, error } = result;
  const ended: RunOutcome = {
    status,
    ...(output === undefined ? {} : { output }),
    ...(partial === undefined ? {} : { partial }),
    ...(error === undefined ? {} : { error }),
  };
  tables.saveRun({ ...state, ...RELEASED, status, endedAt: state.at, inQueue: false });
  tables.saveResult(state, ended);
  for (const request of tables.openRequests(state))
    settleRequest(tx, state, request, { status: 'withdrawn', reason: 'run-ended' });
  if (state.session !== undefined) handOver(tx, state, state.session);
  if (state.parent !== undefined) {
    const parent = { tenant: state.key.tenant, run: state.parent.run };
    // The cast drops the interface; a ChildEnd holds nothing but JSON.
    const body = toldToParent(ended, state.parent) as unknown as Json;
    signalRun(tx, { run: parent, kind: 'child', key: state.key.run, body });
  }
}

/** What is too large for the parent is neither in its inbox nor, with that, in its journal. */
function toldToParent(ended: RunOutcome, { maxResultBytes: limit = Infinity }: ParentLink): ChildEnd {
  const bytes = ended.output === undefined ? 0 : Buffer.byteLength(JSON.stringify(ended.output));
  return bytes > limit ? { status: ended.status, tooLarge: { bytes, limit } } : ended;
}

/** Gives a session to the next run of its queue, whose messages enter the thread now: earlier they would have landed inside the other's turn. */
function handOver(tx: StoreTransaction, state: RunState, name: string): void {
  const { tables, now, news } = tx;
  const key = { tenant: state.key.tenant, session: name };
  // A queued run that was cancelled never was the session's.
  const session = tables.sessionState(key);
  if (session?.activeRun !== state.key.run) return;
  const next = tables.firstInQueue(key);
  tables.saveSession({ ...session, activeRun: next?.key.run ?? null });
  if (next === undefined) return;
  const thread = threadOf(next);
  const messages = tables.takeQueuedMessages(next);
  if (messages.length > 0) tables.appendMessages(thread, tables.threadHead(thread) + 1, messages);
  tables.saveRun({ ...next, inQueue: false, readyAt: now });
  news.queue(rootOf(next));
}
