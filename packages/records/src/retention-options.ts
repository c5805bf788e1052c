import { systemClock, type Clock } from '@prusik/core';
import { checkPolicy, type RetentionPolicy } from './retention-policy.ts';
import type { RetentionWalk } from './walk-retention.ts';

/** How a policy is looked at and carried out. */
export interface RetentionOptions {
  /** Every tenant of the store: for rules that name none, and for snapshots. Missing where it is needed is a `TypeError`, and nothing goes. */
  readonly tenants?: readonly string[];
  /** Ends it between two portions: with its reason, and with nothing half done. */
  readonly signal?: AbortSignal;
  /** The clock that the store was opened with. @default the machine's */
  readonly clock?: Pick<Clock, 'now'>;
}

/** Trees that one call asks the store for. */
const PAGE_SIZE = 250;

export function checkedWalk(policy: RetentionPolicy, options: RetentionOptions, dryRun: boolean): RetentionWalk {
  checkPolicy(policy);
  const { tenants, signal, clock = systemClock } = options;
  for (const part of ['records', 'resume', 'sessions'] as const)
    for (const [at, { tenant }] of (policy[part] ?? []).entries())
      if (tenant === undefined && tenants === undefined)
        throw new TypeError(`${part}[${at}] names no tenant, so it is of all: name it, or give tenants`);
  if (policy.snapshots !== undefined && tenants === undefined)
    throw new TypeError('Which snapshots are needed is known with all tenants only: give tenants');
  return { dryRun, tenants: tenants ?? [], clock, signal, pageSize: PAGE_SIZE };
}
