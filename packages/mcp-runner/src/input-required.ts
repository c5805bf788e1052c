import {
  CALL_NEEDS_LIMIT,
  type CallAnswer,
  type CallNeed,
  type CallNeeds,
  type Json,
  type JsonObject,
} from '@prusik/core';
import { askRefused, needsOf, type CallState } from './call-state.ts';
import { askOf, readAsk, type AskOptions, type ReadAsk } from './needs.ts';
import { isObject, textOf } from './plain.ts';

/** What the next request of a call carries beside its arguments. */
export interface Reply {
  readonly inputResponses?: JsonObject;
  readonly requestState?: string;
}

/** What is needed before the next request, or the request, where nobody has to be asked. */
export type NextRound = { readonly needs: CallNeeds } | { readonly reply: Reply };

/**
 * Reads a result `input_required`: what the server asks, by keys of its own, and a state that only it understands and gets back.
 *
 * @throws {PrusikError} `MCP_ASK_REFUSED` for what nobody is asked.
 */
export function nextRound(result: JsonObject, round: number, options: AskOptions): NextRound {
  const requestState = textOf(result['requestState']);
  const requests = Object.entries(isObject(result['inputRequests']) ? result['inputRequests'] : {});
  if (requests.length > CALL_NEEDS_LIMIT.needs) throw askRefused(`it asks ${requests.length} things at once`);
  const state = { as: 'round', round, requests, ...(requestState === undefined ? {} : { requestState }) } as const;
  const needs: Record<string, CallNeed> = {};
  for (const [index, [, request]] of requests.entries()) {
    const read = readRequest(request, options);
    if ('need' in read) needs[keyAt(index)] = read.need;
  }
  if (Object.keys(needs).length > 0) return { needs: needsOf(needs, state) };
  return { reply: replyOf(state, {}, options) };
}

/** @throws {PrusikError} `MCP_ASK_REFUSED` when what the server wants was refused, and it has no word for that. */
export function replyOf(
  { requestState, requests }: Extract<CallState, { readonly as: 'round' }>,
  answers: Readonly<Record<string, CallAnswer>>,
  options: AskOptions,
): Reply {
  const responses = requests.map(([key, request], index) => {
    const read = readRequest(request, options);
    const result = 'need' in read ? read.result(answers[keyAt(index)] ?? { status: 'unavailable' }) : read.result;
    if (result === undefined) throw askRefused(('oddity' in read ? read.oddity : undefined) ?? 'it was refused');
    return [key, result] as const;
  });
  return {
    ...(responses.length === 0 ? {} : { inputResponses: Object.fromEntries(responses) }),
    ...(requestState === undefined ? {} : { requestState }),
  };
}

/** A server's own keys may be anything. */
const keyAt = (index: number): string => `${index + 1}`;

function readRequest(request: Json, options: AskOptions): ReadAsk {
  const ask = askOf(request);
  return ask === undefined ? { result: undefined, oddity: 'it asks nothing that is known' } : readAsk(ask, options);
}
