import {
  checkOptions,
  shown,
  type Effect,
  type ReceiveOptions,
  type RequestSpec,
  type RetryPolicy,
  type StepKind,
  type StepOptions,
} from '@prusik/core';
import { checkCounts, checkMs } from './check-numbers.ts';

const EFFECTS: ReadonlySet<Effect> = new Set(['repeatable', 'keyed', 'once']);
const KINDS: ReadonlySet<StepKind> = new Set(['step', 'model', 'tool']);
const FINGERPRINT_LIMIT = 200;

const STEP = {
  names: {
    kind: true,
    name: true,
    effect: true,
    fingerprint: true,
    retry: true,
    timeoutMs: true,
    check: true,
    inDoubt: true,
    reserve: true,
    claimRequest: true,
    ends: true,
    leadsTo: true,
  } satisfies Record<keyof StepOptions, true>,
  elsewhere: { timeout: 'timeoutMs', retries: 'retry.attempts', maxRetries: 'retry.attempts' },
};

const RETRY = {
  names: {
    attempts: true,
    backoffMs: true,
    maxBackoffMs: true,
    capacityWaitMs: true,
    retryable: true,
  } satisfies Record<keyof RetryPolicy, true>,
  elsewhere: { maxAttempts: 'attempts', retries: 'attempts', delayMs: 'backoffMs' },
};

const RECEIVE = {
  names: { timeoutMs: true } satisfies Record<keyof ReceiveOptions, true>,
  elsewhere: { timeout: 'timeoutMs', expiresInMs: 'timeoutMs' },
};

const REQUEST = {
  names: { kind: true, body: true, schema: true, expiresInMs: true, signal: true } satisfies Record<
    keyof RequestSpec,
    true
  >,
  elsewhere: { timeoutMs: 'expiresInMs', timeout: 'expiresInMs', abortSignal: 'signal' },
};

/** @throws {TypeError} for an option of a step that is none, or cannot be what it is */
export function checkStepOptions(key: string, options: StepOptions): void {
  const { effect, reserve, retry, timeoutMs } = options;
  checkOptions(`step ${key}`, options, STEP);
  // One that is written in another way must not be taken for the default, which may be repeated.
  if (effect !== undefined && !EFFECTS.has(effect))
    throw new TypeError(`step ${key}: ${String(effect)} is not an effect`);
  checkStepLabels(key, options);
  if (reserve !== undefined) checkCounts('reserve', { ...reserve });
  if (retry !== undefined) {
    const { retryable: _, ...counts } = retry;
    checkOptions(`step ${key}: retry`, counts, RETRY);
    checkCounts('retry', counts);
  }
  if (timeoutMs !== undefined) checkMs(`step ${key}`, timeoutMs);
}

/**
 * What stands in a journal as it was said: where it is none, no other store would take that journal in.
 *
 * @throws {TypeError}
 */
export function checkStepLabels(
  key: string,
  { kind, name, fingerprint }: Pick<StepOptions, 'kind' | 'name' | 'fingerprint'>,
): void {
  if (kind !== undefined && !KINDS.has(kind))
    throw new TypeError(`step ${key}: its kind is one of ${[...KINDS].join(', ')}, not ${shown(kind)}`);
  if (name !== undefined && typeof name !== 'string')
    throw new TypeError(`step ${key}: its name is a text, not ${shown(name)}`);
  if (fingerprint !== undefined && !isFingerprint(fingerprint))
    throw new TypeError(
      `step ${key}: its fingerprint is a text of at most ${FINGERPRINT_LIMIT} characters without NUL or an unpaired surrogate: hash what is longer`,
    );
}

function isFingerprint(value: unknown): boolean {
  return (
    typeof value === 'string' && value.length <= FINGERPRINT_LIMIT && value.isWellFormed() && !value.includes('\0')
  );
}

/** @throws {TypeError} */
export function checkReceiveOptions(key: string, options: ReceiveOptions): void {
  checkOptions(`receive ${key}`, options, RECEIVE);
  if (options.timeoutMs !== undefined) checkMs(`receive ${key}`, options.timeoutMs);
}

/** @throws {TypeError} */
export function checkRequestSpec(key: string, spec: RequestSpec): void {
  checkOptions(`request ${key}`, spec, REQUEST);
  if (spec.expiresInMs !== undefined) checkMs(`request ${key}`, spec.expiresInMs);
}
