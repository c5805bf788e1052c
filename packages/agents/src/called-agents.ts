import { declareDelegation, type DeclaredDelegation, type DefinitionMap, type DelegationPolicy } from '@prusik/core';
import type { AnyTool } from './tool-types.ts';

/**
 * What an agent may call: those of its tools that are agents, by their names as tools, and the policy for them.
 *
 * @throws {TypeError} for such a tool without a policy, a policy that cannot work, and rights that are wider than the policy's.
 */
export function calledAgents(
  name: string,
  tools: readonly AnyTool[],
  policy: DelegationPolicy | undefined,
): DeclaredDelegation {
  const delegating = tools.filter(({ delegates }) => delegates !== undefined);
  const agents: DefinitionMap = Object.fromEntries(
    delegating.map(({ name: tool, delegates }) => [tool, delegates?.agent as DefinitionMap[string]]),
  );
  const [first] = delegating;
  if (first !== undefined && policy === undefined)
    throw new TypeError(
      `Agent ${name}: its tool ${first.name} is an agent, and nothing says how much it may hand on: give it delegation, {} for the defaults`,
    );
  const declared = declareDelegation({ kind: 'agent', name }, agents, policy);
  for (const { name: tool, delegates } of delegating) {
    const model = delegates?.options.model;
    const listed = policy?.agentModels?.[tool] ?? policy?.models ?? [];
    if (model !== undefined && !listed.includes(model))
      throw new TypeError(
        `Agent ${name}: its tool ${tool} asks for the model ${model}, which delegation.models does not list: add it there`,
      );
  }
  return declared;
}
