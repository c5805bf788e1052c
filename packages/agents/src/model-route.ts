import type { Breaker } from '@prusik/core';
import type { DownloadFiles } from './fetch-files.ts';
import { modelName, type LanguageModelObject } from './language-model.ts';
import { TRANSIENT, type ModelErrorClass } from './model-class.ts';
import type { ModelPrices } from './model-price.ts';
import { mergeSettings, type ModelSettings } from './model-settings.ts';

/** What a model can do, as far as its user says. What is not said is not known. */
export interface ModelCapabilities {
  /** Tokens that a prompt and its reply may have together. */
  readonly contextTokens?: number;
  /** Tokens that a reply may have. */
  readonly outputTokens?: number;
  readonly tools?: boolean;
  /** Replies that are JSON of a schema, held to it by the provider. */
  readonly jsonOutput?: boolean;
  readonly reasoning?: boolean;
  /** Media types that a prompt may hold besides text, such as `image/*`. */
  readonly files?: readonly string[];
}

/** One model with what its user says about it. */
export interface ModelEntry {
  readonly model: LanguageModelObject;
  /** Beneath what an agent sets. */
  readonly settings?: ModelSettings;
  readonly prices?: ModelPrices;
  readonly capabilities?: ModelCapabilities;
}

/** What an agent calls: a model, and those that stand in for it. */
export interface ModelRoute {
  /** Alias, or `provider/modelId` of a model that has none. */
  readonly name: string;
  /** Asked in this order. */
  readonly entries: readonly [ModelEntry, ...ModelEntry[]];
  /** Failures after which the next one is asked. */
  readonly on: readonly ModelErrorClass[];
  readonly breaker?: Breaker<LanguageModelObject>;
  /** @default addresses go to the provider and into the record as they are */
  readonly download?: DownloadFiles;
}

/** The route of a model that stands alone. */
function routeOf(model: LanguageModelObject): ModelRoute {
  return { name: modelName(model), entries: [{ model }], on: TRANSIENT };
}

/** `withModel` takes both. */
export const toRoute = (model: LanguageModelObject | ModelRoute): ModelRoute =>
  'entries' in model ? model : routeOf(model);

/** What a reply may take, of whichever model; `undefined` where nothing says so for one of them. */
export function mostOutputTokens({ entries }: ModelRoute, settings: ModelSettings): number | undefined {
  const most = entries.map((entry) => mergeSettings(entry.settings, settings).maxOutputTokens);
  return most.includes(undefined) ? undefined : Math.max(...most.filter((tokens) => tokens !== undefined));
}
