import type { AdapterInfo, AnyDefinition, Capability, DefinitionMap, DelegationPolicy, Json } from '@prusik/core';

/** A model as it is told of: its alias, or who makes the object and what it is called there. */
export type ModelFacts = string | { readonly provider: string; readonly modelId: string };

/** What a definition shows of itself beyond what every definition has; read by shape, since anybody may write one. */
export interface DefinitionFacts {
  readonly agents: DefinitionMap;
  readonly delegation: DelegationPolicy | undefined;
  readonly model: ModelFacts | undefined;
  /** What summarises its conversations, where it names one. */
  readonly summaryModel: ModelFacts | undefined;
  /** Aliases of the models that its tools may ask. */
  readonly samplingModels: readonly string[];
  readonly tools: readonly ToolFacts[];
  readonly skills: readonly SkillFacts[];
  readonly sources: readonly SourceFacts[];
  /** Bounds of its runs; one that is infinite is `null`, as it is in JSON. */
  readonly limits: Readonly<Record<string, Json>> | undefined;
}

/** What is known of a tool without calling it. */
export interface ToolFacts {
  readonly name: string;
  /** What may happen to a call that was begun and has no outcome. */
  readonly effect?: string;
  /** Whether a person may have to approve its calls: `never`, `once` (until it is granted), `always`, or a `policy` says. */
  readonly approval: string;
  /** Who answers its calls, where it is not executed here: `client-tool` or `question`. */
  readonly asks?: string;
  /** The agent that a call of it starts, where it is one. */
  readonly agent?: string;
  readonly timeoutMs?: number;
  /** Whether other calls may be executed beside it. */
  readonly parallel?: boolean;
  readonly requires: readonly Capability[];
}

/** What is known of a skill without reading it. */
export interface SkillFacts {
  readonly name: string;
  readonly folder?: string;
  readonly requires: readonly Capability[];
  /** Fields of its front matter that have no effect. */
  readonly ignored: readonly string[];
}

/** What is known of a source of tools without asking it; what it has is known only while a program runs. */
export interface SourceFacts {
  readonly name: string;
  /** Whether a model call fails without it. */
  readonly required: boolean;
  readonly requires: readonly Capability[];
  readonly adapter?: AdapterInfo;
}

type Shown = Readonly<Record<string, unknown>>;

export function factsOf(definition: AnyDefinition): DefinitionFacts {
  const shown = definition as {
    readonly agents?: DefinitionMap;
    readonly delegation?: DelegationPolicy;
    readonly model?: unknown;
    readonly summaryModel?: unknown;
    readonly sampling?: { readonly models?: unknown };
    readonly tools?: unknown;
    readonly skills?: unknown;
    readonly sources?: unknown;
    readonly limits?: unknown;
  };
  return {
    agents: shown.agents ?? {},
    delegation: shown.delegation,
    model: modelOf(shown.model),
    summaryModel: modelOf(shown.summaryModel),
    samplingModels: textsOf(shown.sampling?.models),
    tools: listed(shown.tools).map(([key, tool]) => ({
      name: textOf(tool['name']) ?? key,
      approval: textOf(tool['approval']) ?? 'never',
      ...only('asks', textOf((tool['asks'] as { readonly kind?: unknown } | undefined)?.kind)),
      ...only('agent', textOf((tool['delegates'] as { readonly agent?: Shown } | undefined)?.agent?.['name'])),
      ...only('effect', textOf(tool['effect'])),
      ...only('timeoutMs', Number.isFinite(tool['timeoutMs']) ? (tool['timeoutMs'] as number) : undefined),
      ...only('parallel', typeof tool['parallel'] === 'boolean' ? tool['parallel'] : undefined),
      requires: textsOf(tool['requires']) as readonly Capability[],
    })),
    skills: listed(shown.skills).map(([key, skill]) => ({
      name: textOf(skill['name']) ?? key,
      ...only('folder', textOf(skill['folder'])),
      requires: textsOf(skill['requires']) as readonly Capability[],
      ignored: textsOf(skill['ignored']),
    })),
    sources: listed(shown.sources).map(([key, given]) => {
      const source = (given['source'] ?? {}) as Shown;
      return {
        name: textOf(source['name']) ?? key,
        required: given['required'] === true,
        requires: textsOf(source['requires']) as readonly Capability[],
        ...only('adapter', adapterOf(source['adapter'])),
      };
    }),
    limits: limitsOf(shown.limits),
  };
}

function modelOf(model: unknown): ModelFacts | undefined {
  if (typeof model === 'string') return model;
  if (typeof model !== 'object' || model === null) return undefined;
  const { provider, modelId } = model as Shown;
  return { provider: textOf(provider) ?? 'unknown', modelId: textOf(modelId) ?? 'unknown' };
}

function adapterOf(adapter: unknown): AdapterInfo | undefined {
  const { package: name, version } = (adapter ?? {}) as Shown;
  return typeof name === 'string' && typeof version === 'string' ? { package: name, version } : undefined;
}

/** A list, or an object by name. */
function listed(values: unknown): readonly (readonly [string, Shown])[] {
  if (typeof values !== 'object' || values === null) return [];
  return Object.entries(values).filter(([, value]) => typeof value === 'object' && value !== null);
}

function limitsOf(limits: unknown): Readonly<Record<string, Json>> | undefined {
  if (typeof limits !== 'object' || limits === null) return undefined;
  return Object.fromEntries(
    Object.entries(limits as Shown).flatMap(([name, value]): [string, Json][] =>
      typeof value === 'number'
        ? [[name, Number.isFinite(value) ? value : null]]
        : typeof value === 'string' || typeof value === 'boolean'
          ? [[name, value]]
          : [],
    ),
  );
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const textsOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];

function only<Name extends string, Value>(name: Name, value: Value | undefined): { readonly [N in Name]?: Value } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]: Value });
}
