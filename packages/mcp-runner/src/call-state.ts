import { PrusikError, toJson, type CallAnswer, type CallNeed, type CallNeeds, type Json } from '@prusik/core';
import { isObject, textOf } from './plain.ts';

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
  /** It has to be called once more, after somebody has been somewhere. */
  | { readonly as: 'again'; readonly round: number };

/** Rounds of questions of one call. */
export const MOST_ROUNDS = 16;
/** Of one round. */
export const MOST_NEEDS = 16;
const MOST_BYTES = 65_536;

/** @throws {PrusikError} `MCP_ASK_REFUSED` for more than a state may hold. */
export function needsOf(needs: Readonly<Record<string, CallNeed>>, state: CallState): CallNeeds {
  return { type: 'needs', needs, state: bounded(state) };
}

function bounded(state: CallState): Json {
  try {
    return toJson(state, MOST_BYTES);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw askRefused(`what it asks has more than ${MOST_BYTES} bytes`);
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
  const as = isObject(state) ? textOf(state['as']) : undefined;
  if (as !== 'live' && as !== 'round' && as !== 'again')
    throw new TypeError('The state of a call is not one that a runner has handed out');
  return state as unknown as CallState;
}
