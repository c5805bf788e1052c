import {
  checkCallOptions,
  checkOptions,
  hashJson,
  type AgentCallOptions,
  type CallOptions,
  type CallOutput,
  type Json,
  type JsonObject,
  type StandardSchema,
} from '@prusik/core';
import type { AgentDefinition } from './agent-types.ts';
import { makeTool } from './define-tool.ts';
import { checkToolName } from './tool-name.ts';
import type { DelegateOptions, Delegates, ToolDefinition, ToolOptions } from './tool-types.ts';

/** An agent that other agents may call. */
type Callable = AgentDefinition;

/** What a model passes to an agent: its own input where that is an object, else the text that it is asked. */
export type AgentToolInput<Agent extends Callable> = string extends Agent['~types']['input']
  ? { readonly prompt: string }
  : Agent['~types']['input'] extends string
    ? { readonly prompt: Agent['~types']['input'] }
    : Agent['~types']['input'];

type DepsOfAgent<Agent extends Callable> = Agent extends AgentDefinition<unknown, unknown, infer Deps> ? Deps : unknown;

/** A tool whose calls another agent answers, as a child run. */
export type AgentTool<Name extends string = string, Agent extends Callable = Callable> = ToolDefinition<
  Name,
  AgentToolInput<Agent>,
  CallOutput<Agent>,
  DepsOfAgent<Agent>,
  Json
> & { readonly delegates: Delegates<Agent> };

/** How an agent is shown to a model as a tool, and what its child runs may do. */
export interface AgentToolOptions<Name extends string, Input>
  extends
    Pick<AgentCallOptions, 'priority' | 'timeoutMs' | 'budget' | 'maxResultBytes' | 'history' | 'workspace'>,
    Pick<
      ToolOptions<Name, StandardSchema<Input>, unknown, unknown, Json>,
      'approval' | 'approvalExpiresMs' | 'maxOutputBytes' | 'maxOutputLines' | 'parallel' | 'version'
    > {
  /** @default the agent's name */
  readonly name?: Name;
  /** When the model is to call it, and what for. @default the agent's description */
  readonly description?: string;
  /** Alias of the model that the agent is to use in place of its own; one that the policy of the agent that calls lists. Needs `@prusik/harness`. */
  readonly model?: string;
}

const KNOWN = {
  names: {
    name: true,
    description: true,
    model: true,
    priority: true,
    timeoutMs: true,
    budget: true,
    maxResultBytes: true,
    history: true,
    workspace: true,
    approval: true,
    approvalExpiresMs: true,
    maxOutputBytes: true,
    maxOutputLines: true,
    parallel: true,
    version: true,
  } satisfies Record<keyof AgentToolOptions<string, unknown>, true>,
  elsewhere: { input: 'the input of the agent', effect: 'the effects of its tools', context: 'the context of the run' },
};

/**
 * A tool that is another agent: a call of it starts that agent as a child run, under the `delegation` of the agent that has the tool, and its output is the
 * result. A child that fails, or that the policy refuses, is an error result with its code, and the model goes on.
 *
 * @throws {TypeError} for an agent without a description where none is given, one whose input is neither an object nor a text, a name that providers
 * refuse, or an option that is none.
 */
export function agentTool<Agent extends Callable, const Name extends string = Agent['name']>(
  agent: Agent,
  options: AgentToolOptions<Name, AgentToolInput<Agent>> = {},
): AgentTool<Name, Agent> {
  const {
    name = agent.name,
    description = agent.description,
    model,
    priority,
    timeoutMs,
    budget,
    maxResultBytes,
    history = 'fresh',
    workspace = 'none',
    ...rest
  } = options;
  checkToolName(name, name === agent.name ? ': give the agent another as a tool, with the option name' : '');
  checkOptions(`Tool ${name}`, options, KNOWN);
  if (description === undefined || description.trim() === '')
    throw new TypeError(
      `Tool ${name}: the agent ${agent.name} has no description, so a model would not know when to call it: give it one, or the option description`,
    );
  const { gives, schema, json } = inputOf(name, agent);
  const tool = makeTool<Name, StandardSchema<AgentToolInput<Agent>>, CallOutput<Agent>, DepsOfAgent<Agent>, Json>({
    ...rest,
    name: name as Name,
    description,
    input: schema as StandardSchema<AgentToolInput<Agent>>,
    toJsonSchema: () => json,
    effect: 'repeatable',
    timeoutMs: timeoutMs ?? Number.POSITIVE_INFINITY,
    execute: () => Promise.reject(new TypeError(`${name} is an agent, which runs as a child`)),
  });
  const how: CallOptions & DelegateOptions = {
    ...(priority === undefined ? {} : { priority }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(budget === undefined ? {} : { budget }),
    ...(maxResultBytes === undefined ? {} : { maxResultBytes }),
    ...(history === 'fresh' ? {} : { history }),
    ...(workspace === 'none' ? {} : { workspace }),
  };
  checkCallOptions(`Tool ${name}`, how);
  return {
    ...tool,
    // As of other tools not over its bounds: the same child with less time is what was approved. One that reads the conversation is another.
    hash: hashJson([tool.hash, agent.name, agent.version, model ?? null, ...(history === 'fresh' ? [] : [history])]),
    delegates: { agent, gives, options: model === undefined ? how : { model, ...how } },
  };
}

interface ToolInputOf {
  readonly gives: Delegates['gives'];
  readonly schema: StandardSchema;
  readonly json: JsonObject;
}

function inputOf(tool: string, { name, input, inputJsonSchema: json }: Callable): ToolInputOf {
  if (json === undefined)
    throw new TypeError(
      `Tool ${tool}: the input of the agent ${name} does not say itself as JSON Schema: give the agent a schema that does, or the option toJsonSchema`,
    );
  if (json['type'] === 'object') return { gives: 'input', schema: asGiven(input), json };
  if (json['type'] !== 'string')
    throw new TypeError(
      `Tool ${tool}: the input of the agent ${name} is neither an object nor a text, and a tool takes an object: put it into one`,
    );
  return {
    gives: 'prompt',
    schema: asGiven(promptOf(input)),
    json: { type: 'object', properties: { prompt: json }, required: ['prompt'], additionalProperties: false },
  };
}

/** The child reads its input itself, so nobody reads it twice: what was given is checked, and goes on as it was given. */
function asGiven(schema: StandardSchema): StandardSchema {
  return standard(async (value) => {
    const { issues } = await schema['~standard'].validate(value);
    return issues === undefined ? { value } : { issues };
  });
}

function promptOf(text: StandardSchema): StandardSchema {
  return standard(async (value) => {
    const { prompt, ...more } = (typeof value === 'object' ? (value ?? {}) : {}) as { readonly prompt?: unknown };
    const [other] = Object.keys(more);
    if (other !== undefined) return { issues: [{ message: 'there is no such property', path: [other] }] };
    // An agent may take texts and files; a model has no files that it could name.
    if (typeof prompt !== 'string') return { issues: [{ message: 'expected a text', path: ['prompt'] }] };
    const { issues } = await text['~standard'].validate(prompt);
    return issues === undefined
      ? { value }
      : { issues: issues.map((issue) => ({ ...issue, path: ['prompt', ...(issue.path ?? [])] })) };
  });
}

const standard = (validate: StandardSchema['~standard']['validate']): StandardSchema => ({
  '~standard': { version: 1, vendor: 'prusik', validate },
});

/** What the child is started with. */
export const childInput = ({ gives }: Pick<Delegates, 'gives'>, input: Json): Json =>
  gives === 'input' ? input : ((input as { readonly prompt?: Json }).prompt ?? null);
