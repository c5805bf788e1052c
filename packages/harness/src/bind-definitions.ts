import type { AgentParts, AnyAgent, ModelRegistry } from '@prusik/agents';
import { withModelName, type AnyDefinition, type DurableDefinition } from '@prusik/core';
import { factsOf } from './facts.ts';

/**
 * What the engine drives: agents get the clock and the ids of the harness, those whose model is an alias get the model, and an agent that a policy lets run with other
 * models is there once more for each of them, under a name of its own, so that the journal tells which it was.
 */
export function bindDefinitions(
  definitions: readonly AnyDefinition[],
  models: ModelRegistry | undefined,
  parts: Pick<AgentParts, 'clock' | 'newId'>,
): readonly DurableDefinition<never, unknown, unknown>[] {
  const bound = new Map<string, AnyDefinition>();
  for (const definition of definitions) {
    bound.set(
      definition.name,
      isAgent(definition) ? definition.bind({ ...parts, ...modelsOf(definition, models) }) : definition,
    );
    const { agents, delegation } = factsOf(definition);
    for (const [name, agent] of Object.entries(agents)) {
      for (const alias of delegation?.agentModels?.[name] ?? delegation?.models ?? []) {
        if (models === undefined || !isAgent(agent)) continue;
        const variant = {
          ...agent.bind({ ...parts, ...modelsOf(agent, models), model: models.get(alias) }),
          name: withModelName(agent.name, alias),
        };
        bound.set(variant.name, variant);
      }
    }
  }
  // That one resolver makes the live objects of all of them, and that they fit, is what the types of the options say.
  return [...bound.values()] as readonly DurableDefinition<never, unknown, unknown>[];
}

function modelsOf(
  { model, summaryModel }: AnyAgent,
  models: ModelRegistry | undefined,
): Pick<AgentParts, 'model' | 'summaryModel'> {
  if (models === undefined) return {};
  return {
    ...(typeof model === 'string' ? { model: models.get(model) } : {}),
    ...(typeof summaryModel === 'string' ? { summaryModel: models.get(summaryModel) } : {}),
  };
}

const isAgent = (definition: AnyDefinition): definition is AnyAgent =>
  definition.kind === 'agent' && 'bind' in definition;
