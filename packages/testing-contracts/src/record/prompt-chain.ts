import { createHash } from 'node:crypto';
import { hashJson, type Json } from '@prusik/core';

/** Identity of a conversation, by that of the one that it goes on from: a prefix has one of its own, and none is hashed twice. */
export const chained = (before: string, message: Json): string =>
  createHash('sha256').update(before).update(hashJson(message)).digest('hex');

export const EMPTY_CHAIN = '';

/** Identities of a conversation and of all that it begins with, the empty one first. */
export function chainsOf(messages: readonly Json[]): readonly string[] {
  const chains = [EMPTY_CHAIN];
  for (const message of messages) chains.push(chained(chains.at(-1) ?? EMPTY_CHAIN, message));
  return chains;
}
