import type { Json, StandardSchema } from '@prusik/core';
import type { AgentOf, AgentOptions, AgentParts, AnyAgent, PromptSchema, TextSchema } from './agent-types.ts';
import { buildAgent, type AnyAgentOptions } from './build-agent.ts';
import type { ConverterOption } from './json-schema.ts';
import type { ModelRegistry } from './model-registry.ts';
import { checkModel, type LanguageModelObject } from './language-model.ts';
import type { AnyTool } from './tool-types.ts';

/**
 * Defines an agent: a loop of model calls and tool calls, each a durable step. It may be killed at any instant and goes on in another
 * process without repeating what is recorded.
 *
 * @throws {TypeError} for a name, tool list, model, schema or limit that cannot work.
 */
export function defineAgent<
  const Name extends string,
  const Model extends string | LanguageModelObject,
  const Tools extends readonly AnyTool[] = readonly [],
  Input extends StandardSchema = PromptSchema,
  Output extends StandardSchema = TextSchema,
  Deps = unknown,
  Context = Json,
  const Alias extends string = never,
>(
  options: AgentOptions<Name, Model, Tools, Input, Output, Deps, Context, Alias> & ConverterOption<Output>,
  // Defined in the middle of an assembly, it must not take its deps from what the assembly would take.
): AgentOf<Name, Model, Tools, Input, Output, NoInfer<Deps>, Alias>;
export function defineAgent(options: AnyAgentOptions): AnyAgent {
  const { name, model } = options;
  if (typeof model !== 'string') checkModel(model, `The model of agent ${name}`);
  else if (model === '') throw new TypeError(`Agent ${name}: the alias of its model must not be empty`);
  return buildAgent(options, typeof model === 'string' ? {} : { model });
}

/**
 * The agent with its aliases resolved: that of its model, that of the one who writes its summaries, and those that its tools may ask; one that was defined
 * with model objects comes back as it is.
 *
 * @throws {PrusikError} `MODEL_UNKNOWN` for an alias that is not registered.
 */
export function bindModels<Agent extends AnyAgent>(agent: Agent, registry: ModelRegistry): Agent {
  const { model, summaryModel, sampling } = agent;
  if (typeof model !== 'string' && typeof summaryModel !== 'string' && sampling === undefined) return agent;
  return agent.bind(modelsOf(agent, registry)) as Agent;
}

function modelsOf({ model, summaryModel, sampling }: AnyAgent, registry: ModelRegistry): AgentParts {
  return {
    ...(typeof model === 'string' ? { model: registry.get(model) } : {}),
    ...(typeof summaryModel === 'string' ? { summaryModel: registry.get(summaryModel) } : {}),
    ...(sampling === undefined
      ? {}
      : { sampleModels: new Map(sampling.models.map((alias) => [alias, registry.get(alias)])) }),
  };
}
