import {
  describeRun,
  describeSummary,
  type Imported,
  type Json,
  type ParentLink,
  type PartialReason,
  type Rights,
  type Run,
  type RunDetails,
  type RunKind,
  type RunState,
  type RunStatus,
  type RunSummary,
  type SerializedError,
  type TurnOptions,
} from '@prusik/core';
import { journal } from './appended.ts';

/** A run's state as the queries below give it. */
export interface StateRow {
  readonly id: number;
  readonly tenant: string;
  readonly name: string;
  readonly definition: string;
  readonly version: string;
  readonly input_hash: string;
  readonly session: string | null;
  readonly root: string;
  readonly parent: string | null;
  readonly parent_key: string | null;
  readonly max_result_bytes: number | null;
  readonly depth: number;
  readonly priority: number;
  readonly status: RunStatus;
  readonly epoch: number;
  readonly seq: number;
  readonly at: number;
  readonly inbox: number;
  readonly seen: number;
  readonly lost: number;
  readonly cancel: RunState['cancel'];
  readonly in_queue: number;
  readonly steers: number;
  readonly ready_at: number | null;
  readonly wake_at: number | null;
  readonly lease_until: number | null;
  readonly worker: string | null;
  readonly ended_at: number | null;
  readonly deadline_at: number | null;
  readonly block_code: string | null;
  readonly block_request: string | null;
  readonly compacted_at: number | null;
}

/** A run as lists show it. */
export interface SummaryRow extends StateRow {
  readonly kind: RunKind;
  readonly created_at: number;
  readonly attended: number;
  readonly rights: string | null;
  readonly workspace: string | null;
  readonly partial: string | null;
  readonly imported: string | null;
  readonly error_code: string | null;
  readonly absorbed_by: string | null;
}

/** A run with its bodies. */
export interface RunRow extends Omit<SummaryRow, 'error_code'> {
  readonly input: string;
  readonly context: string;
  readonly output: string | null;
  readonly error: string | null;
  readonly turn: string | null;
}

/**
 * Journal and inbox are not counted in the run's row, which a step leaves alone: their ends are one look into an index each. As
 * ordered subqueries: inside a join's condition SQLite reads through the whole journal for a `max`.
 */
const STATE = `r.id, r.tenant, r.name, r.definition, r.version, r.input_hash, r.session, r.root, r.parent, r.parent_key, r.max_result_bytes, r.depth,
  r.priority, r.status, r.epoch, r.seen, r.lost, r.cancel, r.in_queue, r.steers, r.ready_at, r.wake_at, r.lease_until, r.worker, r.ended_at, r.deadline_at,
  r.block_code, r.block_request, r.compacted_at,
  coalesce(r.last_seq, (select n from appended where list = ${journal('r.id')} order by n desc limit 1), 0) as seq,
  coalesce((select at from appended where list = ${journal('r.id')} order by n desc limit 1), r.ended_at, 0) as at,
  coalesce(r.last_signal, (select n from inbox where run = r.id order by n desc limit 1), 0) as inbox`;

/** The state of the runs that match; `index` is the one to be used. */
export function selectState(where: string, index = ''): string {
  return `select ${STATE} from runs r ${index === '' ? '' : `indexed by ${index}`} where ${where}`;
}

const DETAILS = 'r.kind, r.created_at, r.attended, r.rights, r.workspace, r.partial, r.imported';

export function selectRun(where: string): string {
  return `select ${STATE}, ${DETAILS}, b.input, b.context, b.output, b.error, b.absorbed_by, b.turn
    from runs r join run_bodies b on b.run = r.id where ${where}`;
}

/** Bodies are looked at for those runs alone that can have what is asked of them: the rest of a body may be a megabyte, and stands in front. */
export function selectSummary(where: string): string {
  return `select ${STATE}, ${DETAILS},
    case when r.ended_at is not null and r.status <> 'completed' then (select error ->> '$.code' from run_bodies where run = r.id) end as error_code,
    case when r.ended_at is not null and r.steers = 1 then (select absorbed_by from run_bodies where run = r.id) end as absorbed_by
    from runs r where ${where}`;
}

export function toState(row: StateRow): RunState {
  return {
    key: { tenant: row.tenant, run: row.name },
    number: row.id,
    definition: row.definition,
    version: row.version,
    inputHash: row.input_hash,
    ...(row.session === null ? {} : { session: row.session }),
    root: row.root,
    ...(row.parent === null ? {} : { parent: parentOf(row, row.parent) }),
    depth: row.depth,
    priority: row.priority,
    status: row.status,
    epoch: row.epoch,
    seq: row.seq,
    at: row.at,
    inbox: row.inbox,
    seen: row.seen,
    lost: row.lost,
    cancel: row.cancel,
    inQueue: row.in_queue === 1,
    steers: row.steers === 1,
    readyAt: row.ready_at,
    wakeAt: row.wake_at,
    leaseUntil: row.lease_until,
    worker: row.worker,
    endedAt: row.ended_at,
    deadlineAt: row.deadline_at,
    blocked: row.block_code === null ? null : { code: row.block_code, request: row.block_request ?? '' },
    compactedAt: row.compacted_at,
  };
}

function parentOf({ parent_key: key, max_result_bytes: maxResultBytes }: StateRow, run: string): ParentLink {
  return { run, key: key ?? '', ...(maxResultBytes === null ? {} : { maxResultBytes }) };
}

export function toSummary(row: SummaryRow): RunSummary {
  return describeSummary(toState(row), {
    ...detailsOf(row),
    ...(row.error_code === null ? {} : { error: { code: row.error_code } }),
  });
}

export function toRun(row: RunRow): Run {
  return describeRun(toState(row), {
    ...detailsOf(row),
    input: JSON.parse(row.input) as Json,
    context: JSON.parse(row.context) as Json,
    ...(row.turn === null ? {} : { turn: JSON.parse(row.turn) as TurnOptions }),
    ...(row.output === null ? {} : { output: JSON.parse(row.output) as Json }),
    ...(row.error === null ? {} : { error: JSON.parse(row.error) as SerializedError }),
  });
}

function detailsOf(row: Omit<SummaryRow, 'error_code'>): Omit<RunDetails, 'error'> {
  return {
    kind: row.kind,
    attended: row.attended === 1,
    ...(row.rights === null ? {} : { rights: JSON.parse(row.rights) as Rights }),
    ...(row.workspace === null ? {} : { workspace: row.workspace }),
    createdAt: row.created_at,
    ...(row.partial === null ? {} : { partial: JSON.parse(row.partial) as PartialReason }),
    ...(row.absorbed_by === null ? {} : { absorbedBy: row.absorbed_by }),
    ...(row.imported === null ? {} : { imported: JSON.parse(row.imported) as Imported }),
  };
}
