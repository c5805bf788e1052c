import type { RequestRef } from './ids.ts';
import { canonicalJson, isObject, type Json, type JsonObject } from './json.ts';

/** Where a grant holds: in the run that asked, or in every run of the session that its tree belongs to. */
export type GrantScope = 'run' | 'session';

/** What somebody allows beside the one call that an approval is about. */
export interface NewGrant {
  readonly scope: GrantScope;
  /** What the input of a later call must hold, whatever else is in it; `{}` is in every input. @default the same input, and no other */
  readonly part?: JsonObject;
  /** @default never */
  readonly expiresInMs?: number;
}

/** A person's yes to calls that are still to come: of one tool as it was then, and of inputs like the one that was approved. */
export interface Grant {
  /** Given by the store, never twice; also a cursor. */
  readonly id: string;
  readonly tenant: string;
  readonly scope: { readonly of: GrantScope; readonly id: string };
  readonly tool: string;
  /** Of the tool as it was approved: a tool that was changed since is not granted. */
  readonly toolHash: string;
  readonly part: Json;
  /** The input must be `part`, not only hold it. */
  readonly exact: boolean;
  /** The approval that it came with, and who gave it. */
  readonly given: RequestRef & { readonly at: number; readonly by?: string };
  /** By the store's clock; `null` never. */
  readonly expiresAt: number | null;
  readonly revoked?: { readonly at: number; readonly by?: string };
}

/** Names one grant. */
export interface GrantKey {
  readonly tenant: string;
  readonly grant: string;
}

/** Grants of one tenant; each condition narrows it. `after` is a page's `next`. */
export interface GrantQuery {
  readonly tenant: string;
  /** Those that hold for this run: its own, and those of the session of its tree. */
  readonly run?: string;
  readonly session?: string;
  readonly tool?: string;
  /** Neither revoked nor past. */
  readonly active?: boolean;
  readonly after?: string;
  readonly limit: number;
}

/** `already`: it was revoked before. */
export type RevokeResult =
  | { readonly outcome: 'revoked' | 'already'; readonly grant: Grant }
  | { readonly outcome: 'unknown' };

/** Grants of one run or session that are in force at once, at most. */
export const GRANT_LIMIT = 128;

/** Whether a call is one of those that were granted. */
export function coversCall(
  { tool, toolHash, part, exact }: Pick<Grant, 'tool' | 'toolHash' | 'part' | 'exact'>,
  call: { readonly tool: string; readonly toolHash: string; readonly input: Json },
): boolean {
  return (
    tool === call.tool && toolHash === call.toolHash && (exact ? isSame(part, call.input) : holds(call.input, part))
  );
}

/** Whether `whole` holds all of `part`: of objects some members, of everything else all of it. */
export function holds(whole: Json, part: Json): boolean {
  if (!isObject(part) || !isObject(whole)) return isSame(whole, part);
  return Object.entries(part).every(([key, value]) => {
    const found = Object.hasOwn(whole, key) ? whole[key] : undefined;
    return found !== undefined && holds(found, value);
  });
}

const isSame = (a: Json, b: Json): boolean => canonicalJson(a) === canonicalJson(b);
