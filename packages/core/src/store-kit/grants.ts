import {
  GRANT_LIMIT,
  holds,
  type Grant,
  type GrantKey,
  type GrantQuery,
  type NewGrant,
  type RevokeResult,
} from '../grant.ts';
import type { RunKey } from '../ids.ts';
import type { ApprovalBody, Decision, Request } from '../request.ts';
import { rootOf } from './rows.ts';
import type { GrantListing, NewGrantRow, RunState, StoreReads, StoreTransaction } from './tables.ts';

/**
 * The row of a grant that comes with a decision. What a caller can only get wrong is a `TypeError`, before anything is written: a grant that is not what the
 * person saw must not be guessed at.
 */
export function grantOf(
  tx: StoreTransaction,
  state: RunState,
  request: Request,
  { status, value, by }: Omit<Decision, 'at'>,
  { scope, part, expiresInMs }: NewGrant,
): NewGrantRow | 'too-many' {
  const what = `The grant with request ${JSON.stringify(request.id)} of run ${state.key.run}`;
  const { tool, toolHash, input } = (request.body ?? {}) as Partial<ApprovalBody>;
  if (request.kind !== 'approval' || (status !== 'approved' && status !== 'edited'))
    throw new TypeError(`${what} needs an approval that is given`);
  if (tool === undefined || toolHash === undefined || input === undefined)
    throw new TypeError(`${what} has no tool that it could be bound to: each call is decided by itself`);
  const approved = status === 'edited' ? (value ?? null) : input;
  if (part !== undefined && !holds(approved, part))
    throw new TypeError(`${what} is for a part that the approved input does not hold`);
  const owner = scope === 'run' ? state.key.run : sessionOf(tx.tables, state);
  if (owner === undefined) throw new TypeError(`${what} is for a session, and its tree belongs to none`);
  const { tenant } = state.key;
  const holder = { of: scope, id: owner } as const;
  const inForce = tx.tables.listGrants({ tenant, holders: [holder], active: true, now: tx.now, limit: GRANT_LIMIT });
  if (inForce.items.length === GRANT_LIMIT) return 'too-many';
  return {
    tenant,
    scope: holder,
    tool,
    toolHash,
    part: part ?? approved,
    exact: part === undefined,
    given: { run: state.key, request: request.id, at: tx.now, ...(by === undefined ? {} : { by }) },
    expiresAt: expiresInMs === undefined ? null : tx.now + expiresInMs,
  };
}

export function revokeGrant({ tables, now }: StoreTransaction, key: GrantKey, by: string | undefined): RevokeResult {
  const grant = tables.grant(key);
  if (grant === undefined) return { outcome: 'unknown' };
  if (grant.revoked !== undefined) return { outcome: 'already', grant };
  const revoked: Grant = { ...grant, revoked: { at: now, ...(by === undefined ? {} : { by }) } };
  tables.saveGrant(revoked);
  return { outcome: 'revoked', grant: revoked };
}

/** The query with what `run` and `session` mean to rows. A run that is not there has no grants. */
export function grantListing(reads: StoreReads, { run, session, ...rest }: GrantQuery, now: number): GrantListing {
  const listing = { ...rest, now };
  const ofSession = session === undefined ? undefined : ({ of: 'session', id: session } as const);
  if (run === undefined) return ofSession === undefined ? listing : { ...listing, holders: [ofSession] };
  const holders = holdersFor(reads, { tenant: rest.tenant, run });
  return {
    ...listing,
    holders: session === undefined ? holders : holders.filter(({ of, id }) => of === 'session' && id === session),
  };
}

function holdersFor(reads: StoreReads, run: RunKey): NonNullable<GrantListing['holders']> {
  const state = reads.state(run);
  if (state === undefined) return [];
  const session = sessionOf(reads, state);
  return [{ of: 'run', id: run.run }, ...(session === undefined ? [] : [{ of: 'session', id: session } as const])];
}

/** A child belongs to no session; its tree may. */
function sessionOf(reads: Pick<StoreReads, 'state'>, state: RunState): string | undefined {
  return (state.parent === undefined ? state : reads.state(rootOf(state)))?.session;
}
