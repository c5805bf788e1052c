import {
  checkId,
  checkOptions,
  describeIssues,
  hashJson,
  jsonSchemaOf,
  PrusikError,
  putFiles,
  randomId,
  systemClock,
  toJson,
  type DelegationPolicy,
  type Json,
  type JsonObject,
  type MessagePart,
  type PutFile,
  type StandardSchema,
} from '@prusik/core';
import type { AgentCore } from './agent-core.ts';
import { checkSources } from './agent-source.ts';
import { calledAgents } from './called-agents.ts';
import { checkDecision } from './check-decision.ts';
import type { AgentOptions, AgentParts, AnyAgent } from './agent-types.ts';
import { checkContextOptions, contextOf } from './context-options.ts';
import { modelJsonSchema, type JsonSchemaConverter } from './json-schema.ts';
import { AGENT_LIMITS, runLimitsOf, type AgentLimits } from './loop-types.ts';
import { modelFacing } from './model-facing.ts';
import { TRANSIENT } from './model-class.ts';
import { unknownModel } from './model-registry.ts';
import type { LanguageModelObject } from './language-model.ts';
import { mostOutputTokens, toRoute, type ModelRoute } from './model-route.ts';
import { madePrompt, promptSchema, showPrompt } from './prompt.ts';
import { runAgent } from './run-agent.ts';
import { checkSampling, samplingOf } from './sampling.ts';
import type { AnyTool } from './tool-types.ts';
import { validate } from './validate.ts';

/** Options of any agent, with what differs between agents erased. */
export type AnyAgentOptions = Omit<
  AgentOptions<
    string,
    string | LanguageModelObject,
    readonly AnyTool[],
    StandardSchema,
    StandardSchema,
    unknown,
    unknown
  >,
  'delegation'
> & {
  // By the names of tools of which nothing is known it could name none.
  readonly delegation?: DelegationPolicy;
  readonly toJsonSchema?: JsonSchemaConverter<never>;
};

const LIMITS = Object.fromEntries(Object.keys(AGENT_LIMITS).map((limit) => [limit, true] as const));
const KNOWN = {
  names: {
    name: true,
    description: true,
    instructions: true,
    model: true,
    tools: true,
    sources: true,
    activeTools: true,
    skills: true,
    delegation: true,
    input: true,
    prompt: true,
    output: true,
    requires: true,
    settings: true,
    context: true,
    sampling: true,
    resets: true,
    onRaw: true,
    limits: true,
    version: true,
    continues: true,
    types: true,
    clock: true,
    newId: true,
    toJsonSchema: true,
  } satisfies Record<keyof AnyAgentOptions, true>,
  elsewhere: {
    id: 'name',
    system: 'instructions',
    prepareStep: 'activeTools, or a function as instructions',
    maxSteps: 'limits.steps',
    stopWhen: 'limits.steps',
    outputSchema: 'output',
    temperature: 'settings.temperature',
    maxOutputTokens: 'settings.maxOutputTokens',
    toolChoice: 'settings.toolChoice',
    providerOptions: 'settings.providerOptions',
  },
};

/** The agent of checked options; without a model it can be looked at and bound, not run. */
export function buildAgent(options: AnyAgentOptions, parts: AgentParts): AnyAgent {
  const { model } = parts;
  const { name, description, instructions, tools = [], skills = [], output, settings = {} } = options;
  const { version = '1', continues } = options;
  checkId('definition name', name);
  checkOptions(`Agent ${name}`, options, KNOWN);
  if (typeof instructions !== 'string' && typeof instructions !== 'function')
    throw new TypeError(`Agent ${name}: instructions must be a text, or a function that makes one`);
  checkTools(name, tools);
  const sources = checkSources(name, options.sources ?? []);
  const called = calledAgents(name, tools, options.delegation);
  checkContextOptions(name, options.context);
  checkSampling(name, options.sampling);
  const summaryModel = options.context === false ? undefined : options.context?.summaryModel;
  const facing = modelFacing(name, instructions, tools, skills);
  const limits = checkLimits(name, { ...AGENT_LIMITS, ...options.limits });
  const outputJsonSchema =
    output === undefined ? undefined : modelJsonSchema(output, options.toJsonSchema, `The output of agent ${name}`);
  const inputSchema: StandardSchema = options.input ?? promptSchema;
  const inputJsonSchema = inputJson(inputSchema, options.toJsonSchema);
  const isPrompt = options.input === undefined;
  const show = (input: Json): readonly MessagePart[] =>
    options.prompt === undefined ? showPrompt(input, isPrompt) : madePrompt(name, input, options.prompt);
  const newId = options.newId ?? parts.newId ?? randomId;
  const clock = options.clock ?? parts.clock ?? systemClock;
  const { sampleModels = new Map() } = parts;
  const sampling = samplingOf(options.sampling, sampleModels);
  const core = (resolved: ModelRoute): AgentCore => ({
    ...facing,
    sources,
    agents: called.agents,
    delegation: called.delegation,
    model: resolved,
    ...(options.activeTools === undefined ? {} : { activeTools: options.activeTools }),
    ...(output === undefined || outputJsonSchema === undefined
      ? {}
      : {
          output: { schema: output, json: outputJsonSchema },
        }),
    settings,
    ...(sampling === undefined ? {} : { sampling }),
    resets: options.resets ?? TRANSIENT,
    ...(options.onRaw === undefined ? {} : { onRaw: options.onRaw }),
    ...context(resolved),
    limits,
    runLimits: runLimitsOf(limits, mostOutputTokens(resolved, settings)),
    clock,
  });
  const context = (resolved: ModelRoute): Pick<AgentCore, 'context'> => {
    const managed = contextOf(options.context, resolved, parts.summaryModel);
    return managed === undefined ? {} : { context: managed };
  };
  const unbound =
    model === undefined
      ? String(options.model)
      : typeof summaryModel === 'string' && parts.summaryModel === undefined
        ? summaryModel
        : options.sampling?.models.find((alias) => !sampleModels.has(alias));
  const ready = model === undefined || unbound !== undefined ? undefined : core(toRoute(model));

  return {
    name,
    kind: 'agent',
    version,
    ...(continues === undefined ? {} : { continues }),
    ...(description === undefined ? {} : { description }),
    hash: hashJson([
      typeof instructions === 'string' ? instructions : String(instructions),
      [...tools, ...skills].map(({ hash }) => hash),
      // What they have is known only while a program runs.
      ...(sources.length === 0 ? [] : [sources.map(({ source, required }) => [source.name, required])]),
      outputJsonSchema ?? null,
      typeof options.model === 'string' ? options.model : options.model.modelId,
    ]),
    model: options.model,
    tools,
    skills,
    sources,
    limits,
    ...called,
    input: inputSchema,
    ...(inputJsonSchema === undefined ? {} : { inputJsonSchema }),
    ...(summaryModel === undefined ? {} : { summaryModel }),
    ...(options.sampling === undefined ? {} : { sampling: options.sampling }),
    ...(options.requires === undefined ? {} : { requires: options.requires }),
    ...(outputJsonSchema === undefined ? {} : { outputJsonSchema }),
    async parseInput(given, { putBlob }) {
      if (ready === undefined) throw unknownModel(String(unbound), []);
      const checked = await validate(inputSchema, given as Json, clock);
      if (checked.issues === undefined) {
        const parsed = toJson(checked.value);
        return isPrompt ? withoutBytes(parsed, putBlob) : parsed;
      }
      throw new PrusikError('INPUT_INVALID', `The input of ${name} is not valid: ${describeIssues(checked.issues)}`);
    },
    checkDecision: (request, decision) => checkDecision(facing.tools, clock, request, decision),
    openingMessages: (input) => [{ v: 1, id: newId(), role: 'user', kind: 'user', content: show(input) }],
    async run(ctx) {
      if (ready === undefined) throw unknownModel(String(unbound), []);
      return runAgent(ready, ctx);
    },
    bind: (more) => buildAgent(options, { ...parts, ...more }),
    '~types': undefined as never,
  };
}

/** Only whoever calls the agent needs it, so an input that nobody can convert is no mistake yet. */
function inputJson(input: StandardSchema, convert: JsonSchemaConverter<never> | undefined): JsonObject | undefined {
  try {
    return jsonSchemaOf(input) ?? (convert && modelJsonSchema(input, convert, 'The input'));
  } catch {
    return undefined;
  }
}

/** Their shape alone: what is in one, whoever made it has checked. */
function checkTools(agent: string, tools: readonly AnyTool[]): void {
  if (!Array.isArray(tools)) throw new TypeError(`Agent ${agent}: tools must be a list; each tool has its own name`);
  for (const [index, tool] of tools.entries()) {
    const { name, hash } = (tool ?? {}) as Partial<AnyTool>;
    if (typeof name !== 'string' || typeof hash !== 'string')
      throw new TypeError(
        `Agent ${agent}: tool ${index + 1} must be made with defineTool, agentTool, clientTool, askTool or providerTool`,
      );
  }
}

function checkLimits(agent: string, limits: AgentLimits): AgentLimits {
  checkOptions(`Agent ${agent}: limits`, limits, { names: LIMITS });
  const { lastStep, whenExhausted, ...numbers } = limits;
  if (lastStep !== 'refuse-calls' && lastStep !== 'answer-without-tools')
    throw new TypeError(`Agent ${agent}: limits.lastStep is ${JSON.stringify(lastStep)}, which it cannot be`);
  if (whenExhausted !== 'fail' && whenExhausted !== 'partial')
    throw new TypeError(`Agent ${agent}: limits.whenExhausted is ${JSON.stringify(whenExhausted)}, which it cannot be`);
  for (const [limit, value] of Object.entries(numbers)) {
    const least = limit === 'repairs' || limit === 'toolCalls' ? 0 : 1;
    if (!(typeof value === 'number' && value >= least))
      throw new TypeError(`Agent ${agent}: limits.${limit} must be at least ${least}, not ${String(value)}`);
  }
  if (!Number.isSafeInteger(limits.modelAttempts))
    throw new TypeError(
      `Agent ${agent}: limits.modelAttempts must be a whole number, not ${String(limits.modelAttempts)}`,
    );
  return limits;
}

/** An input of texts and files that names its files; the schema has seen that it is one. */
async function withoutBytes(prompt: Json, putBlob: PutFile): Promise<Json> {
  if (!Array.isArray(prompt)) return prompt;
  return toJson(await putFiles(prompt as unknown as readonly MessagePart[], putBlob));
}
