import { isPrusikError, type CallNeeds, type JsonObject } from '@prusik/core';
import { needsOf } from './call-state.ts';

/**
 * Somebody has to sign in before a call can be made, which was not made: whoever takes the tokens answers, and it is called once more. `undefined` for every other
 * error.
 */
export function signInNeed(error: unknown, round: number): CallNeeds | undefined {
  if (!isPrusikError(error, 'MCP_SIGN_IN_REQUIRED')) return undefined;
  const { sent: _, ...who } = error.meta;
  const body: JsonObject = { text: error.message, ...who };
  return needsOf({ '1': { kind: 'sign-in', body } }, { as: 'again', round, signIn: true });
}
