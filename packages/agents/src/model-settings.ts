import type { JsonObject } from '@prusik/core';
import type { LanguageModelCallOptions, ToolChoice, ToolSet } from 'ai';

/** How a model samples, as in the AI SDK, and what goes with the request. */
export type ModelSettings = Readonly<LanguageModelCallOptions> & {
  /** What only a provider understands, by its name. */
  readonly providerOptions?: Readonly<Record<string, JsonObject>>;
  /** Of the HTTP request; never recorded. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `required` and a named tool hold for every call of the agent, so it ends by a limit or by an output. @default 'auto' */
  readonly toolChoice?: ToolChoice<ToolSet>;
};

/** Both, where `over` wins; headers and each provider's options are put together. */
export function mergeSettings(under: ModelSettings | undefined, over: ModelSettings): ModelSettings {
  if (under === undefined) return over;
  const names = Object.keys({ ...under.providerOptions, ...over.providerOptions });
  const providerOptions = Object.fromEntries(
    names.map((name) => [name, { ...under.providerOptions?.[name], ...over.providerOptions?.[name] }]),
  );
  return {
    ...under,
    ...over,
    ...(names.length === 0 ? {} : { providerOptions }),
    ...(under.headers === undefined ? {} : { headers: { ...under.headers, ...over.headers } }),
  };
}
