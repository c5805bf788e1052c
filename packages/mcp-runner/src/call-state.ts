import {
  CALL_NEEDS_LIMIT,
  PrusikError,
  toJson,
  type CallAnswer,
  type CallNeed,
  type CallNeeds,
  type Json,
  type JsonObject,
} from '@prusik/core';
import { isObject } from './plain.ts';

/** What a call that needs something is continued by. It stands in a journal. */
export type CallState =
  /** The request is open in this process, under a token. What was asked and answered is named by hashes, for a server that has to be asked from the start. */
  | {
      readonly as: 'live';
      readonly token: string;
      readonly asks: Readonly<Record<string, string>>;
      readonly before: Readonly<Record<string, CallAnswer>>;
    }
  /** The server has given up the request and wants another one, with its answers. */
  | {
      readonly as: 'round';
      readonly round: number;
      readonly requestState?: string;
      /** By the server's keys. */
      readonly requests: readonly (readonly [string, Json])[];
    }
  /** It has to be called once more, after somebody has been somewhere: at addresses of the server's, or where one signs in to it. */
  | { readonly as: 'again'; readonly round: number; readonly signIn?: true };

const { bytes: MOST_BYTES } = CALL_NEEDS_LIMIT;

/** @throws {PrusikError} `MCP_ASK_REFUSED` for more than a state may hold. */
export function needsOf(needs: Readonly<Record<string, CallNeed>>, state: CallState): CallNeeds {
  const kept = jsonWithin(state);
  if (kept === undefined) throw askRefused(`what it asks has more than ${MOST_BYTES} bytes`);
  return { type: 'needs', needs, state: kept };
}

/** Of a call that is open. Answers from before are only for one that has to be called from the start; it is better asked again than given up. */
export function liveNeedsOf(
  needs: Readonly<Record<string, CallNeed>>,
  state: Extract<CallState, { readonly as: 'live' }>,
): CallNeeds {
  return { type: 'needs', needs, state: jsonWithin(state) ?? toJson({ ...state, before: {} }) };
}

/** `undefined` for what is too large to be recorded. */
export function jsonWithin(value: unknown, bytes: number = MOST_BYTES): Json | undefined {
  try {
    return toJson(value, bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

export function askRefused(why: string): PrusikError {
  return new PrusikError(
    'MCP_ASK_REFUSED',
    `The server wants something before it goes on, which it does not get: ${why}`,
  );
}

/** @throws {TypeError} for what this package has not written. */
export function readState(state: Json): CallState {
  const read = isObject(state) ? stateOf(state) : undefined;
  if (read === undefined) throw new TypeError('The state of a call is not one that a runner has handed out');
  return read;
}

function stateOf(state: JsonObject): CallState | undefined {
  const { as, round, token, asks, before, requestState, requests, signIn } = state;
  if (as === 'live')
    return typeof token === 'string' && isTexts(asks) && isAnswers(before) ? { as, token, asks, before } : undefined;
  if (typeof round !== 'number') return undefined;
  if (as === 'again') return { as, round, ...(signIn === true ? { signIn } : {}) };
  if (as !== 'round' || !isRequests(requests)) return undefined;
  return { as, round, requests, ...(typeof requestState === 'string' ? { requestState } : {}) };
}

const isTexts = (value: unknown): value is Readonly<Record<string, string>> =>
  isObject(value) && Object.values(value).every((one) => typeof one === 'string');

const isAnswers = (value: unknown): value is Readonly<Record<string, CallAnswer>> =>
  isObject(value) && Object.values(value).every((one) => isObject(one) && typeof one['status'] === 'string');

const isRequests = (value: unknown): value is readonly (readonly [string, Json])[] =>
  Array.isArray(value) && value.every((one) => Array.isArray(one) && one.length === 2 && typeof one[0] === 'string');
