import type { RunKey } from '../ids.ts';
import { canonicalJson } from '../json.ts';
import { SUPERSEDED, type NewRun } from '../new-run.ts';
import { PAGE_LIMIT } from '../page.ts';
import { STEERED_LIMIT, type SteeredRun } from '../session.ts';
import { decideRequest } from './decide.ts';
import { requireState, rootOf } from './rows.ts';
import { signalRun } from './signal.ts';
import type { RunState, StoreReads, StoreTransaction } from './tables.ts';
import { RELEASED } from './transition.ts';

/** Whether a run that has to wait for its session was meant for the run that holds it, and has something to say to it. */
export function mayBeAbsorbed({ session, messages }: NewRun): boolean {
  return (session?.whenBusy === 'steer' || session?.whenBusy === 'withdraw') && messages.length > 0;
}

/** Tells the holder of a session of a run that was put into its queue just now. */
export function steer(tx: StoreTransaction, run: NewRun, active: string): void {
  const holder = { tenant: run.key.tenant, run: active };
  // First: a holder that is woken by the message must not find it waiting behind a request that is not asked any more.
  if (run.session?.whenBusy === 'withdraw') withdrawRequests(tx, holder);
  if (mayBeAbsorbed(run)) signalRun(tx, { run: holder, kind: 'steer', key: run.key.run, body: null });
}

/** What the holder and its children ask. An intervention is about an effect that happened or not, whatever is said now. */
function withdrawRequests(tx: StoreTransaction, holder: RunKey): void {
  const { tenant } = holder;
  const { run: root } = rootOf(requireState(tx, holder));
  const kind = ['approval', 'question', 'client-tool', 'sign-in'] as const;
  for (let after: string | undefined; ;) {
    const page = tx.tables.listRequests({
      tenant,
      root,
      status: ['open'],
      kind,
      now: tx.now,
      limit: PAGE_LIMIT,
      ...(after === undefined ? {} : { after }),
    });
    for (const { run, id } of page.items)
      decideRequest(tx, { run, request: id, decision: { status: 'withdrawn', reason: SUPERSEDED } });
    if (page.next === undefined) return;
    after = page.next;
  }
}

/** {@link Store.steered} */
export function steeredTo(reads: StoreReads, holder: RunKey): readonly SteeredRun[] {
  const state = reads.state(holder);
  if (state?.session === undefined) return [];
  const { queue = [] } = reads.session({ tenant: holder.tenant, session: state.session }) ?? {};
  const found: SteeredRun[] = [];
  let bytes = 0;
  let count = 0;
  for (const id of queue) {
    if (!isSteeredTo(reads, state, id)) continue;
    const messages = reads.queuedMessages({ tenant: holder.tenant, run: id });
    bytes += Buffer.byteLength(JSON.stringify(messages));
    count += messages.length;
    if (bytes > STEERED_LIMIT.bytes || count > STEERED_LIMIT.messages) break;
    found.push({ run: id, messages });
  }
  return found;
}

/** Whether the holder may absorb these, each once. */
export function mayAbsorb({ tables }: StoreTransaction, holder: RunState, runs: readonly string[]): boolean {
  return runs.every((id, index) => runs.indexOf(id) === index && isSteeredTo(tables, holder, id));
}

/**
 * Whoever sends a message sends it to a definition, and what it makes the run do is done in the name of a context. A holder of another
 * definition would not understand it, and one of another context would do for one user what another has said. Turns that end in different ways have different answers.
 */
function isSteeredTo(reads: StoreReads, holder: RunState, id: string): boolean {
  const { tenant } = holder.key;
  const steered = reads.state({ tenant, run: id });
  if (steered?.session === undefined || !steered.inQueue || !steered.steers || steered.cancel !== 'none') return false;
  if (steered.session !== holder.session || steered.definition !== holder.definition) return false;
  const session = reads.session({ tenant, session: steered.session });
  if (session?.activeRun !== holder.key.run) return false;
  return contextOf(reads, steered) === contextOf(reads, holder);
}

function contextOf(reads: StoreReads, { key }: RunState): string {
  const { context = null, turn = null } = reads.run(key) ?? {};
  return canonicalJson([context, turn]);
}

/** The run ends without ever having begun: what it would have answered the holder answers. Its messages are in the holder's commit. */
export function absorb(tx: StoreTransaction, holder: RunState, id: string): void {
  const { tables, now, news } = tx;
  const state = requireState(tx, { tenant: holder.key.tenant, run: id });
  const at = Math.max(now, state.at);
  const absorbedBy = holder.key.run;
  tables.takeQueuedMessages(state);
  tables.appendEntries(state, state.seq + 1, at, [{ type: 'run-end', status: 'completed', absorbedBy }]);
  tables.saveRun({ ...state, ...RELEASED, status: 'completed', endedAt: at, inQueue: false });
  tables.saveResult(state, { status: 'completed', absorbedBy });
  news.run(state.key, 'end');
  news.queue(rootOf(state));
}
