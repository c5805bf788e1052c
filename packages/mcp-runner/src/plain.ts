import type { Json, JsonObject } from '@prusik/core';

/** What a server sent is JSON, and nothing more is known of it. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const textOf = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);

export const listOf = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? (value as Json[]) : []);
