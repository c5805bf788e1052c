import { bindModels, type AgentParts, type AnyAgent, type ModelRegistry, type ModelRoute } from '@prusik/agents';
import { ID_LIMITS, withModelName, type AnyDefinition, type DefinitionMap, type DurableDefinition } from '@prusik/core';
import { factsOf } from './facts.ts';

/**
 * What the engine drives: agents get the clock and the ids of the harness, and those whose model is an alias get the model. An agent that a policy lets
 * run with other models is there once more for each of them, and one that can be run by name for each of the registry, under a name of its own, so that
 * the journal tells which it was.
 */
export function bindDefinitions(
  definitions: readonly AnyDefinition[],
  roots: DefinitionMap,
  models: ModelRegistry | undefined,
  parts: Pick<AgentParts, 'clock' | 'newId'>,
): readonly DurableDefinition<never, unknown, unknown>[] {
  const bound = new Map<string, AnyDefinition>();
  const bind = (agent: AnyAgent): AnyAgent =>
    models === undefined ? agent.bind(parts) : bindModels(agent.bind(parts), models);
  for (const definition of definitions) bound.set(definition.name, isAgent(definition) ? bind(definition) : definition);

  function addVariant(agent: AnyDefinition, alias: string): void {
    const name = withModelName(agent.name, alias);
    if (models !== undefined && isAgent(agent) && !bound.has(name))
      bound.set(name, variantOf(bind(agent), name, models.get(alias)));
  }

  for (const definition of definitions) {
    const { agents, delegation } = factsOf(definition);
    for (const [name, agent] of Object.entries(agents))
      for (const alias of delegation?.agentModels?.[name] ?? delegation?.models ?? []) addVariant(agent, alias);
  }
  for (const agent of Object.values(roots))
    for (const alias of models?.aliases ?? []) if (isName(withModelName(agent.name, alias))) addVariant(agent, alias);
  // That one resolver makes the live objects of all of them, and that they fit, is what the types of the options say.
  return [...bound.values()] as readonly DurableDefinition<never, unknown, unknown>[];
}

/** Built when it is first asked for: of most agents and models together nobody ever runs any. */
function variantOf(agent: AnyAgent, name: string, model: ModelRoute): AnyAgent {
  let built: AnyAgent | undefined;
  const variant = (): AnyAgent => (built ??= agent.bind({ model }));
  return {
    ...agent,
    name,
    parseInput: async (input, scope) => (await variant().parseInput?.(input, scope)) ?? null,
    run: (ctx, input) => variant().run(ctx, input),
  };
}

/** A name that is too long for a definition has no variant; a start that asks for it says so. */
const isName = (name: string): boolean => name.length <= ID_LIMITS['definition name'];

/**
 * Name of an agent with another model than its own.
 *
 * @throws {TypeError} for what is no agent, and where both names are too long together.
 * @throws {PrusikError} `MODEL_UNKNOWN`
 */
export function variantName(
  name: string,
  alias: string,
  agents: DefinitionMap,
  models: ModelRegistry | undefined,
): string {
  if (!Object.hasOwn(agents, name)) throw new TypeError(`${name} is no agent, so it cannot be run with another model`);
  if (models === undefined) throw new TypeError(`The harness has no models, so ${name} cannot be run with ${alias}`);
  models.get(alias);
  const variant = withModelName(name, alias);
  if (isName(variant)) return variant;
  throw new TypeError(`${variant} is too long for a name: ${ID_LIMITS['definition name']} characters at most`);
}

const isAgent = (definition: AnyDefinition): definition is AnyAgent =>
  definition.kind === 'agent' && 'bind' in definition;
