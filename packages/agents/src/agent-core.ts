import type {
  Clock,
  DefinitionMap,
  DelegationPolicy,
  DurableContext,
  Json,
  JsonObject,
  RunInfo,
  RunKey,
  StandardSchema,
} from '@prusik/core';
import type { AgentSource } from './agent-source.ts';
import type { AgentContext } from './context-options.ts';
import type { ModelTool } from './language-model.ts';
import type { AgentLimits, RunLimits } from './loop-types.ts';
import type { RawModelEvent } from './model-call.ts';
import type { ModelErrorClass } from './model-class.ts';
import type { ModelRoute } from './model-route.ts';
import type { ModelSettings } from './model-settings.ts';
import type { Sampling } from './sampling.ts';
import type { AnyTool } from './tool-types.ts';

/** What instructions that are a function may look at. */
export interface InstructionScope<Deps = unknown, Context = Json> {
  readonly context: Context;
  readonly deps: Deps;
  readonly run: RunInfo;
}

declare const brand: unique symbol;
/** A name that a source has listed: nobody can write it down before. */
export type ListedName = string & { readonly [brand]: 'ListedName' };

/** A tool that a source has listed. */
export interface ListedTool {
  readonly name: ListedName;
  /** Name of the source. */
  readonly source: string;
}

/** What the choice of a step's tools may look at. */
export interface ActiveToolsScope<Deps = unknown, Context = Json> extends InstructionScope<Deps, Context> {
  /** The model call that is to come, from 1. */
  readonly step: number;
  /** The tools that the sources of the agent have now. */
  readonly listed: readonly ListedTool[];
}

/** Which call of which run it is. */
export interface ModelCallPlace {
  readonly run: RunKey;
  /** Key of the step. */
  readonly step: string;
  readonly attempt: number;
}

/** The tools of one model call. */
export interface OfferedTools {
  readonly names: ReadonlySet<string>;
  /** As the model is shown them. */
  readonly shown: readonly ModelTool[];
}

/** An agent as its steps need it: everything worked out that does not change from call to call. */
export interface AgentCore {
  readonly model: ModelRoute;
  /** With the index of the skills at the end: what is before it may vary. */
  readonly instructions: string | ((scope: InstructionScope<unknown, unknown>) => string | Promise<string>);
  readonly tools: ReadonlyMap<string, AnyTool>;
  /** Of its tools and skills: no tool of a source has one of these. */
  readonly taken: ReadonlySet<string>;
  readonly sources: readonly AgentSource[];
  /** Those of its tools that are agents. */
  readonly agents: DefinitionMap;
  /** For runs on whose record there is none. */
  readonly delegation: DelegationPolicy | undefined;
  /** Tools that come with the agent and not from its author; no choice hides them. */
  readonly builtIns: ReadonlySet<string>;
  /** What a step offers that nobody chooses for. */
  readonly offers: OfferedTools;
  /** Length of what every prompt holds besides the messages and what sources add, as far as it is known. */
  readonly fixedChars: number;
  readonly activeTools?: (scope: ActiveToolsScope<unknown, unknown>) => readonly string[] | Promise<readonly string[]>;
  readonly output?: {
    readonly schema: StandardSchema;
    /** What the model is told of it. */
    readonly json: JsonObject;
    /** Makes the run's output of what fits the schema, or throws. */
    readonly finish?: (value: unknown) => unknown;
  };
  readonly settings: ModelSettings;
  /** Missing where nothing is made shorter. */
  readonly context?: AgentContext;
  /** Missing where tools may ask no model. */
  readonly sampling?: Sampling;
  /** Failures after which text that a reader has seen is voided, to ask again. */
  readonly resets: readonly ModelErrorClass[];
  readonly onRaw?: (event: RawModelEvent & ModelCallPlace) => void;
  readonly limits: AgentLimits;
  /** Those that a run begins with, and keeps. */
  readonly runLimits: RunLimits;
  readonly clock: Clock;
}

/** What tools, policies and instructions get of the run that they work for. */
export const scopeOf = ({ run, deps }: DurableContext): InstructionScope<unknown, unknown> => ({
  context: run.context,
  deps,
  run,
});

/** The tool that a call was planned for, where the agent still has it: one of a source is never taken for another of that name. */
export function toolOf(
  { tools }: Pick<AgentCore, 'tools'>,
  { tool: name, source }: { readonly tool: string; readonly source?: string },
): AnyTool | undefined {
  const tool = tools.get(name);
  return tool?.source === source ? tool : undefined;
}
