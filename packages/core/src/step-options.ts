import type { Effect, StepKind } from './entry.ts';
import type { Json } from './json.ts';
import type { Amount } from './ledger.ts';

/** What a step is, and what may happen to it. */
export interface StepOptions {
  readonly kind?: StepKind;
  /** For people and traces: the tool's or model's name. */
  readonly name?: string;
  /** @default 'repeatable' */
  readonly effect?: Effect;
  /** Recorded, and compared on replay: a different one blocks the run with `RUN_DIVERGED`. At most 200 characters: hash what is longer. */
  readonly fingerprint?: string;
  readonly retry?: RetryPolicy;
  /** The body is given up after this long: `STEP_TIMEOUT`, and a `once` step is then in doubt. @default none */
  readonly timeoutMs?: number;
  /** Finds out what became of a step in doubt, within `timeoutMs` (30 s without one). One that throws, hangs or returns nonsense knows nothing. */
  readonly check?: (step: CheckScope) => Promise<CheckResult> | CheckResult;
  /** What happens to a step in doubt that `check` could not settle. `ask` blocks the run; `fail` rejects with `STEP_IN_DOUBT`. @default 'ask' */
  readonly inDoubt?: 'ask' | 'fail';
  /**
   * What one execution may use at most: reserved in every ledger from the run up to its root before the body runs. What others of the tree only hold is waited
   * for, up to `capacityWaitMs` in all; what can never fit rejects with `BUDGET_EXCEEDED`. A step of kind `model` needs it in each dimension that is
   * limited: without it, it rejects with `BUDGET_NOT_RESERVED`, or `BUDGET_COST_UNKNOWN`, and its body does not run.
   */
  readonly reserve?: Amount;
  /** Id of the approved request that this execution uses up. */
  readonly claimRequest?: string;
  /**
   * Asked when the body has returned: the output of the run, where the function would do nothing with this outcome but return that. If nothing else of the run
   * is under way its end goes into the commit of the outcome, and the function is not given it; otherwise the function goes on as it would without.
   */
  readonly ends?: () => { readonly output: unknown } | undefined;
  /**
   * Asked when the body has returned: the steps of effect `once` that the function asks for because of this outcome, without anything between. Their intents
   * go into its commit, in place of one of their own before their bodies may run. One that the function does not come to is on record as not executed.
   */
  readonly leadsTo?: () => readonly UpcomingStep[];
}

/** A step of effect `once` that is about to be asked for, as its intent says it. It reserves nothing and uses up no request. */
export interface UpcomingStep extends Pick<StepOptions, 'kind' | 'name' | 'fingerprint'> {
  readonly key: string;
}

/**
 * What a body throws is a failure: it did not happen, or not so that it counts. Who has sent something and does not know what became of it says so by an error with
 * `inDoubt: true` in its meta ({@link isInDoubt}); a `once` step is then in doubt, as after a time-out, and is not executed again by itself. Of a step that may be repeated it is a
 * failure like others.
 *
 *     throw new PrusikError('SHOP_LOST', 'The shop did not answer', { retryable: true, meta: { inDoubt: true } });
 *
 * Whoever has no room (HTTP 429, 503, 529) and did nothing says so by an error with `retryAfterMs` in its meta, 0 where it names no time:
 *
 *     throw new PrusikError('SHOP_BUSY', 'The shop has no room', { retryable: true, meta: { retryAfterMs: 30_000 } });
 *
 * Such a refusal uses up no attempt, of a step without a policy neither, and is waited out for up to `capacityWaitMs` in all: at least as long
 * as it says, and longer each time. A `once` step is executed again after nothing else.
 */
export interface RetryPolicy {
  /** Executions in all. @default 1 */
  readonly attempts: number;
  /** First pause; doubles each time. @default 500 */
  readonly backoffMs?: number;
  /** @default 8000 */
  readonly maxBackoffMs?: number;
  /** How long refusals may be waited out, in all; then the refusal is the outcome. @default the engine's limit `capacityWaitMs`, an hour */
  readonly capacityWaitMs?: number;
  /** Also has a veto over waiting out a refusal. @default every error with `retryable: true`, and every error that is not a PrusikError */
  readonly retryable?: (error: unknown) => boolean;
}

/** What a `check` has to find out what became of a step. */
export interface CheckScope {
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** `done`: it happened, and this is its outcome. `not-run`: it surely did not, and may run now. `unknown`: it stays in doubt. */
export type CheckResult =
  | { readonly became: 'done'; readonly value?: Json }
  | { readonly became: 'not-run' }
  | { readonly became: 'unknown' };
