import type { AnyDefinition, RunRights } from '@prusik/core';

/** What a definition declares of the definitions it calls, for the record of a run that is started. */
export function delegationRights({
  agents = {},
  delegation,
}: Pick<AnyDefinition, 'agents' | 'delegation'>): Pick<RunRights, 'delegation'> {
  return Object.keys(agents).length === 0 ? {} : { delegation: delegation ?? null };
}
