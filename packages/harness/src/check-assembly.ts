import type { ModelRegistry } from '@prusik/agents';
import type { AnyDefinition, Capability, DefinitionMap, StoreCapabilities } from '@prusik/core';
import { factsOf } from './facts.ts';

export interface Assembly {
  readonly agents: DefinitionMap;
  readonly workflows: DefinitionMap;
  /** Those of both, and all that they call. */
  readonly definitions: readonly AnyDefinition[];
  readonly models: ModelRegistry | undefined;
  readonly store: StoreCapabilities;
  readonly sandbox: boolean;
  readonly ephemeral: boolean;
}

/**
 * Everything that is wrong, each with its path and its fix, before anything runs.
 *
 * @throws {TypeError} with one line per problem.
 */
export function checkAssembly(assembly: Assembly): void {
  const problems = [
    ...namesThatDiffer('agents', assembly.agents, 'agent'),
    ...namesThatDiffer('workflows', assembly.workflows, 'workflow'),
    ...namesGivenTwice(assembly),
    ...unknownModels(assembly),
    ...modelsWithoutTools(assembly),
    ...toolsOfOneName(assembly),
    ...unmetRequirements(assembly),
    ...waitsThatWouldBeLost(assembly),
  ];
  if (problems.length === 0) return;
  throw new TypeError(`The harness cannot work as defined:\n${problems.map((problem) => `- ${problem}`).join('\n')}`);
}

/** A definition has one name: in calls, in the journal and in the inbox. */
function namesThatDiffer(path: string, map: DefinitionMap, kind: AnyDefinition['kind']): readonly string[] {
  return Object.entries(map).flatMap(([key, definition]) => [
    ...(definition.name === key ? [] : [`${path}.${key} is named ${definition.name}: use the same name for both`]),
    ...(definition.kind === 'function' || definition.kind === kind
      ? []
      : [`${path}.${key} is of kind ${definition.kind}: move it to ${definition.kind}s`]),
  ]);
}

function namesGivenTwice({ agents, workflows }: Assembly): readonly string[] {
  return Object.keys(workflows)
    .filter((name) => Object.hasOwn(agents, name))
    .map((name) => `agents.${name} and workflows.${name} have one name: rename one of them`);
}

function unknownModels({ definitions, models }: Assembly): readonly string[] {
  const known: readonly string[] = models?.aliases ?? [];
  const fix = known.length === 0 ? 'give the harness models' : `the registry has ${known.join(', ')}`;
  return definitions.flatMap((definition) => {
    const { model, summaryModel, samplingModels, delegation } = factsOf(definition);
    const asked: readonly (readonly [string, string])[] = [
      ...(typeof model === 'string' ? [['model', model] as const] : []),
      ...(typeof summaryModel === 'string' ? [['context.summaryModel', summaryModel] as const] : []),
      ...samplingModels.map((alias) => ['sampling.models', alias] as const),
      ...(delegation?.models ?? []).map((alias) => ['delegation.models', alias] as const),
      ...Object.entries(delegation?.agentModels ?? {}).flatMap(([agent, aliases = []]) =>
        aliases.map((alias) => [`delegation.agentModels.${agent}`, alias] as const),
      ),
    ];
    return asked
      .filter(([, alias]) => !known.includes(alias))
      .map(([path, alias]) => `${definition.name}: ${path} names the model ${alias}, which is not known: ${fix}`);
  });
}

/** As far as the registry says what its models can do: one that stands in counts, too. */
function modelsWithoutTools({ definitions, models }: Assembly): readonly string[] {
  return definitions.flatMap((definition) => {
    const { model, tools, skills, sources } = factsOf(definition);
    if (typeof model !== 'string' || tools.length + skills.length + sources.length === 0) return [];
    if (models === undefined || !models.aliases.includes(model)) return [];
    return models
      .get(model)
      .entries.filter(({ capabilities }) => capabilities?.tools === false)
      .map(
        ({ model: { provider, modelId } }) =>
          `${definition.name}: it has tools, and its model ${model} may be ${provider}/${modelId}, which calls none: use another model`,
      );
  });
}

/** Tools, whatever they come from, and skills share the one name space that a model sees. */
function toolsOfOneName({ definitions }: Assembly): readonly string[] {
  return definitions.flatMap((definition) => {
    const { tools, skills } = factsOf(definition);
    const names = [...tools, ...skills].map(({ name }) => name);
    const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
    return [...twice].map(
      (name) => `${definition.name}: two of its tools and skills are named ${name}: rename one of them`,
    );
  });
}

const OFFERS: Readonly<Record<Capability, string>> = {
  'durable-store': 'use a store that outlives the process',
  'shared-store': 'use a store that several processes may open',
  sandbox: 'give the harness a sandbox',
};

/** What a definition, one of its tools, skills or sources cannot do without, and what no adapter here offers. */
function unmetRequirements({ definitions, store, sandbox }: Assembly): readonly string[] {
  const offered: Readonly<Record<string, boolean>> = {
    'durable-store': store.durable,
    'shared-store': store.multiProcess,
    sandbox,
  };
  return definitions.flatMap((definition) => {
    const { tools, skills, sources } = factsOf(definition);
    return [
      ...(definition.requires ?? []).map((capability) => ['it', capability] as const),
      ...tools.flatMap(({ name, requires }) => requires.map((capability) => [`its tool ${name}`, capability] as const)),
      ...skills.flatMap(({ name, requires }) =>
        requires.map((capability) => [`its skill ${name}`, capability] as const),
      ),
      ...sources.flatMap(({ name, requires }) =>
        requires.map((capability) => [`its source ${name}`, capability] as const),
      ),
    ]
      .filter(([, capability]) => offered[capability] !== true)
      .map(
        ([what, capability]) =>
          `${definition.name}: ${what} requires ${capability}, which nothing here offers: ${OFFERS[capability] ?? `there are ${Object.keys(OFFERS).join(', ')}`}`,
      );
  });
}

function waitsThatWouldBeLost({ definitions, store, ephemeral }: Assembly): readonly string[] {
  if (store.durable || ephemeral) return [];
  const fix = 'use a durable store, or say `ephemeral: true` if losing them with the process is meant';
  return definitions.flatMap((definition) => {
    const { tools, sources, agents } = factsOf(definition);
    const asking = tools.filter((tool) => tool.approval !== 'never' || tool.asks !== undefined);
    if (asking.length > 0) {
      const names = asking.map((tool) => tool.name).join(', ');
      return [`${definition.name}: approvals of ${names} would be lost with the process: ${fix}`];
    }
    if (sources.length > 0) {
      const names = sources.map(({ name }) => name).join(', ');
      return [`${definition.name}: what tools of ${names} ask would be lost with the process: ${fix}`];
    }
    if (definition.kind === 'workflow')
      return [`${definition.name}: waits of a workflow would be lost with the process: ${fix}`];
    const called = Object.keys(agents).join(', ');
    return called === '' ? [] : [`${definition.name}: runs of ${called} would be lost with the process: ${fix}`];
  });
}
