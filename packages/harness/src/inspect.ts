import {
  loadedCopies,
  type AnyDefinition,
  type Budget,
  type Capability,
  type DelegationPolicy,
  type Json,
  type Sandbox,
  type StoreCapabilities,
} from '@prusik/core';
import type { ModelCapabilities, ModelPrices, ModelRegistry } from '@prusik/agents';
import core from '@prusik/core/package.json' with { type: 'json' };
import agents from '@prusik/agents/package.json' with { type: 'json' };
import durable from '@prusik/durable/package.json' with { type: 'json' };
import sessions from '@prusik/sessions/package.json' with { type: 'json' };
import harness from '@prusik/harness/package.json' with { type: 'json' };
import workflows from '@prusik/workflows-delegation/package.json' with { type: 'json' };
import { DEFAULT_LIMITS, type EngineLimits } from '@prusik/durable';
import { factsOf, type ModelFacts, type SkillFacts, type SourceFacts, type ToolFacts } from './facts.ts';

/** What a harness is assembled of, as data that can be printed, compared and stored. */
export interface Inspection {
  /** Versions by the names of packages, those of the adapters of store, sandbox and sources too, where these tell. */
  readonly packages: Readonly<Record<string, string>>;
  /** Where each loaded copy of core came from; more than one is a mistake of the installation. */
  readonly coreCopies: readonly string[];
  readonly definitions: readonly InspectedDefinition[];
  /** What the aliases of the model registry stand for. */
  readonly models: readonly InspectedModel[];
  readonly store: StoreCapabilities;
  readonly ephemeral: boolean;
  readonly sandbox: boolean;
  readonly context: boolean;
  readonly atDispose: 'release' | 'finish' | 'cancel';
  readonly limits: EngineLimits;
}

/** What is asked for an alias, in this order, and after which failures the next one is. */
export interface InspectedModel {
  readonly alias: string;
  readonly asked: readonly {
    readonly provider: string;
    readonly modelId: string;
    readonly prices?: ModelPrices;
    readonly capabilities?: ModelCapabilities;
  }[];
  readonly on: readonly string[];
}

/** What is known of one definition of an assembly. */
export interface InspectedDefinition {
  readonly name: string;
  readonly kind: string;
  readonly version: string;
  /** Names of what it calls. */
  readonly agents: readonly string[];
  readonly delegation: DelegationPolicy | 'off';
  readonly budget?: Budget;
  /** Where it has one. */
  readonly model?: ModelFacts;
  readonly summaryModel?: ModelFacts;
  /** Aliases of the models that its tools may ask. */
  readonly samplingModels: readonly string[];
  readonly tools: readonly ToolFacts[];
  readonly skills: readonly SkillFacts[];
  readonly sources: readonly SourceFacts[];
  readonly requires: readonly Capability[];
  /** Bounds of its runs, where it has any; `null` is none. */
  readonly limits?: Readonly<Record<string, Json>>;
}

export interface InspectParts {
  readonly definitions: readonly AnyDefinition[];
  readonly models: ModelRegistry | undefined;
  readonly store: StoreCapabilities;
  readonly ephemeral: boolean;
  readonly sandbox: Sandbox | undefined;
  readonly context: boolean;
  readonly atDispose: Inspection['atDispose'];
  readonly limits: Partial<EngineLimits>;
}

/** Versions of what is assembled, by package. */
export function packagesOf({
  store,
  sandbox,
  definitions,
}: Pick<InspectParts, 'store' | 'sandbox' | 'definitions'>): Readonly<Record<string, string>> {
  const own = [core, durable, agents, sessions, workflows, harness].map(({ name, version }) => [name, version]);
  const ofSources = definitions.flatMap((definition) => factsOf(definition).sources.map(({ adapter }) => adapter));
  const adapters = [store.adapter, sandbox?.adapter, ...ofSources].flatMap((adapter) =>
    adapter === undefined ? [] : [[adapter.package, adapter.version]],
  );
  return Object.fromEntries([...own, ...adapters]) as Readonly<Record<string, string>>;
}

function inspectModels(models: ModelRegistry): readonly InspectedModel[] {
  return models.aliases.map((alias) => {
    const { entries, on } = models.get(alias);
    return {
      alias,
      asked: entries.map(({ model: { provider, modelId }, prices, capabilities }) => ({
        provider,
        modelId,
        ...(prices === undefined ? {} : { prices }),
        ...(capabilities === undefined ? {} : { capabilities }),
      })),
      on,
    };
  });
}

export function inspect({ definitions, limits, sandbox, models, ...rest }: InspectParts): Inspection {
  return {
    ...rest,
    sandbox: sandbox !== undefined,
    models: models === undefined ? [] : inspectModels(models),
    packages: packagesOf({ store: rest.store, sandbox, definitions }),
    coreCopies: loadedCopies(),
    definitions: definitions.map((definition) => {
      const { name, kind, version } = definition;
      const { agents: calls, delegation, model, summaryModel, ...facts } = factsOf(definition);
      const { samplingModels, tools, skills, sources, limits: bounds } = facts;
      const { budget } = definition as { readonly budget?: Budget };
      return {
        name,
        kind,
        version,
        agents: Object.values(calls).map((called) => called.name),
        delegation: delegation ?? 'off',
        ...(budget === undefined ? {} : { budget }),
        ...(model === undefined ? {} : { model }),
        ...(summaryModel === undefined ? {} : { summaryModel }),
        samplingModels,
        tools,
        skills,
        sources,
        requires: definition.requires ?? [],
        ...(bounds === undefined ? {} : { limits: bounds }),
      };
    }),
    limits: { ...DEFAULT_LIMITS, ...limits },
  };
}
