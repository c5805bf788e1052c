import {
  derivedRandom,
  isPrusikError,
  primaryError,
  retryAfterMs,
  serializeError,
  type Effect,
  type RetryPolicy,
  type RunKey,
} from '@prusik/core';

/** What a step has behind it. */
export interface Tries {
  /** Executions that were begun, in any process. */
  readonly executions: number;
  /** Those that failed and used up an attempt of the policy; one that was refused for want of capacity has not. */
  readonly failures: number;
  /** What refusals have cost in waiting. */
  readonly capacityMs: number;
}

/** What is between two executions of a step. */
export interface Pause {
  readonly ms: number;
  /** The execution was refused for want of capacity. */
  readonly refused: boolean;
  /** With the execution before it. */
  readonly tries: Tries;
}

export interface Failure {
  readonly run: RunKey;
  readonly key: string;
  readonly thrown: unknown;
  readonly effect: Effect;
  readonly retry: RetryPolicy | undefined;
  /** Before this execution. */
  readonly tries: Tries;
  /** The most that a step may wait for capacity, unless its policy says otherwise. */
  readonly capacityWaitMs: number;
}

const DEFAULT_BACKOFF_MS = 500;
const DEFAULT_MAX_BACKOFF_MS = 8_000;
/** Whoever has no room now is asked less and less often, but not given up soon. */
const MAX_CAPACITY_BACKOFF_MS = 60_000;

/**
 * The pause after an execution that failed, or nothing where the failure is the outcome. A refusal for want of capacity (an error with `retryAfterMs`) did nothing: it uses up no attempt, a `once` step may be executed again after it, and the
 * pause is at least what it asked for. Everything else is a failure, which the policy's attempts bound.
 */
export function pauseAfter(failure: Failure): Pause | undefined {
  const { thrown, effect, retry, tries } = failure;
  const executions = tries.executions + 1;
  const asked = retryAfterMs(thrown);
  if (asked !== undefined) {
    const refusals = executions - tries.failures;
    const ms = Math.ceil(asked + backoff(failure, refusals, DEFAULT_BACKOFF_MS, MAX_CAPACITY_BACKOFF_MS));
    const capacityMs = tries.capacityMs + ms;
    if (vetoed(thrown, retry) || capacityMs > (retry?.capacityWaitMs ?? failure.capacityWaitMs)) return undefined;
    return { ms, refused: true, tries: { ...tries, executions, capacityMs } };
  }
  const failures = tries.failures + 1;
  // What threw in a `once` step may have acted before: it is not for a policy to say that it may act again.
  const attempts = effect === 'once' ? 1 : (retry?.attempts ?? 1);
  if (failures >= attempts || !isRetryable(thrown, retry)) return undefined;
  const { backoffMs = DEFAULT_BACKOFF_MS, maxBackoffMs = DEFAULT_MAX_BACKOFF_MS } = retry ?? {};
  const ms = Math.ceil(backoff(failure, failures, backoffMs, maxBackoffMs));
  return { ms, refused: false, tries: { ...tries, executions, failures } };
}

/**
 * The pause before a step asks again for a reservation that others have to settle first, or nothing when it has waited long enough. Nothing was
 * executed, so no policy is asked and nothing is used up; it asks less and less often, for whoever settles in another process does not tell.
 */
export function pauseForRoom({
  run,
  key,
  retry,
  tries,
  capacityWaitMs,
}: Omit<Failure, 'thrown' | 'effect'>): Pause | undefined {
  const left = (retry?.capacityWaitMs ?? capacityWaitMs) - tries.capacityMs;
  if (left <= 0) return undefined;
  const longest = Math.min(MAX_CAPACITY_BACKOFF_MS, DEFAULT_BACKOFF_MS + tries.capacityMs);
  const ms = Math.min(left, Math.ceil(longest * jitter(run, key, `room ${tries.capacityMs}`)));
  return { ms, refused: true, tries: { ...tries, capacityMs: tries.capacityMs + ms } };
}

/** Exponential with jitter, so that runs that failed together do not come back together. */
function backoff({ run, key, tries }: Failure, n: number, first: number, longest: number): number {
  return Math.min(longest, first * 2 ** Math.min(30, n - 1)) * jitter(run, key, String(tries.executions + 1));
}

const jitter = (run: RunKey, key: string, which: string): number =>
  0.5 + derivedRandom('backoff', run.run, key, which) / 2;

/** A policy that throws denies. */
function vetoed(thrown: unknown, policy: RetryPolicy | undefined): boolean {
  try {
    return policy?.retryable !== undefined && policy.retryable(thrown) !== true;
  } catch {
    return true;
  }
}

function isRetryable(thrown: unknown, policy: RetryPolicy | undefined): boolean {
  if (policy?.retryable !== undefined) return !vetoed(thrown, policy);
  // As recorded, since a getter of the thrown one may throw.
  return isPrusikError(primaryError(thrown)) ? serializeError(thrown).retryable === true : true;
}
