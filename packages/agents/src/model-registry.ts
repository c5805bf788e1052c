import { PrusikError } from '@prusik/core';
import type { LanguageModel } from 'ai';

/** A model as an object. The AI SDK also takes strings and sends them to a network service; Prusik never does. */
export type LanguageModelObject = Exclude<LanguageModel, string>;

/** Models by the names that agents call them. */
export interface ModelRegistry<Alias extends string = string> {
  readonly aliases: readonly Alias[];
  /** @throws {PrusikError} `MODEL_UNKNOWN` for an alias that is not in it. */
  get(alias: string): LanguageModelObject;
}

/**
 * @throws {TypeError} for a model that is a string: it would reach a network service that nobody chose.
 */
export function modelRegistry<const Alias extends string>(models: {
  readonly [Name in Alias]: LanguageModelObject;
}): ModelRegistry<Alias> {
  const entries = new Map<string, LanguageModelObject>(Object.entries(models));
  for (const [alias, model] of entries) checkModel(model, `The model ${alias}`);
  const aliases = [...entries.keys()] as Alias[];
  return {
    aliases,
    get(alias) {
      const model = entries.get(alias);
      if (model === undefined) throw unknownModel(alias, aliases);
      return model;
    },
  };
}

export function checkModel(model: unknown, where: string): asserts model is LanguageModelObject {
  const { doStream } = (typeof model === 'object' && model !== null ? model : {}) as { readonly doStream?: unknown };
  if (typeof doStream !== 'function') {
    throw new TypeError(
      `${where} must be a model object of an AI SDK provider${typeof model === 'string' ? `, not the string ${JSON.stringify(model)}` : ''}`,
    );
  }
}

export function unknownModel(alias: string, known: readonly string[]): PrusikError {
  const names = known.length === 0 ? 'no model is registered' : `registered are ${known.join(', ')}`;
  return new PrusikError('MODEL_UNKNOWN', `There is no model named ${JSON.stringify(alias)}; ${names}`, {
    meta: { alias },
  });
}
