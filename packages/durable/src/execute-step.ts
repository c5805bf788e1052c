import {
  checkMessage,
  isInDoubt,
  isPrusikError,
  PrusikError,
  serializeError,
  sparse,
  WRITE_ITEMS_LIMIT,
  type Clock,
  type Denial,
  type Measurement,
  type Message,
  type NewNote,
  type Outcome,
  type SerializedError,
  type SlotChange,
  type StepFacts,
  type StepScope,
  type Usage,
} from '@prusik/core';
import { bodyScope, nothingYet, type BodyScopeOptions } from './body-scope.ts';
import { bounded } from './bounded.ts';
import { runInside } from './inside.ts';
import type { RunSlots } from './step-slots.ts';
import type { StepValues } from './step-value.ts';
import type { Stop } from './stop.ts';

/** What came of executing a step's body. `doubt`: the effect may have happened, and nobody knows. */
export type Execution =
  | {
      readonly settled: 'outcome';
      readonly outcome: Outcome;
      readonly messages: readonly Message[];
      /** Runs whose messages are among them. */
      readonly absorbed: readonly string[];
      readonly notes: readonly NewNote[];
      readonly slots: readonly SlotChange[];
      /** Hashes of blobs that the outcome names. */
      readonly blobs?: readonly string[];
      readonly denied?: readonly Denial[];
      readonly usage?: Usage;
      readonly costMicros?: number;
      readonly facts?: StepFacts;
      readonly measurements?: readonly Measurement[];
    }
  | { readonly settled: 'doubt'; readonly error: SerializedError };

export interface ExecuteOptions extends BodyScopeOptions {
  readonly body: (scope: StepScope) => unknown;
  /** Number of this execution. */
  readonly attempt: number;
  /** The drive's word to stop. */
  readonly stop: Stop;
  readonly clock: Clock;
  /** How long a body that is told to stop may take to settle, when its run is cancelled or given back. */
  readonly graceMs: number;
  readonly maxMessageBytes: number;
  readonly slots: RunSlots;
  readonly record: StepValues['record'];
  /** Whose place the body is in. */
  readonly engine: object;
}

/** What came of one execution, and what its body threw, if it did. */
export interface Executed {
  readonly execution: Execution;
  readonly thrown?: unknown;
  /** Number of the execution, counted on by its resets. */
  readonly attempt: number;
}

type Settled = Extract<Execution, { settled: 'outcome' }>;

/** What came first: the body's end, or the word to give it up. */
type Ended = { readonly value: unknown } | { readonly thrown: unknown } | { readonly error: PrusikError };

/** Runs the body once. Never rejects. */
export async function executeStep(what: ExecuteOptions): Promise<Executed> {
  const { key, options } = what;
  // Stopped before it began: that is no doubt, it surely did not happen.
  const stopped = what.stop.reason();
  if (stopped !== undefined) {
    const outcome = { ok: false, error: serializeError(stopped) } as const;
    return {
      execution: { settled: 'outcome', outcome, messages: [], absorbed: [], notes: [], slots: [] },
      attempt: what.attempt,
    };
  }
  const once = options.effect === 'once';
  const handed = nothingYet(what.attempt);
  const slots = what.slots.open();
  let changed: readonly SlotChange[] = [];
  let messages: readonly Message[] = [];
  let absorbed: readonly string[] = [];
  const controller = new AbortController();
  const scope = bodyScope(what, { handed, signal: controller.signal, slots: slots.scope, onReset: start });
  const settle = (outcome: Outcome, thrown?: unknown): Executed => ({
    thrown,
    attempt: handed.attempt,
    execution: sparse<Settled>({
      settled: 'outcome',
      outcome,
      messages: outcome.ok ? messages : [],
      absorbed,
      notes: outcome.ok ? handed.notes : [],
      slots: changed,
      blobs: outcome.ok && handed.blobs !== undefined ? [...handed.blobs] : undefined,
      denied: handed.denied.length > 0 ? handed.denied : undefined,
      usage: handed.usage,
      costMicros: handed.costMicros,
      facts: handed.facts,
      measurements: handed.measurements,
    }),
  });

  const doubt = (error: SerializedError): Executed => ({
    execution: { settled: 'doubt', error },
    attempt: handed.attempt,
  });

  function start(): void {
    what.speak({
      type: 'start',
      key,
      kind: options.kind ?? 'step',
      attempt: handed.attempt,
      ...(options.name === undefined ? {} : { name: options.name }),
    });
  }

  const call = (): Promise<unknown> => runInside('step', what.engine, () => what.body(scope));
  start();
  let timer: Disposable | undefined;
  const ending = Promise.withResolvers<Ended>();
  const giveUp = (error: PrusikError): void => {
    controller.abort(error);
    ending.resolve({ error });
  };
  const onStop = what.stop.onAbort(() => {
    const reason = what.stop.reason();
    if (reason === undefined) return;
    controller.abort(reason);
    // The lease still holds: what the body is doing may end, and its outcome be kept. After a loss nothing can be kept.
    const ends = reason.code === 'RUN_CANCELLED' || reason.code === 'RUN_DEADLINE';
    const graceful = ends || (reason.code === 'RUN_RELEASED' && !once);
    if (!graceful || what.graceMs <= 0) return giveUp(reason);
    timer?.[Symbol.dispose]();
    timer = what.clock.after(what.graceMs, () => giveUp(reason));
  });
  if (options.timeoutMs !== undefined) {
    const message = `Step ${key} took longer than ${options.timeoutMs} ms`;
    timer = what.clock.after(options.timeoutMs, () =>
      giveUp(new PrusikError('STEP_TIMEOUT', message, { retryable: !once })),
    );
  }
  Promise.resolve()
    .then(() => (what.observed === undefined ? call() : what.observed.inside(call)))
    .then(
      (value) => ending.resolve({ value }),
      (thrown: unknown) => ending.resolve({ thrown }),
    );
  try {
    const ended = await ending.promise;
    if ('error' in ended) {
      if (once) return doubt(serializeError(ended.error));
      return settle({ ok: false, error: serializeError(ended.error) }, ended.error);
    }
    if ('thrown' in ended) {
      // What was sent may have happened, whatever came back to the body.
      const error = serializeError(ended.thrown, 'STEP_FAILED');
      if (once && isInDoubt(ended.thrown)) return doubt(error);
      return settle({ ok: false, error }, ended.thrown);
    }
    try {
      handed.open = false;
      // Who was stopped answers nobody any more: what was steered here has its own turn.
      const { steered } = handed;
      const kept =
        what.stop.reason() === undefined ? handed.messages : handed.messages.filter((message) => !steered.has(message));
      messages = checkedMessages(key, kept, what.maxMessageBytes);
      const record = what.record(key, ended.value);
      const recorded = record instanceof Promise ? await record : record;
      // Last: from here to the commit nothing may fail, since others go on from what it changes.
      changed = slots.settle();
      if (steered.size > 0) absorbed = [...new Set(kept.flatMap((message) => steered.get(message) ?? []))];
      return settle({ ok: true, ...recorded });
    } catch (error) {
      // The effect has happened, only its result cannot be kept: for `once` that is doubt, not failure.
      if (once) return doubt(serializeError(error));
      return settle({ ok: false, error: serializeError(error) }, error);
    }
  } finally {
    handed.open = false;
    const { steered } = handed;
    if (steered.size > 0)
      what.steering.giveBack([...new Set(steered.values())].filter((run) => !absorbed.includes(run)));
    onStop[Symbol.dispose]();
    timer?.[Symbol.dispose]();
  }
}

/**
 * Copies: what the body does to its own after the step must not be seen, as a replay would not see it.
 *
 * @throws {PrusikError} `STEP_RESULT_TOO_LARGE`, `MESSAGE_INVALID`
 */
function checkedMessages(key: string, messages: readonly Message[], maxBytes: number): readonly Message[] {
  if (messages.length === 0) return messages;
  if (messages.length > WRITE_ITEMS_LIMIT)
    throw new PrusikError(
      'STEP_RESULT_TOO_LARGE',
      `Step ${key} appended ${messages.length} messages; the limit is ${WRITE_ITEMS_LIMIT}`,
      { meta: { maxMessages: WRITE_ITEMS_LIMIT } },
    );
  let copy: unknown;
  try {
    copy = bounded(`messages of step ${key}`, messages, maxBytes, 'STEP_RESULT_TOO_LARGE');
  } catch (cause) {
    if (isPrusikError(cause)) throw cause;
    throw new PrusikError('MESSAGE_INVALID', `Step ${key} appended what JSON cannot hold`, { cause });
  }
  return (copy as readonly unknown[]).map((message) => {
    checkMessage(message);
    return message;
  });
}
