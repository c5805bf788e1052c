import type { AnyDefinition, DefinitionMap, DelegationPolicy } from '@prusik/core';

/** What a definition shows of itself beyond what every definition has; read by shape, since anybody may write one. */
export interface DefinitionFacts {
  readonly agents: DefinitionMap;
  readonly delegation: DelegationPolicy | undefined;
  readonly model: string | undefined;
  readonly tools: readonly ToolFacts[];
}

interface ToolFacts {
  readonly name: string;
  /** A person may have to approve its calls. */
  readonly asks: boolean;
}

export function factsOf(definition: AnyDefinition): DefinitionFacts {
  const shown = definition as {
    readonly agents?: DefinitionMap;
    readonly delegation?: DelegationPolicy;
    readonly model?: unknown;
    readonly tools?: unknown;
  };
  return {
    agents: shown.agents ?? {},
    delegation: shown.delegation,
    model: typeof shown.model === 'string' ? shown.model : undefined,
    tools: toolsOf(shown.tools),
  };
}

/** A list, or an object by name. */
function toolsOf(tools: unknown): readonly ToolFacts[] {
  if (typeof tools !== 'object' || tools === null) return [];
  return Object.entries(tools).map(
    ([key, tool]: readonly [string, { readonly name?: unknown; readonly approval?: unknown }]) => ({
      name: typeof tool.name === 'string' ? tool.name : key,
      asks: tool.approval !== undefined && tool.approval !== 'never',
    }),
  );
}
