import { systemClock, type Clock, type Store } from '@prusik/core';
import { all, eachOf } from './pages.ts';
import { checkPolicy, type RetentionPolicy } from './retention-policy.ts';
import type { RetentionWalk } from './walk-retention.ts';

/** How a policy is looked at and carried out. */
export interface RetentionOptions {
  /** Ends it between two portions: with its reason, and with nothing half done. */
  readonly signal?: AbortSignal;
  /** The clock that the store was opened with. @default the machine's */
  readonly clock?: Pick<Clock, 'now'>;
}

/** Trees that one call asks the store for. */
const PAGE_SIZE = 250;

/** Where tenants are needed and cannot be listed it rejects, and nothing goes. */
export async function checkedWalk(
  store: Store,
  policy: RetentionPolicy,
  { signal, clock = systemClock }: RetentionOptions,
  dryRun: boolean,
): Promise<RetentionWalk> {
  checkPolicy(policy);
  const rules = [...(policy.records ?? []), ...(policy.resume ?? []), ...(policy.sessions ?? [])];
  const needsAll = policy.snapshots !== undefined || rules.some(({ tenant }) => tenant === undefined);
  const tenants = needsAll ? await all(eachOf((page) => store.tenants(page))) : [];
  return { dryRun, tenants, clock, signal, pageSize: PAGE_SIZE };
}
