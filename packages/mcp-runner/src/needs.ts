import { CALL_NEEDS_LIMIT, type CallAnswer, type CallNeed, type Json, type JsonObject } from '@prusik/core';
import { jsonWithin } from './call-state.ts';
import { readForm } from './flat-schema.ts';
import { isObject, textOf } from './plain.ts';
import { rootsResult } from './roots.ts';
import { isSafeAddress } from './safe-address.ts';
import { base64Of, sampleNeed, sampleResult, type McpSampling } from './sampling.ts';
import { visibleText } from './visible-text.ts';

/** What a server may ask while it executes a call. */
export interface AskOptions {
  readonly server: string;
  readonly elicitation: 'ask' | 'decline';
  readonly sampling: McpSampling | undefined;
  /** The workspace as the server sees it. */
  readonly directory: string | undefined;
}

/** What a server asks: `elicitation/create`, `sampling/createMessage` or `roots/list`. */
export interface ServerAsk {
  readonly method: string;
  readonly params: JsonObject;
}

/** What is made of it. */
export type ReadAsk =
  /** Somebody has to say something. `undefined` of `result`: it is refused. */
  | { readonly need: CallNeed; result(answer: CallAnswer): JsonObject | undefined }
  /** Answered at once; `oddity` says why it was not passed on. */
  | { readonly result: JsonObject | undefined; readonly oddity?: string };

const DECLINE = { action: 'decline' };
const CANCEL = { action: 'cancel' };
const LONGEST_TEXT = 4_000;
const LONGEST_URL = 8_192;

/** Reads what a server asks. */
export function readAsk(ask: ServerAsk, options: AskOptions): ReadAsk {
  const read = readMethod(ask, options);
  if (!('need' in read) || isSmall(read.need)) return read;
  return { result: read.result({ status: 'unavailable' }), oddity: 'A question that is too large was not passed on' };
}

/** As whoever records it counts: files have a bound of their own. */
function isSmall(need: CallNeed): boolean {
  const { bytes, fileBytes } = CALL_NEEDS_LIMIT;
  const files = need.kind === 'sample' ? base64Of(need.messages) : 0;
  return files <= fileBytes && jsonWithin(need, bytes + files) !== undefined;
}

function readMethod({ method, params }: ServerAsk, options: AskOptions): ReadAsk {
  switch (method) {
    case 'elicitation/create':
      return elicitation(params, options);
    case 'sampling/createMessage':
      return sampling(params, options.sampling);
    case 'roots/list':
      return { result: rootsResult(options.directory) };
    default:
      return { result: undefined, oddity: `The server asked for ${JSON.stringify(method.slice(0, 64))}` };
  }
}

function elicitation(params: JsonObject, { server, elicitation: mode }: AskOptions): ReadAsk {
  if (mode === 'decline') return { result: DECLINE };
  const message = textOf(params['message']);
  if (message === undefined) return { result: CANCEL, oddity: 'A question without a text was not passed on' };
  const text = visibleText(message.slice(0, LONGEST_TEXT));
  if (params['mode'] === 'url') {
    const url = safeUrl(textOf(params['url']));
    if (url === undefined)
      return { result: CANCEL, oddity: 'A question that leads to an unsafe address was not passed on' };
    const body = { mode: 'url', text, server, url: url.href, origin: url.origin };
    return {
      need: { kind: 'question', body },
      result: (answer) => (answer.status === 'answered' ? { action: 'accept' } : unanswered(answer)),
    };
  }
  const form = readForm(params['requestedSchema']);
  if (form === undefined)
    return { result: CANCEL, oddity: 'A question with a form that the protocol does not have was not passed on' };
  return {
    need: { kind: 'question', body: { mode: 'form', text, server }, schema: form.schema },
    result(answer) {
      if (answer.status !== 'answered') return unanswered(answer);
      const content = form.complete(answer.value);
      return content === undefined ? CANCEL : { action: 'accept', content };
    },
  };
}

/** `decline` is a person's word; that nobody said anything is not. */
const unanswered = ({ status }: CallAnswer): JsonObject => (status === 'rejected' ? DECLINE : CANCEL);

/** What a person may be sent to: without a name and password in it, which hide where it leads. */
function safeUrl(given: string | undefined): URL | undefined {
  if (given === undefined || given.length > LONGEST_URL || !URL.canParse(given)) return undefined;
  const url = new URL(given);
  return url.username === '' && url.password === '' && isSafeAddress(url) ? url : undefined;
}

function sampling(params: JsonObject, options: McpSampling | undefined): ReadAsk {
  if (options === undefined)
    return { result: undefined, oddity: 'The server asked for a reply of a model, which is not switched on' };
  const need = sampleNeed(params, options);
  if ('refused' in need) return { result: undefined, oddity: `A prompt of the server was refused: ${need.refused}` };
  return { need, result: sampleResult };
}

/** One of the requests in a result, or `undefined` for what is none. */
export function askOf(given: Json | undefined): ServerAsk | undefined {
  const method = isObject(given) ? textOf(given['method']) : undefined;
  if (!isObject(given) || method === undefined) return undefined;
  const { params } = given;
  return { method, params: isObject(params) ? params : {} };
}
