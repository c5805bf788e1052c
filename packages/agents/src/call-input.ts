import { toFrozenJson, type Json } from '@prusik/core';

/** The input of a call as a model has written it. */
export type CallInput = { readonly input: Json; readonly malformed: boolean };

/**
 * Reads the text of an input. What is no JSON stays a text; so does what names `__proto__` or `constructor.prototype`, which a tool that merges its input
 * into an object of its own would change all objects by. No text is no input.
 */
export function callInput(text: string): CallInput {
  if (text.trim() === '') return { input: {}, malformed: false };
  try {
    const input: unknown = JSON.parse(text);
    if (!SUSPECT.test(text) || !reachesPrototypes(input)) return { input: toFrozenJson(input), malformed: false };
  } catch {
    // What was said is kept.
  }
  return { input: text, malformed: true };
}

/** Without one of these no key of the input can be one that is looked for. */
const SUSPECT = /__proto__|constructor|\\u/;

function reachesPrototypes(input: unknown): boolean {
  const left = [input];
  for (let value = left.pop(); value !== undefined; value = left.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    if (Object.hasOwn(value, '__proto__')) return true;
    const { constructor: made } = value as { readonly constructor: unknown };
    if (Object.hasOwn(value, 'constructor') && typeof made === 'object' && made !== null && 'prototype' in made)
      return true;
    left.push(...Object.values(value));
  }
  return false;
}
