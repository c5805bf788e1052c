import {
  loadedCopies,
  type AnyDefinition,
  type Budget,
  type DelegationPolicy,
  type StoreCapabilities,
} from '@prusik/core';
import core from '@prusik/core/package.json' with { type: 'json' };
import agents from '@prusik/agents/package.json' with { type: 'json' };
import durable from '@prusik/durable/package.json' with { type: 'json' };
import sessions from '@prusik/sessions/package.json' with { type: 'json' };
import workflows from '@prusik/workflows-delegation/package.json' with { type: 'json' };
import { DEFAULT_LIMITS, type EngineLimits } from '@prusik/durable';
import { factsOf } from './facts.ts';

/** What a harness is assembled of, as data that can be printed, compared and stored. */
export interface Inspection {
  readonly packages: Readonly<Record<string, string>>;
  /** Where each loaded copy of core came from; more than one is a mistake of the installation. */
  readonly coreCopies: readonly string[];
  readonly definitions: readonly InspectedDefinition[];
  /** Aliases of the model registry. */
  readonly models: readonly string[];
  readonly store: StoreCapabilities;
  readonly ephemeral: boolean;
  readonly sandbox: boolean;
  readonly limits: EngineLimits;
}

export interface InspectedDefinition {
  readonly name: string;
  readonly kind: string;
  readonly version: string;
  /** Names of what it calls. */
  readonly agents: readonly string[];
  readonly delegation: DelegationPolicy | 'off';
  readonly budget?: Budget;
  /** Alias of its model, where it has one. */
  readonly model?: string;
  readonly tools: readonly string[];
}

export interface InspectParts {
  readonly definitions: readonly AnyDefinition[];
  readonly models: readonly string[];
  readonly store: StoreCapabilities;
  readonly ephemeral: boolean;
  readonly sandbox: boolean;
  readonly limits: Partial<EngineLimits>;
}

export function inspect({ definitions, limits, ...rest }: InspectParts): Inspection {
  return {
    ...rest,
    packages: Object.fromEntries(
      [core, durable, agents, sessions, workflows].map(({ name, version }) => [name, version]),
    ),
    coreCopies: loadedCopies(),
    definitions: definitions.map((definition) => {
      const { name, kind, version } = definition;
      const { agents: calls, delegation, model, tools } = factsOf(definition);
      const { budget } = definition as { readonly budget?: Budget };
      return {
        name,
        kind,
        version,
        agents: Object.values(calls).map((called) => called.name),
        delegation: delegation ?? 'off',
        ...(budget === undefined ? {} : { budget }),
        ...(model === undefined ? {} : { model }),
        tools: tools.map((tool) => tool.name),
      };
    }),
    limits: { ...DEFAULT_LIMITS, ...limits },
  };
}
