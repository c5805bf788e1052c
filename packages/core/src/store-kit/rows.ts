import { PrusikError } from '../errors.ts';
import type { RunKey, SessionKey } from '../ids.ts';
import type { ThreadKey } from '../message.ts';
import type { Run } from '../run.ts';
import type { Session } from '../session.ts';
import type { RunState, StoreTransaction } from './tables.ts';

/** Where a run's messages are: its session's conversation, or a thread of its own. */
export function threadOf(run: Pick<RunState, 'key' | 'session'>): ThreadKey {
  const { tenant } = run.key;
  return run.session === undefined
    ? { tenant, of: 'run', id: run.key.run }
    : threadOfSession({ tenant, session: run.session });
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

/** What a store keeps of a run beside its state. */
export interface RunBody extends Pick<
  Run,
  | 'kind'
  | 'input'
  | 'context'
  | 'attended'
  | 'turn'
  | 'rights'
  | 'workspace'
  | 'createdAt'
  | 'output'
  | 'partial'
  | 'error'
  | 'absorbedBy'
  | 'imported'
> {}

/** The run as the port shows it. */
export function describeRun(state: RunState, body: RunBody): Run {
  return {
    key: state.key,
    kind: body.kind,
    definition: state.definition,
    version: state.version,
    status: state.status,
    input: body.input,
    inputHash: state.inputHash,
    context: body.context,
    ...(state.session === undefined ? {} : { session: state.session }),
    root: state.root,
    ...(state.parent === undefined ? {} : { parent: state.parent }),
    depth: state.depth,
    priority: state.priority,
    attended: body.attended,
    ...(body.turn === undefined ? {} : { turn: body.turn }),
    ...(body.rights === undefined ? {} : { rights: body.rights }),
    ...(body.workspace === undefined ? {} : { workspace: body.workspace }),
    createdAt: body.createdAt,
    ...(state.endedAt === null ? {} : { endedAt: state.endedAt }),
    epoch: state.epoch,
    seq: state.seq,
    inbox: state.inbox,
    cancelRequested: state.cancel !== 'none',
    wakeAt: state.wakeAt,
    ...(body.output === undefined ? {} : { output: body.output }),
    ...(body.partial === undefined ? {} : { partial: body.partial }),
    ...(body.error === undefined ? {} : { error: body.error }),
    ...(body.absorbedBy === undefined ? {} : { absorbedBy: body.absorbedBy }),
    ...(state.blocked === null ? {} : { blocked: state.blocked }),
    ...(state.compactedAt === null ? {} : { compactedAt: state.compactedAt }),
    ...(body.imported === undefined ? {} : { imported: body.imported }),
  };
}
