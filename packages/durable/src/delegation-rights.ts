import type { AnyDefinition, DelegationPolicy, RunRights } from '@prusik/core';
import { bounded } from './bounded.ts';

/** What a policy may be that somebody made who does not declare it with ours. */
const POLICY_BYTES = 65_536;

/**
 * What a definition declares of the definitions it calls, for the record of a run that is started.
 *
 * @throws {TypeError} for a policy that is not JSON, and what one throws that is looked at.
 */
export function delegationRights({
  agents = {},
  delegation,
}: Pick<AnyDefinition, 'agents' | 'delegation'>): Pick<RunRights, 'delegation'> {
  if (Object.keys(agents).length === 0) return {};
  return {
    delegation: bounded('policy of a delegation', delegation ?? null, POLICY_BYTES) as DelegationPolicy | null,
  };
}
