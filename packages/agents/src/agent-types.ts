import type {
  AliasesOf,
  Budget,
  Capability,
  Clock,
  DefinitionMap,
  DelegationPolicy,
  DurableDefinition,
  FilePart,
  InferInput,
  InferOutput,
  Json,
  JsonObject,
  NewId,
  StandardSchema,
  TextPart,
} from '@prusik/core';
import type { ActiveToolsScope, InstructionScope, ListedName, ModelCallPlace } from './agent-core.ts';
import type { AgentSource, GivenSource } from './agent-source.ts';
import type { ContextOptions } from './context-options.ts';
import type { ModelSchema } from './json-schema.ts';
import type { AgentLimits } from './loop-types.ts';
import type { RawModelEvent } from './model-call.ts';
import type { ModelErrorClass } from './model-class.ts';
import type { LanguageModelObject } from './language-model.ts';
import type { ModelRoute } from './model-route.ts';
import type { ModelSettings } from './model-settings.ts';
import type { SamplingOptions } from './sampling.ts';
import type { Skill } from './skill.ts';
import type { AnyTool, Delegates, DepsOf } from './tool-types.ts';

/** What an agent without an input schema is asked: a text, or texts and files. */
export type AgentPrompt = string | readonly (TextPart | FilePart)[];

/** Schemas of agents that declare none. */
export type PromptSchema = StandardSchema<AgentPrompt>;
/** The schema of an output that is the text of the last reply. */
export type TextSchema = ModelSchema<string>;

/** What {@link defineAgent} takes. */
export interface AgentOptions<
  Name extends string,
  Model extends string | LanguageModelObject,
  Tools extends readonly AnyTool[],
  Input extends StandardSchema,
  Output extends StandardSchema,
  Deps,
  Context,
  Alias extends string = string,
> {
  /** Unique within an engine, at most 64 characters. */
  readonly name: Name;
  /** For people, and for agents that may call this one. */
  readonly description?: string;
  /** What the model is told before everything else. A function is asked before every model call. */
  readonly instructions: string | ((scope: InstructionScope<Deps, Context>) => string | Promise<string>);
  /** A model object, or an alias that {@link bindModels} resolves at assembly; a string never reaches a network service. */
  readonly model: Model;
  /** Names must differ. @default none */
  readonly tools?: Tools;
  /**
   * Where more tools come from, which are known only while a program runs: an MCP server, for one. Each is asked before every model call what it has, within 30 s; that is
   * recorded, and what the model is offered. A tool of the name of another is withheld, and so is one that cannot work; a source that cannot be listed costs its
   * tools and not the run, unless it is `required`. At most 16. @default none
   */
  readonly sources?: readonly GivenSource[];
  /**
   * The tools that a step offers, by their names, those of sources among them (`scope.listed`), asked before every model call. A tool that is not offered is not shown, and refused where the
   * model names it. One that throws, takes longer than ten seconds or names what is not there fails the run with `ACTIVE_TOOLS_FAILED`.
   * Another list is another prompt to a provider's cache. @default all of them
   */
  readonly activeTools?: (
    scope: ActiveToolsScope<Deps, Context>,
  ) =>
    | readonly (NoInfer<Tools>[number]['name'] | ListedName)[]
    | Promise<readonly (NoInfer<Tools>[number]['name'] | ListedName)[]>;
  /**
   * Folders of instructions, by `skill(folder)`: their names and descriptions stand in every prompt, their contents are read with the tool
   * `read_skill`. Tools and skills share one name space. At most 64. @default none
   */
  readonly skills?: readonly Skill[];
  /**
   * What those of its tools may do together that are agents: how many calls, how deep, with which models, tokens, cost and time. Needed where there are
   * such tools. @default there are none
   */
  readonly delegation?: DelegationPolicy<Delegating<Tools>['name'], Alias> & {
    // From here the compiler learns the aliases: the names are not known to it yet when it looks for them.
    readonly agentModels?: { readonly [tool: string]: readonly Alias[] };
  };
  /** Checks an input before anything is stored; `INPUT_INVALID` otherwise. @default a text, or texts and files */
  readonly input?: Input;
  /** How the model is shown the input: a text, or texts and files by blob or URL. @default a text as it is, everything else as JSON */
  readonly prompt?: (input: InferOutput<Input>) => AgentPrompt;
  /** The reply must be JSON of this schema; a miss is told to the model, `limits.repairs` times. @default the text of the reply */
  readonly output?: Output;
  /** What an assembly has to offer for the agent to work, beside what its tools require. @default nothing */
  readonly requires?: readonly Capability[];
  readonly settings?: ModelSettings;
  /** How a long conversation is kept within what the model takes; `false` leaves it as it is. @default within what the registry says of the model */
  readonly context?: ContextOptions | false;
  /** Which models its tools may ask, and how much. @default none: a need of kind `sample` is answered with `unavailable` */
  readonly sampling?: SamplingOptions<Alias>;
  /**
   * Failures of a model after which the call is made again, or another model asked, although a reader has seen text of it: that text is voided by a
   * reset. After the others it is kept, and the run fails. `[]` turns it off. @default those that say nothing about the request
   */
  readonly resets?: readonly ModelErrorClass[];
  /** Hears the provider's own events while they come; they are never stored. What it throws is ignored. */
  readonly onRaw?: (event: RawModelEvent & ModelCallPlace) => void;
  readonly limits?: Partial<AgentLimits>;
  /** Change it when a run of the old agent must not be continued by the new. @default '1' */
  readonly version?: string;
  /** Older versions whose runs this agent can continue. @default none */
  readonly continues?: readonly string[];
  /** Only types: `types: {} as { deps: MyDeps; context: MyContext }` says what instructions get. */
  readonly types?: { readonly deps?: Deps; readonly context?: Context };
  /** Where time-outs are waited for. @default the one of {@link AgentParts}, or systemClock */
  readonly clock?: Clock;
  /** Names the messages that inputs become. @default the one of {@link AgentParts}, or random UUIDs */
  readonly newId?: NewId;
}

/** What an assembly gives to the agents in it. A clock or an id maker that a definition names itself stays. */
export interface AgentParts {
  readonly model?: LanguageModelObject | ModelRoute;
  /** Of an agent that names the one who writes its summaries by an alias. */
  readonly summaryModel?: LanguageModelObject | ModelRoute;
  /** Those that its tools may ask, by their aliases. */
  readonly sampleModels?: ReadonlyMap<string, ModelRoute>;
  readonly clock?: Clock;
  readonly newId?: NewId;
}

/** Those of `Tools` that are agents. */
type Delegating<Tools extends readonly AnyTool[]> = Extract<Tools[number], { readonly delegates: Delegates }>;

/** Aliases that the agents among `Tools` need. */
type AliasesBelow<Tool> = Tool extends { readonly delegates: Delegates<infer Agent> }
  ? AliasesOf<{ readonly called: Agent }>
  : never;

/** What a caller of the definition passes and gets, and the aliases that it needs. Types only. */
export interface AgentCallTypes<Input, Output, Models extends string = string> {
  readonly input: Input;
  readonly output: Output;
  readonly models: Models;
}

/** An agent as a value: a durable function that engines run and workflows call, defined in a module of its own. */
export interface AgentDefinition<
  Input = unknown,
  Output = unknown,
  Deps = unknown,
  Model = unknown,
  Name extends string = string,
  Tools extends readonly AnyTool[] = readonly AnyTool[],
  Alias extends string = string,
> extends DurableDefinition<Json, Output, Deps> {
  readonly kind: 'agent';
  readonly name: Name;
  readonly description?: string;
  /** The alias as it was given, or the object. */
  readonly model: Model;
  readonly tools: Tools;
  readonly skills: readonly Skill[];
  readonly sources: readonly AgentSource[];
  readonly limits: AgentLimits;
  /** What it may call, by the names of the tools that they are. */
  readonly agents: DefinitionMap;
  readonly delegation: DelegationPolicy | undefined;
  /** What its policy lets it and its children spend. */
  readonly budget?: Budget;
  /** Checks its input. */
  readonly input: StandardSchema;
  /** JSON Schema of the input as a model that calls it is shown it, where its schema says itself. */
  readonly inputJsonSchema?: JsonObject;
  /** Who writes summaries, where that is another model: the alias as it was given, or the object. */
  readonly summaryModel?: string | LanguageModelObject;
  /** Which models its tools may ask, where they may. */
  readonly sampling?: SamplingOptions;
  /** JSON Schema of the output, where it has one. */
  readonly outputJsonSchema?: JsonObject;
  /** The same agent with these parts; those that it has and that are not named stay. */
  bind(parts: AgentParts): AgentDefinition<Input, Output, Deps, Model, Name, Tools, Alias>;
  readonly '~types': AgentCallTypes<Input, Output, Alias>;
}

/** An agent of whatever input, output and tools. */
export type AnyAgent = AgentDefinition;

/** What {@link defineAgent} makes of its options. */
export type AgentOf<
  Name extends string,
  Model extends string | LanguageModelObject,
  Tools extends readonly AnyTool[],
  Input extends StandardSchema,
  Output extends StandardSchema,
  Deps,
  Alias extends string = never,
> = AgentDefinition<
  InferInput<Input>,
  InferOutput<Output>,
  Deps & DepsOf<Tools>,
  Model,
  Name,
  Tools,
  Alias | Extract<Model, string> | AliasesBelow<Tools[number]>
>;
