import type { Json, JsonObject } from '@prusik/core';

/** What a server sent is JSON, and nothing more is known of it. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const textOf = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

/** A list, or the one thing that stands in place of a list of one. */
export const oneOrMore = (value: Json | undefined): readonly Json[] =>
  value === undefined || Array.isArray(value) ? listOf(value) : [value];

export const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as Json[]) : []);
