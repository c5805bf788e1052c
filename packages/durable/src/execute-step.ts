import {
  artifactBytes,
  artifactNamed,
  checkMessage,
  isInDoubt,
  isPrusikError,
  MEASUREMENT_LIMIT,
  PLAIN_TEXT,
  PrusikError,
  serializeError,
  sparse,
  toStepFacts,
  WRITE_ITEMS_LIMIT,
  type Clock,
  type Denial,
  type Measurement,
  type Message,
  type NewNote,
  type Outcome,
  type RunKey,
  type SerializedError,
  type SlotChange,
  type Spent,
  type StepFacts,
  type StepObserver,
  type StepOptions,
  type StepScope,
  type Usage,
} from '@prusik/core';
import { bounded } from './bounded.ts';
import { checkCounts } from './check-numbers.ts';
import { runInside } from './inside.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import type { StepNews } from './live-board.ts';
import { metricsTo } from './metrics.ts';
import type { Steering } from './steering.ts';
import type { PutBlob } from './put-blob.ts';
import type { StepNotes } from './step-notes.ts';
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

export interface ExecuteOptions {
  readonly run: RunKey;
  readonly key: string;
  readonly body: (scope: StepScope) => unknown;
  readonly options: StepOptions;
  /** Number of this execution. */
  readonly attempt: number;
  /** Executions before it that used up an attempt. */
  readonly failures: number;
  /** What executions before it told that they used. */
  readonly spent: Spent;
  /** The drive's word to stop. */
  readonly stop: Stop;
  readonly clock: Clock;
  /** How long a body that is told to stop may take to settle, when its run is cancelled or given back. */
  readonly graceMs: number;
  readonly speak: (news: StepNews) => void;
  readonly maxMessageBytes: number;
  readonly notes: StepNotes;
  readonly slots: RunSlots;
  readonly record: StepValues['record'];
  readonly steering: Steering;
  readonly blobs: StepBlobs;
  readonly grants: StepScope['grants'];
  readonly observed: StepObserver | undefined;
  /** Whose place the body is in. */
  readonly engine: object;
}

/** Where a body keeps bytes, and finds them. */
export interface StepBlobs {
  readonly put: PutBlob;
  readonly read: (hash: string) => AsyncIterable<Uint8Array>;
}

/** What came of one execution, and what its body threw, if it did. */
export interface Executed {
  readonly execution: Execution;
  readonly thrown?: unknown;
  /** Number of the execution, counted on by its resets. */
  readonly attempt: number;
}

/** Blobs that the outcome of one step may name. */
const KEPT_BLOBS = 100;

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
  const appended: Message[] = [];
  const noted: NewNote[] = [];
  const slots = what.slots.open();
  let changed: readonly SlotChange[] = [];
  const denied: Denial[] = [];
  let keptBlobs: Set<string> | undefined;
  let messages: readonly Message[] = [];
  /** What the body has taken over of what was steered here, until it is known whether it is recorded. */
  const taken = new Map<Message, string>();
  let absorbed: readonly string[] = [];
  let usage: Usage | undefined;
  let costMicros: number | undefined;
  let facts: StepFacts | undefined;
  let measured: Measurement[] | undefined;
  const controller = new AbortController();
  let open = true;
  /** Counts on with each reset: readers know what is void by it. */
  let { attempt } = what;
  const scope: StepScope = {
    key,
    attempt,
    failures: what.failures,
    spent: what.spent,
    signal: controller.signal,
    idempotencyKey: idempotencyKeyOf(what.run, key),
    trace: what.observed?.trace,
    // A body that goes on after its time has no say any more: what it hands in late is dropped.
    append: (...added) => void (open && appended.push(...added)),
    async absorb() {
      // What was withdrawn meanwhile has the step executed again, which only this effect allows.
      if ((options.effect ?? 'repeatable') !== 'repeatable')
        throw new TypeError(`Step ${key} is ${options.effect}: only a repeatable step absorbs`);
      if (!open || !what.steering.mayHave()) return [];
      const steered = await what.steering.take();
      if (!open) what.steering.giveBack(steered.map(({ run }) => run));
      if (!open) return [];
      for (const { run, messages: its } of steered) for (const message of its) taken.set(message, run);
      const added = steered.flatMap(({ messages: its }) => its);
      appended.push(...added);
      return added;
    },
    note: (kind, data) => void (open && noted.push(what.notes.next(key, noted, kind, data))),
    notes: (query = {}) => what.notes.read(query),
    async artifact(name, body, artifactOptions) {
      const named = artifactNamed(name, artifactOptions);
      const { hash, size } = await what.blobs.put(artifactBytes(name, body));
      const made = { ...named, hash, size };
      if (open) noted.push(what.notes.made(key, noted, made));
      return made;
    },
    slots: slots.scope,
    grants: what.grants,
    deny: ({ callId, tool, by, request }) =>
      void (open && denied.push({ callId, tool, by, ...(request === undefined ? {} : { request }) })),
    delta(text, block = PLAIN_TEXT) {
      if (typeof text !== 'string') throw new TypeError(`delta() takes text, not ${typeof text}`);
      if (open) what.speak({ type: 'text', key, attempt, block, text });
    },
    putBlob: what.blobs.put,
    keepBlob(hash) {
      if (!open) return;
      keptBlobs ??= new Set();
      if (keptBlobs.size >= KEPT_BLOBS && !keptBlobs.has(hash))
        throw new PrusikError('STEP_RESULT_TOO_LARGE', `Step ${key} keeps more than ${KEPT_BLOBS} blobs`, {
          meta: { maxBlobs: KEPT_BLOBS },
        });
      keptBlobs.add(hash);
    },
    readBlob: what.blobs.read,
    reset() {
      if (!open) return;
      attempt += 1;
      start();
    },
    usage(spent, cost) {
      if (!open) return;
      const { estimated: _, ...counts } = spent;
      checkCounts('usage', { ...counts, costMicros: cost });
      usage = spent;
      costMicros = cost;
    },
    tell(told) {
      if (open) facts = toStepFacts(told);
    },
    metrics: metricsTo((measurement) => {
      if (!open) return;
      measured ??= [];
      if (measured.length >= MEASUREMENT_LIMIT)
        throw new PrusikError('STEP_RESULT_TOO_LARGE', `Step ${key} measured more than ${MEASUREMENT_LIMIT} values`, {
          meta: { maxMeasurements: MEASUREMENT_LIMIT },
        });
      measured.push(measurement);
    }),
  };
  const settle = (outcome: Outcome, thrown?: unknown): Executed => ({
    thrown,
    attempt,
    execution: sparse<Settled>({
      settled: 'outcome',
      outcome,
      messages: outcome.ok ? messages : [],
      absorbed,
      notes: outcome.ok ? noted : [],
      slots: changed,
      blobs: outcome.ok && keptBlobs !== undefined ? [...keptBlobs] : undefined,
      denied: denied.length > 0 ? denied : undefined,
      usage,
      costMicros,
      facts,
      measurements: measured,
    }),
  });

  function start(): void {
    what.speak({
      type: 'start',
      key,
      kind: options.kind ?? 'step',
      attempt,
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
      if (once) return { execution: { settled: 'doubt', error: serializeError(ended.error) }, attempt };
      return settle({ ok: false, error: serializeError(ended.error) }, ended.error);
    }
    if ('thrown' in ended) {
      // What was sent may have happened, whatever came back to the body.
      const error = serializeError(ended.thrown, 'STEP_FAILED');
      if (once && isInDoubt(ended.thrown)) return { execution: { settled: 'doubt', error }, attempt };
      return settle({ ok: false, error }, ended.thrown);
    }
    try {
      open = false;
      // Who was stopped answers nobody any more: what was steered here has its own turn.
      const kept = what.stop.reason() === undefined ? appended : appended.filter((message) => !taken.has(message));
      messages = checkedMessages(key, kept, what.maxMessageBytes);
      const record = what.record(key, ended.value);
      const recorded = record instanceof Promise ? await record : record;
      // Last: from here to the commit nothing may fail, since others go on from what it changes.
      changed = slots.settle();
      if (taken.size > 0) absorbed = [...new Set(kept.flatMap((message) => taken.get(message) ?? []))];
      return settle({ ok: true, ...recorded });
    } catch (error) {
      // The effect has happened, only its result cannot be kept: for `once` that is doubt, not failure.
      if (once) return { execution: { settled: 'doubt', error: serializeError(error) }, attempt };
      return settle({ ok: false, error: serializeError(error) }, error);
    }
  } finally {
    open = false;
    if (taken.size > 0) what.steering.giveBack([...new Set(taken.values())].filter((run) => !absorbed.includes(run)));
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
