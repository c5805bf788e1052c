import { checkTree } from './check-tree.ts';
import { checkedPolicy, DELEGATION_DEFAULTS, type DelegationPolicy } from './delegation-policy.ts';
import type { AnyDefinition, DefinitionMap } from './durable-function.ts';
import { narrowerBudget, type Budget } from './ledger.ts';

/** What a definition calls and how much of it, as values of its own: whoever has made them cannot change them afterwards. */
export interface DeclaredDelegation {
  readonly agents: DefinitionMap;
  /** `undefined`: delegation is off. */
  readonly delegation: DelegationPolicy | undefined;
  /** What a run of the definition and all below it may spend; missing where nothing is limited. */
  readonly budget?: Budget;
}

/**
 * Checks and keeps what a definition declares of the definitions it calls.
 *
 * @throws {TypeError} for a policy that cannot work, and for a tree that is deeper or has wider rights than the policy, or no end; it names the member and the fix.
 */
export function declareDelegation(
  { kind, name, budget }: Pick<AnyDefinition, 'kind' | 'name' | 'budget'>,
  given: DefinitionMap,
  policy: DelegationPolicy | undefined,
): DeclaredDelegation {
  const agents = Object.freeze({ ...given });
  const owner = `${kind.charAt(0).toUpperCase()}${kind.slice(1)} ${name}`;
  let delegation: DelegationPolicy | undefined;
  try {
    delegation = policy === undefined ? undefined : checkedPolicy(policy, Object.keys(agents));
  } catch (cause) {
    throw new TypeError(`${owner}: ${(cause as Error).message}`, { cause });
  }
  checkTree(owner, { name, agents, ...(delegation === undefined ? {} : { delegation }) });
  const spends = narrowerBudget(budget, policyBudget(delegation));
  return { agents, delegation, ...(spends === undefined ? {} : { budget: spends }) };
}

function policyBudget(policy: DelegationPolicy | undefined): Budget | undefined {
  if (policy === undefined) return undefined;
  const { tokens, costMicros, depth = DELEGATION_DEFAULTS.depth, calls = DELEGATION_DEFAULTS.calls } = policy;
  const budget: Budget = {
    ...(tokens === undefined ? {} : { tokens }),
    ...(costMicros === undefined ? {} : { costMicros }),
    // A run counts its own children itself; those of its children only a ledger can.
    ...(depth > 1 ? { runs: calls } : {}),
  };
  return Object.keys(budget).length === 0 ? undefined : budget;
}
