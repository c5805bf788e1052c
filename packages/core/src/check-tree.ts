import type { AnyDefinition, DefinitionMap } from './call-types.ts';
import { checkDelegationPolicy, DELEGATION_DEFAULTS, type DelegationPolicy } from './delegation-policy.ts';

/** A definition that calls others, under a policy of its own. */
interface Delegating {
  readonly agents: DefinitionMap;
  readonly delegation: DelegationPolicy;
}

/**
 * A child can only narrow the rights of its parent. What a definition may call is known when it is defined (it holds the values, so
 * there is no cycle either), so this is checked then instead of at each call.
 *
 * `owner` is what messages call the definition: `Workflow release`.
 *
 * @throws {TypeError} naming the member and the fix.
 */
export function checkTree(owner: string, agents: DefinitionMap, policy: DelegationPolicy | undefined): void {
  if (policy === undefined) return;
  checkDelegationPolicy(policy, Object.keys(agents));
  const allowed = policy.agents ?? Object.keys(agents);
  const depth = policy.depth ?? DELEGATION_DEFAULTS.depth;
  for (const [agent, definition] of Object.entries(agents)) {
    if (!allowed.includes(agent) || !delegates(definition)) continue;
    const levels = 1 + levelsBelow(definition);
    if (levels > depth) {
      throw new TypeError(
        `${owner}: its agent ${agent} has agents of its own, ${levels} levels down, and delegation.depth is ${depth}: set it to ${levels}, or do not allow ${agent}`,
      );
    }
    for (const dimension of ['tokens', 'costMicros'] as const) {
      const [own, inner] = [policy[dimension], definition.delegation[dimension]];
      // One ledger holds for a whole tree, and it holds the root's limits.
      if (inner !== undefined && !(own !== undefined && own <= inner)) {
        throw new TypeError(
          `${owner}: its agent ${agent} limits ${dimension} to ${inner}, which holds only if its own delegation.${dimension} is at most ${inner}`,
        );
      }
    }
  }
}

function levelsBelow(definition: AnyDefinition): number {
  if (!delegates(definition)) return 0;
  const { agents, delegation } = definition;
  const allowed = Object.keys(agents).filter((name) => delegation.agents?.includes(name) ?? true);
  return Math.max(0, ...allowed.map((name) => 1 + (agents[name] === undefined ? 0 : levelsBelow(agents[name]))));
}

function delegates(definition: AnyDefinition): definition is AnyDefinition & Delegating {
  const { agents, delegation } = definition as Partial<Delegating>;
  return agents !== undefined && Object.keys(agents).length > 0 && delegation !== undefined;
}
