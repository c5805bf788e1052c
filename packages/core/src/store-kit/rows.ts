import { PrusikError } from '../errors.ts';
import type { RunKey, SessionKey } from '../ids.ts';
import type { ThreadKey } from '../message.ts';
import { ARTIFACT_NOTE } from '../note.ts';
import type { Run, RunSummary } from '../run.ts';
import type { Session } from '../session.ts';
import type { RunState, StoreTransaction } from './tables.ts';

/** Where a run's messages are: its session's conversation, or a thread of its own. */
export function threadOf(run: Pick<RunState, 'key' | 'session'>): ThreadKey {
  const { tenant } = run.key;
  return run.session === undefined
    ? { tenant, of: 'run', id: run.key.run }
    : threadOfSession({ tenant, session: run.session });
}

/** The run itself as an owner, whatever session it is in. */
export function ownThread({ key }: Pick<RunState, 'key'>): ThreadKey {
  return { tenant: key.tenant, of: 'run', id: key.run };
}

/** Whose a note of this kind is that the run writes: what a run has made goes with it, all else with the conversation. */
export function ownerOfNote(run: Pick<RunState, 'key' | 'session'>, kind: string): ThreadKey {
  return kind === ARTIFACT_NOTE ? ownThread(run) : threadOf(run);
}

/** The thread of a session’s conversation. */
export function threadOfSession({ tenant, session }: SessionKey): ThreadKey {
  return { tenant, of: 'session', id: session };
}

export function rootOf({ key, root }: Pick<RunState, 'key' | 'root'>): RunKey {
  return { tenant: key.tenant, run: root };
}

/** A run that another row of the store names. */
export function requireState(tx: StoreTransaction, key: RunKey): RunState {
  return tx.tables.state(key) ?? missing(key);
}

export function requireRun(tx: StoreTransaction, key: RunKey): Run {
  return tx.tables.run(key) ?? missing(key);
}

/** A session that was found in this transaction, as the port shows it. */
export function requireSession(tx: StoreTransaction, key: SessionKey): Session {
  const session = tx.tables.session(key);
  if (session === undefined) throw new PrusikError('STORE_CORRUPT', `Session ${key.session} is not there`);
  return session;
}

function missing(key: RunKey): never {
  throw new PrusikError('STORE_CORRUPT', `Run ${key.run} is named by another row of the store, and is not there`);
}

/** What a store keeps of a run beside its state, without what may be large. */
export type RunDetails = Pick<
  RunSummary,
  'kind' | 'attended' | 'rights' | 'workspace' | 'createdAt' | 'partial' | 'error' | 'absorbedBy' | 'imported'
>;

/** What a store keeps of a run beside its state. */
export type RunBody = Omit<RunDetails, 'error'> & Pick<Run, 'input' | 'context' | 'turn' | 'output' | 'error'>;

/** The run as lists show it. */
export function describeSummary(state: RunState, details: RunDetails): RunSummary {
  return {
    key: state.key,
    kind: details.kind,
    definition: state.definition,
    version: state.version,
    status: state.status,
    inputHash: state.inputHash,
    ...(state.session === undefined ? {} : { session: state.session }),
    root: state.root,
    ...(state.parent === undefined ? {} : { parent: state.parent }),
    depth: state.depth,
    priority: state.priority,
    attended: details.attended,
    ...(details.rights === undefined ? {} : { rights: details.rights }),
    ...(details.workspace === undefined ? {} : { workspace: details.workspace }),
    createdAt: details.createdAt,
    ...(state.endedAt === null ? {} : { endedAt: state.endedAt }),
    epoch: state.epoch,
    seq: state.seq,
    inbox: state.inbox,
    cancelRequested: state.cancel !== 'none',
    wakeAt: state.wakeAt,
    ...(details.partial === undefined ? {} : { partial: details.partial }),
    ...(details.error === undefined ? {} : { error: Object.freeze({ code: details.error.code }) }),
    ...(details.absorbedBy === undefined ? {} : { absorbedBy: details.absorbedBy }),
    ...(state.blocked === null ? {} : { blocked: state.blocked }),
    ...(state.compactedAt === null ? {} : { compactedAt: state.compactedAt }),
    ...(details.imported === undefined ? {} : { imported: details.imported }),
  };
}

/** The run as the port shows it. */
export function describeRun(state: RunState, body: RunBody): Run {
  const { error: _, ...summary } = describeSummary(state, body);
  return {
    ...summary,
    input: body.input,
    context: body.context,
    ...(body.turn === undefined ? {} : { turn: body.turn }),
    ...(body.output === undefined ? {} : { output: body.output }),
    ...(body.error === undefined ? {} : { error: body.error }),
  };
}
