import {
  CALL_NEEDS_LIMIT,
  PrusikError,
  toJson,
  type CallNeed,
  type CallNeeds,
  type FilePart,
  type Json,
  type JsonObject,
  type TextPart,
} from '@prusik/core';
import { isObject } from './is-object.ts';
import type { Needing, RecordedNeed, RecordedSample } from './needing.ts';
import type { Sampling } from './sampling.ts';

export interface RecordNeedsOptions {
  /** Of the tool, which alone may go on with the state. */
  readonly toolHash: string;
  /** How often the call has asked before. */
  readonly rounds: number;
  /** Whether somebody is there to answer. */
  readonly attended: boolean;
  /** Missing where tools may ask no model. */
  readonly sampling: Sampling | undefined;
}

/**
 * What a call needs as its step records it, with who is asked: what the agent allows now must not decide again on a replay.
 *
 * @throws {PrusikError} `CALL_NEEDS_LIMIT`, `CALL_NEEDS_INVALID`, `CALL_NEEDS_TOO_LARGE`
 */
export function recordNeeds({ needs, state }: CallNeeds, options: RecordNeedsOptions): Omit<Needing, 'asks'> {
  const { toolHash, rounds } = options;
  const { needs: most, rounds: mostRounds, name: longest, bytes, fileBytes } = CALL_NEEDS_LIMIT;
  if (rounds >= mostRounds)
    throw new PrusikError('CALL_NEEDS_LIMIT', `The tool was answered ${rounds} times and still cannot go on`);
  if (!isObject(needs)) throw invalid('The needs are no object');
  const named = Object.entries<unknown>(needs);
  if (named.length === 0 || named.length > most)
    throw invalid(`There are ${named.length} needs; a call may have 1 to ${most} at once`);
  let left = fileBytes;
  const recorded = named.map(([name, given]): RecordedNeed => {
    if (name === '' || name.length > longest) throw invalid(`The name of a need has 1 to ${longest} characters`);
    const where = `The need ${name}`;
    const need = checkNeed(where, given);
    const files = need.kind === 'sample' ? bytesOfFiles(need) : 0;
    left -= files;
    if (left < 0)
      throw new PrusikError(
        'CALL_NEEDS_TOO_LARGE',
        `The files of all needs have more than ${fileBytes} bytes in base64`,
      );
    return { name, ...decided(bounded(where, need, bytes + files) as unknown as Need, options) };
  });
  const all = { round: rounds + 1, toolHash, state: bounded('The state', state ?? null, bytes), needs: recorded };
  // What is as deep as a value may be is too deep once it is in the record: no outcome at all, and so in doubt.
  bounded('What the call needs', all, Number.POSITIVE_INFINITY);
  return all;
}

type Need = Exclude<CallNeed, { readonly kind: 'sample' }> | RecordedSample;

function decided(need: Need, { attended, sampling }: RecordNeedsOptions): Need | Unavailable {
  if (need.kind !== 'sample') return attended ? need : UNATTENDED;
  if (sampling?.models.has(need.model) !== true)
    return { kind: 'unavailable', reason: `Tools may not ask the model ${need.model}.` };
  const ask = sampling.approval === 'always';
  if (ask && !attended) return UNATTENDED;
  return { ...need, maxTokens: Math.min(need.maxTokens, sampling.maxTokens), ...(ask ? { ask } : {}) };
}

type Unavailable = Omit<Extract<RecordedNeed, { readonly kind: 'unavailable' }>, 'name'>;
const UNATTENDED: Unavailable = { kind: 'unavailable', reason: 'Nobody is there to answer.' };

/** Its members and no others. */
function checkNeed(where: string, given: unknown): Need {
  if (!isObject(given)) throw invalid(`${where} is no object`);
  const { kind, body, schema, expiresInMs } = given;
  switch (kind) {
    case 'question':
    case 'sign-in': {
      if (!isObject(body)) throw invalid(`${where} has no body`);
      if (schema !== undefined && !isObject(schema)) throw invalid(`${where}: the schema is no JSON Schema`);
      if (expiresInMs !== undefined && !(typeof expiresInMs === 'number' && expiresInMs > 0))
        throw invalid(`${where}: expiresInMs is no time`);
      const time = expiresInMs === undefined ? {} : { expiresInMs };
      const asked = { body: body as JsonObject, ...time };
      if (kind === 'sign-in') return { kind, ...asked };
      return { kind, ...asked, ...(schema === undefined ? {} : { schema: schema as JsonObject }) };
    }
    case 'sample':
      return checkSample(where, given);
    default:
      throw invalid(`${where} is of kind ${JSON.stringify(kind)}, which there is not`);
  }
}

function checkSample(where: string, { model, system, maxTokens, messages }: Members): RecordedSample {
  if (typeof model !== 'string') throw invalid(`${where} names no model`);
  if (system !== undefined && typeof system !== 'string') throw invalid(`${where}: system is no text`);
  if (!(typeof maxTokens === 'number' && Number.isSafeInteger(maxTokens) && maxTokens > 0))
    throw invalid(`${where}: maxTokens is no number of tokens`);
  if (!Array.isArray(messages) || messages.length === 0) throw invalid(`${where} has no messages`);
  return {
    kind: 'sample',
    model,
    ...(system === undefined ? {} : { system }),
    maxTokens,
    messages: messages.map((message: unknown) => {
      const { role, content } = isObject(message) ? message : {};
      if ((role !== 'user' && role !== 'assistant') || !Array.isArray(content))
        throw invalid(`${where}: a message is of a user or an assistant, with a list of what it says`);
      return { role, content: content.map((part) => samplePart(where, part)) };
    }),
  };
}

/** Bytes and no address: whoever wrote the prompt must not choose what is fetched, or which blob is read. */
function samplePart(where: string, part: unknown): TextPart | FilePart {
  if (typeof part === 'string') return { type: 'text', text: part };
  const { type, text, mediaType, name, data } = isObject(part) ? part : {};
  if (type === 'text' && typeof text === 'string') return { type, text };
  const base64 = base64Of(data);
  if (type !== 'file' || typeof mediaType !== 'string' || base64 === undefined)
    throw invalid(`${where}: a part of a message is a text, or a file with its bytes`);
  return { type, mediaType, data: { base64 }, ...(typeof name === 'string' ? { name } : {}) };
}

const bytesOfFiles = ({ messages }: RecordedSample): number =>
  messages
    .flatMap(({ content }) => content)
    .reduce((sum, part) => sum + (part.type === 'file' && 'base64' in part.data ? part.data.base64.length : 0), 0);

function base64Of(data: unknown): string | undefined {
  if (data instanceof Uint8Array) return Buffer.from(data).toString('base64');
  const { base64 } = isObject(data) ? data : {};
  return typeof base64 === 'string' && /^[A-Za-z0-9+/]*={0,2}$/.test(base64) ? base64 : undefined;
}

type Members = Readonly<Record<string, unknown>>;

function bounded(what: string, value: unknown, bytes: number): Json {
  try {
    return toJson(value, bytes);
  } catch (cause) {
    if (cause instanceof RangeError)
      throw new PrusikError('CALL_NEEDS_TOO_LARGE', `${what} has more than ${bytes} bytes as JSON`, { cause });
    throw invalid(`${what} is not JSON: ${(cause as Error).message}`);
  }
}

const invalid = (what: string): PrusikError => new PrusikError('CALL_NEEDS_INVALID', what);
