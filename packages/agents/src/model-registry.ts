import { checkBreaker, checkOptions, createBreaker, PrusikError, type BreakerOptions } from '@prusik/core';
import type { EmbeddingModel, RerankingModel } from 'ai';
import type { DownloadFiles } from './fetch-files.ts';
import { checkModelIds, type ModelCheck, type ModelLists } from './model-check.ts';
import { MODEL_ERROR_CLASSES, TRANSIENT, type ModelErrorClass } from './model-class.ts';
import { checkPrices, type ModelPrices } from './model-price.ts';
import { checkModel, checkVersions, type LanguageModelObject } from './language-model.ts';
import type { ModelCapabilities, ModelEntry, ModelRoute } from './model-route.ts';
import type { ModelSettings } from './model-settings.ts';

/** A model with what stands in for it and what is known about it. */
export interface ModelSpec<Alias extends string = string> {
  readonly model: LanguageModelObject;
  /** Who is asked when it fails, in this order: aliases (without the fallbacks of their own), or models. @default nobody */
  readonly fallbacks?: readonly (Alias | LanguageModelObject)[];
  /** After which failures. @default those that say nothing about the request: rate-limit, overloaded, unavailable, timeout */
  readonly on?: readonly ModelErrorClass[];
  /** Beneath what an agent sets. */
  readonly settings?: ModelSettings;
  /** For budgets of cost. @default not known: a tree that limits its cost refuses the model */
  readonly prices?: ModelPrices;
  readonly capabilities?: ModelCapabilities;
}

/** An embedding model of an AI SDK provider. */
export type EmbeddingModelObject = Exclude<EmbeddingModel, string>;
/** A reranking model of an AI SDK provider. */
export type RerankingModelObject = Exclude<RerankingModel, string>;

/** What a registry has besides its language models. */
export interface ModelRegistryOptions<Embedding extends string = never, Reranking extends string = never> {
  /** For all models of the registry, each on its own; `false` for none. @default opens for 30 s after 5 failures in a row within 60 s */
  readonly breaker?: BreakerOptions | false;
  readonly embeddings?: { readonly [Name in Embedding]: EmbeddingModelObject };
  readonly rerankings?: { readonly [Name in Reranking]: RerankingModelObject };
  /** Lists of the models that a provider has, by its name, for {@link ModelRegistry.check}. */
  readonly lists?: ModelLists;
  /**
   * Fetches files that a prompt or a reply names by address, on this host: an address may be anybody's, also that of a machine that only this host can
   * reach. @default nothing is fetched: addresses go to the provider, and into the record, as they are
   */
  readonly download?: DownloadFiles;
}

/** Models by the names that agents call them. */
export interface ModelRegistry<
  Alias extends string = string,
  Embedding extends string = string,
  Reranking extends string = string,
> {
  readonly aliases: readonly Alias[];
  /** @throws {PrusikError} `MODEL_UNKNOWN` for an alias that is not in it. */
  get(alias: string): ModelRoute;
  /** @throws {PrusikError} `MODEL_UNKNOWN` */
  embedding(alias: Embedding): EmbeddingModelObject;
  /** @throws {PrusikError} `MODEL_UNKNOWN` */
  reranking(alias: Reranking): RerankingModelObject;
  /**
   * Looks every model up in the list of its provider, where there is one. A list that cannot be read is told, not thrown.
   *
   * @throws the reason of `signal`.
   */
  check(options?: { readonly signal?: AbortSignal }): Promise<readonly ModelCheck[]>;
}

const KNOWN = {
  names: {
    model: true,
    fallbacks: true,
    on: true,
    settings: true,
    prices: true,
    capabilities: true,
  } satisfies Record<keyof ModelSpec, true>,
};

/**
 * @throws {TypeError} for a model that is a string (it would reach a network service that nobody chose) or of an unknown version, for a
 * fallback that is no alias, for members that are none, and for prices or numbers that are none.
 */
export function modelRegistry<
  const Alias extends string,
  const Embedding extends string = never,
  const Reranking extends string = never,
>(
  models: { readonly [Name in Alias]: LanguageModelObject | ModelSpec<NoInfer<Alias>> },
  options: ModelRegistryOptions<Embedding, Reranking> = {},
): ModelRegistry<Alias, Embedding, Reranking> {
  const { breaker, download, lists = {} } = options;
  if (breaker !== undefined && breaker !== false) checkBreaker(breaker);
  const shared = {
    ...(download === undefined ? {} : { download }),
    ...(breaker === false ? {} : { breaker: createBreaker<LanguageModelObject>(breaker) }),
  };
  const specs = new Map<string, ModelSpec>();
  for (const [alias, given] of Object.entries<LanguageModelObject | ModelSpec>(models))
    specs.set(alias, checkedSpec(alias, given));
  const routes = new Map([...specs].map(([alias, spec]) => [alias, { ...route(alias, spec, specs), ...shared }]));
  const embeddings = checkedOthers<EmbeddingModelObject>('embedding', options.embeddings, 'doEmbed', [
    'v2',
    'v3',
    'v4',
  ]);
  const rerankings = checkedOthers<RerankingModelObject>('reranking', options.rerankings, 'doRerank', ['v3', 'v4']);
  const aliases = [...specs.keys()] as Alias[];
  return {
    aliases,
    get: (alias) => found(routes, alias, 'model'),
    embedding: (alias) => found(embeddings, alias, 'embedding model'),
    reranking: (alias) => found(rerankings, alias, 'reranking model'),
    check: ({ signal } = {}) => {
      const used = [...specs].flatMap(([alias, spec]) => [
        { alias, model: spec.model },
        ...(spec.fallbacks ?? []).flatMap((model) => (typeof model === 'string' ? [] : [{ alias, model }])),
      ]);
      const others = [...embeddings, ...rerankings].map(([alias, model]) => ({ alias, model }));
      return checkModelIds([...used, ...others], lists, signal);
    },
  };
}

function checkedSpec(alias: string, given: LanguageModelObject | ModelSpec): ModelSpec {
  const where = `The model ${alias}`;
  const isSpec = typeof given === 'object' && given !== null && 'model' in given && !('doStream' in given);
  if (isSpec) checkOptions(where, given, KNOWN);
  const spec: ModelSpec = isSpec ? given : { model: given as LanguageModelObject };
  checkModel(spec.model, where);
  if (spec.prices !== undefined) checkPrices(where, spec.prices);
  const odd = spec.on?.find((name) => !MODEL_ERROR_CLASSES.includes(name));
  if (odd !== undefined)
    throw new TypeError(`${where}: on names ${JSON.stringify(odd)}; known are ${MODEL_ERROR_CLASSES.join(', ')}`);
  return spec;
}

function route(alias: string, spec: ModelSpec, specs: ReadonlyMap<string, ModelSpec>): ModelRoute {
  const fallbacks = (spec.fallbacks ?? []).map((fallback, index): ModelEntry => {
    const where = `The model ${alias}: fallback ${index + 1}`;
    if (typeof fallback !== 'string') {
      checkModel(fallback, where);
      return { model: fallback };
    }
    const other = specs.get(fallback);
    if (other === undefined)
      throw new TypeError(`${where} is ${JSON.stringify(fallback)}; there are ${[...specs.keys()].join(', ')}`);
    if (fallback === alias) throw new TypeError(`${where} is the model itself`);
    return entryOf(other);
  });
  return { name: alias, entries: [entryOf(spec), ...fallbacks], on: spec.on ?? TRANSIENT };
}

const entryOf = ({ model, settings, prices, capabilities }: ModelSpec): ModelEntry => ({
  model,
  ...(settings === undefined ? {} : { settings }),
  ...(prices === undefined ? {} : { prices }),
  ...(capabilities === undefined ? {} : { capabilities }),
});

function checkedOthers<Model extends object>(
  kind: string,
  given: Readonly<Record<string, Model>> | undefined,
  method: string,
  versions: readonly string[],
): ReadonlyMap<string, Model> {
  const models = new Map(Object.entries<Model>(given ?? {}));
  for (const [alias, model] of models) checkVersions(model, `The ${kind} model ${alias}`, method, versions);
  return models;
}

function found<Model>(models: ReadonlyMap<string, Model>, alias: string, kind: string): Model {
  const model = models.get(alias);
  if (model === undefined) throw unknownModel(alias, [...models.keys()], kind);
  return model;
}

export function unknownModel(alias: string, known: readonly string[], kind = 'model'): PrusikError {
  const names = known.length === 0 ? `no ${kind} is registered` : `registered are ${known.join(', ')}`;
  return new PrusikError('MODEL_UNKNOWN', `There is no ${kind} named ${JSON.stringify(alias)}; ${names}`, {
    meta: { alias },
  });
}
