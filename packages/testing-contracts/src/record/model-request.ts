import { isObject, type Json, type JsonObject } from '@prusik/core';
import type { Scrub } from './scrub.ts';

/** What was asked: messages, which a later request repeats and goes on from, and all else. */
export interface RecordedRequest {
  readonly head: JsonObject;
  readonly messages: readonly Json[];
}

export interface ModelRequestOptions {
  readonly scrub: Scrub;
  /** `provider.option` of what is kept of provider options. */
  readonly allowed: ReadonlySet<string>;
}

export type ModelMethod = 'stream' | 'generate';

/** What a model is asked, without how it is sent: no headers, no signal, and of provider options what is allowed. */
export function modelRequest(
  { provider, modelId }: { readonly provider: string; readonly modelId: string },
  method: ModelMethod,
  options: unknown,
  { scrub, allowed }: ModelRequestOptions,
): RecordedRequest {
  const {
    prompt,
    abortSignal: _,
    headers: _h,
    includeRawChunks: _r,
    ...settings
  } = { ...(options as object) } as Record<string, unknown>;
  const clean = withoutOptions(settings as JsonObject, allowed) as JsonObject;
  const tools = clean['tools'];
  const head = {
    model: `${provider}/${modelId}`,
    ...(method === 'stream' ? {} : { method }),
    ...clean,
    ...(Array.isArray(tools) ? { tools: tools.map((tool: Json) => withoutOptions(tool, allowed)) } : {}),
  };
  const messages = (Array.isArray(prompt) ? prompt : [prompt ?? null]).map((message: Json) =>
    scrub.request(cleanMessage(message, allowed), 'prompt'),
  );
  return { head: scrub.request(head, 'prompt') as JsonObject, messages };
}

function cleanMessage(message: Json, allowed: ReadonlySet<string>): Json {
  const clean = withoutOptions(message, allowed);
  if (!isObject(clean) || !Array.isArray(clean['content'])) return clean;
  return { ...clean, content: clean['content'].map((part: Json) => cleanPart(part, allowed)) };
}

function cleanPart(part: Json, allowed: ReadonlySet<string>): Json {
  const clean = withoutOptions(part, allowed);
  if (!isObject(clean) || clean['type'] !== 'tool-result' || !isObject(clean['output'])) return clean;
  const output = withoutOptions(clean['output'], allowed) as JsonObject;
  if (output['type'] !== 'content' || !Array.isArray(output['value'])) return { ...clean, output };
  return { ...clean, output: { ...output, value: output['value'].map((one: Json) => withoutOptions(one, allowed)) } };
}

/** Values may still be what JSON does not hold: only members are looked at. */
function withoutOptions(value: Json, allowed: ReadonlySet<string>): Json {
  if (!isObject(value) || !Object.hasOwn(value, 'providerOptions')) return value;
  const { providerOptions, ...rest } = value;
  const kept = Object.entries(isObject(providerOptions) ? providerOptions : {}).flatMap(([provider, given]) => {
    const options = Object.entries(isObject(given) ? given : {}).filter(([name]) => allowed.has(`${provider}.${name}`));
    return options.length === 0 ? [] : [[provider, Object.fromEntries(options)] as const];
  });
  return kept.length === 0 ? rest : { ...rest, providerOptions: Object.fromEntries(kept) };
}
