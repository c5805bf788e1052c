import type { LanguageModel } from 'ai';

/** A model as an object. The AI SDK also takes strings and sends them to a network service; Prusik never does. */
export type LanguageModelObject = Exclude<LanguageModel, string>;

/** A model of the provider specification that Prusik speaks. */
export type LanguageModelV4 = Extract<LanguageModelObject, { readonly specificationVersion: 'v4' }>;

/** What a model is asked, by that specification. */
export type ModelRequest = Parameters<LanguageModelV4['doStream']>[0];
export type ModelPrompt = ModelRequest['prompt'];
export type ModelTool = NonNullable<ModelRequest['tools']>[number];

/** A piece of its answer. */
export type ModelChunk =
  Awaited<ReturnType<LanguageModelV4['doStream']>> extends { readonly stream: ReadableStream<infer Chunk> }
    ? Chunk
    : never;

/** What models of older versions are asked through: the adapters of the AI SDK, which is loaded where one is used and only there. */
const adapters = new WeakMap<LanguageModelObject, LanguageModelV4>();

/** The model as one of version 4. */
export async function adapted(model: Exclude<LanguageModelObject, LanguageModelV4>): Promise<LanguageModelV4> {
  const known = adapters.get(model);
  if (known !== undefined) return known;
  const { wrapLanguageModel } = await import('ai');
  const adapter = wrapLanguageModel({ model, middleware: [] });
  adapters.set(model, adapter);
  return adapter;
}

export const modelName = ({ provider, modelId }: LanguageModelObject): string => `${provider}/${modelId}`;

/**
 * Whose model it is, as messages are marked with it: what one provider attached (signatures, cache marks) goes back to it alone.
 * `openai.chat` and `openai.responses` are one. Of a service that passes on the models of others it is the vendor's, too: `gateway/anthropic`
 * for `anthropic/some-model` at `gateway`, `amazon-bedrock/anthropic` for `eu.anthropic.some-model` there.
 */
export function providerOf({ provider, modelId }: LanguageModelObject): string {
  const service = provider.split('.')[0] ?? provider;
  if (service === BEDROCK) return `${service}/${vendorAtBedrock(modelId)}`;
  const slash = modelId.indexOf('/');
  return slash > 0 ? `${service}/${modelId.slice(0, slash)}` : service;
}

const BEDROCK = 'amazon-bedrock';

/** `vendor.model`, behind a region where it is an inference profile, and at the end of an ARN. An ARN that names no vendor is one of its own. */
function vendorAtBedrock(modelId: string): string {
  const name = modelId.slice(modelId.lastIndexOf('/') + 1);
  return /^(?:(?:us|us-gov|eu|apac|jp|au|ca|global)\.)?([a-z0-9-]+)\./.exec(name)?.[1] ?? modelId;
}

const VERSIONS: readonly unknown[] = ['v2', 'v3', 'v4'];

/** @throws {TypeError} for anything but a model object of a version that the AI SDK takes. */
export function checkModel(model: unknown, where: string): asserts model is LanguageModelObject {
  checkVersions(model, where, 'doStream', VERSIONS);
}

/** @throws {TypeError} for what has no such method, or is of a version that the AI SDK does not take. */
export function checkVersions(model: unknown, where: string, method: string, versions: readonly unknown[]): void {
  const shown = (typeof model === 'object' && model !== null ? model : {}) as Readonly<Record<string, unknown>>;
  if (typeof shown[method] !== 'function') {
    throw new TypeError(
      `${where} must be a model object of an AI SDK provider${typeof model === 'string' ? `, not the string ${JSON.stringify(model)}` : ''}`,
    );
  }
  const { specificationVersion, provider, modelId } = shown;
  if (!versions.includes(specificationVersion))
    throw new TypeError(
      `${where} is of specification version ${JSON.stringify(specificationVersion)}; supported are ${versions.join(', ')}`,
    );
  if (typeof provider !== 'string' || typeof modelId !== 'string')
    throw new TypeError(`${where} must say its provider and its modelId`);
}
