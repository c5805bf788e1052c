import { checkOptions, FINAL_STATUSES, type FinalStatus } from '@prusik/core';

/** How much of some trees is kept. What is past **one** of its limits goes, of the longest ended first; at least one is given. */
export interface RetentionRule {
  /** @default every tenant */
  readonly tenant?: string;
  /** Of the root of a tree. @default any */
  readonly definition?: string;
  /** How the root ended. @default any */
  readonly status?: readonly FinalStatus[];
  /** Since the root ended, by the store's clock. */
  readonly maxAgeMs?: number;
  /** Trees of a tenant that the rule names. */
  readonly maxCount?: number;
  /** Bytes of the JSON texts that would go of all trees of a tenant that the rule names; not of blobs, which trees share. */
  readonly maxBytes?: number;
}

/** How long something is kept after it came to its end. */
export interface AgeRule {
  readonly maxAgeMs: number;
}

/** What is kept of what has ended, and how long. Whatever no rule names is kept. Plain data, to stand in a configuration. */
export interface RetentionPolicy {
  /** Whole trees: of what goes nothing is left, and its ids are free. */
  readonly records?: readonly RetentionRule[];
  /** What trees went on by: journals, inboxes, threads of their own, slots. Their results, requests and artifacts stay. */
  readonly resume?: readonly RetentionRule[];
  /** Closed sessions with their runs and messages, since the last of their runs on record ended. Open ones are never touched. */
  readonly sessions?: readonly (AgeRule & { readonly tenant?: string })[];
  /** Workspaces of runs and closed sessions, since the root of their tree ended; what is not on record any more is past any age. */
  readonly workspaces?: AgeRule;
  /**
   * Snapshots, since they were last taken, but for those that a live tree may go back to, that an open session stands at, and that a workspace has under a name.
   * A snapshot that a program took for itself is one of them.
   */
  readonly snapshots?: AgeRule;
}

const RULE = {
  names: { tenant: true, definition: true, status: true, maxAgeMs: true, maxCount: true, maxBytes: true },
  elsewhere: { keep: 'maxCount', age: 'maxAgeMs', maxSize: 'maxBytes', statuses: 'status' },
} as const;
const LIMITS = ['maxAgeMs', 'maxCount', 'maxBytes'] as const;
const POLICY = { names: { records: true, resume: true, sessions: true, workspaces: true, snapshots: true } } as const;

/**
 * What is wrong with a policy is said before anything goes, with the place of it.
 *
 * @throws {TypeError}
 */
export function checkPolicy(policy: RetentionPolicy): void {
  checkObject('The policy', policy);
  checkOptions('The policy', policy, POLICY);
  for (const part of ['records', 'resume'] as const)
    for (const [at, rule] of checkedList(part, policy[part]).entries()) checkRule(`${part}[${at}]`, rule);
  for (const [at, rule] of checkedList('sessions', policy.sessions).entries())
    checkAge(`sessions[${at}]`, rule, { names: { tenant: true, maxAgeMs: true } });
  for (const part of ['workspaces', 'snapshots'] as const)
    if (policy[part] !== undefined) checkAge(part, policy[part], { names: { maxAgeMs: true } });
}

function checkRule(where: string, rule: RetentionRule): void {
  checkObject(where, rule);
  checkOptions(where, rule, RULE);
  checkNames(where, rule);
  if (LIMITS.every((limit) => rule[limit] === undefined))
    throw new TypeError(`${where} limits nothing: give it ${LIMITS.join(', ')}, or one of them`);
  for (const limit of LIMITS) if (rule[limit] !== undefined) checkNumber(`${where}.${limit}`, rule[limit]);
  if (rule.status === undefined) return;
  const unknown = checkedList(`${where}.status`, rule.status).find((status) => !FINAL_STATUSES.includes(status));
  if (unknown !== undefined || rule.status.length === 0)
    throw new TypeError(
      `${where}.status names how runs end: ${FINAL_STATUSES.join(', ')}, not ${String(unknown ?? 'none')}`,
    );
}

function checkAge(
  where: string,
  rule: AgeRule & { readonly tenant?: string },
  known: Parameters<typeof checkOptions>[2],
): void {
  checkObject(where, rule);
  checkOptions(where, rule, known);
  checkNames(where, rule);
  checkNumber(`${where}.maxAgeMs`, rule.maxAgeMs);
}

function checkNames(where: string, rule: { readonly tenant?: string; readonly definition?: string }): void {
  for (const name of ['tenant', 'definition'] as const) {
    const value: unknown = rule[name];
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw new TypeError(`${where}.${name} must be a name, not ${JSON.stringify(value)}`);
  }
}

function checkNumber(where: string, value: unknown): void {
  if (!Number.isSafeInteger(value) || (value as number) < 0)
    throw new TypeError(`${where} must be a whole number that is not negative, not ${String(value)}`);
}

function checkObject(where: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TypeError(`${where} must be an object`);
}

function checkedList<T>(where: string, value: readonly T[] | undefined): readonly T[] {
  if (value !== undefined && !Array.isArray(value)) throw new TypeError(`${where} must be a list`);
  return value ?? [];
}
