import type { CallNeed, CallNeeds, Json } from '@prusik/core';

const BRAND = Symbol.for('@prusik/agents call needs');

/**
 * What a tool returns that cannot go on before somebody has said something: an answer of a person, a sign-in, a reply of a model. All needs are asked
 * for at once and by one name each; the run waits in the store and holds no place meanwhile. Then the tool is executed again, in whichever process, with
 * `scope.answers` and this `state`. What it did before it returned this has happened, so its effect's doubt begins anew.
 *
 *     if (answers === undefined) return callNeeds({ seat: { kind: 'question', body: { text: 'Which seat?' } } }, { held: id });
 *
 * More needs than 16, a 9th time in one call, or more than 64 KiB of one need or of the state make the call an error result.
 */
export function callNeeds(needs: Readonly<Record<string, CallNeed>>, state: Json = null): CallNeeds {
  return Object.defineProperty({ type: 'needs', needs, state } as const, BRAND, { value: true });
}

/** True for one of another copy of this package too, and for no result that only looks like it. */
export const isCallNeeds = (value: unknown): value is CallNeeds =>
  typeof value === 'object' && value !== null && BRAND in value;
