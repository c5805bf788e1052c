import {
  artifactBytes,
  artifactNamed,
  MEASUREMENT_LIMIT,
  PLAIN_TEXT,
  PrusikError,
  toStepFacts,
  type Denial,
  type Measurement,
  type Message,
  type NewNote,
  type RunKey,
  type Spent,
  type StepFacts,
  type StepObserver,
  type StepOptions,
  type StepScope,
  type Usage,
} from '@prusik/core';
import { checkCounts } from './check-numbers.ts';
import { idempotencyKeyOf } from './idempotency-key.ts';
import type { StepNews } from './live-board.ts';
import { metricsTo } from './metrics.ts';
import type { PutBlob } from './put-blob.ts';
import type { Steering } from './steering.ts';
import type { StepNotes } from './step-notes.ts';

/** What a body's scope is made of. */
export interface BodyScopeOptions {
  readonly run: RunKey;
  readonly key: string;
  readonly options: StepOptions;
  /** Executions before it that used up an attempt. */
  readonly failures: number;
  /** What executions before it told that they used. */
  readonly spent: Spent;
  readonly speak: (news: StepNews) => void;
  readonly notes: StepNotes;
  readonly steering: Steering;
  readonly blobs: StepBlobs;
  readonly grants: StepScope['grants'];
  readonly observed: StepObserver | undefined;
}

/** Where a body keeps bytes, and finds them. */
export interface StepBlobs {
  readonly put: PutBlob;
  readonly read: (hash: string) => AsyncIterable<Uint8Array>;
}

/** What the body of one execution has handed in. */
export interface HandedIn {
  /** Until its time is over. A body that goes on has no say any more: what it hands in late is dropped. */
  open: boolean;
  /** Number of the execution. It counts on with each reset: readers know what is void by it. */
  attempt: number;
  readonly messages: Message[];
  readonly notes: NewNote[];
  readonly denied: Denial[];
  /** Which of the messages were steered here, and by which run. */
  readonly steered: Map<Message, string>;
  blobs: Set<string> | undefined;
  usage: Usage | undefined;
  costMicros: number | undefined;
  facts: StepFacts | undefined;
  measurements: Measurement[] | undefined;
}

/** Blobs that the outcome of one step may name. */
const KEPT_BLOBS = 100;

export const nothingYet = (attempt: number): HandedIn => ({
  open: true,
  attempt,
  messages: [],
  notes: [],
  denied: [],
  steered: new Map(),
  blobs: undefined,
  usage: undefined,
  costMicros: undefined,
  facts: undefined,
  measurements: undefined,
});

/** What the body of a step sees; all that it says goes into `handed`. `onReset` is called once the attempt has been counted on. */
export function bodyScope(
  { run, key, options, failures, spent, speak, notes, steering, blobs, grants, observed }: BodyScopeOptions,
  {
    handed,
    signal,
    slots,
    onReset,
  }: {
    readonly handed: HandedIn;
    readonly signal: AbortSignal;
    readonly slots: StepScope['slots'];
    readonly onReset: () => void;
  },
): StepScope {
  return {
    key,
    attempt: handed.attempt,
    failures,
    spent,
    signal,
    idempotencyKey: idempotencyKeyOf(run, key),
    trace: observed?.trace,
    append: (...added) => void (handed.open && handed.messages.push(...added)),
    async absorb() {
      // What was withdrawn meanwhile has the step executed again, which only this effect allows.
      if ((options.effect ?? 'repeatable') !== 'repeatable')
        throw new TypeError(`Step ${key} is ${options.effect}: only a repeatable step absorbs`);
      if (!handed.open || !steering.mayHave()) return [];
      const steered = await steering.take();
      if (!handed.open) steering.giveBack(steered.map((one) => one.run));
      if (!handed.open) return [];
      for (const { run: by, messages } of steered) for (const message of messages) handed.steered.set(message, by);
      const added = steered.flatMap(({ messages }) => messages);
      handed.messages.push(...added);
      return added;
    },
    note: (kind, data) => void (handed.open && handed.notes.push(notes.next(key, handed.notes, kind, data))),
    notes: (query = {}) => notes.read(query),
    async artifact(name, body, artifactOptions) {
      const named = artifactNamed(name, artifactOptions);
      const { hash, size } = await blobs.put(artifactBytes(name, body));
      const made = { ...named, hash, size };
      if (handed.open) handed.notes.push(notes.made(key, handed.notes, made));
      return made;
    },
    slots,
    grants,
    deny: ({ callId, tool, by, request }) =>
      void (handed.open && handed.denied.push({ callId, tool, by, ...(request === undefined ? {} : { request }) })),
    delta(text, block = PLAIN_TEXT) {
      if (typeof text !== 'string') throw new TypeError(`delta() takes text, not ${typeof text}`);
      if (handed.open) speak({ type: 'text', key, attempt: handed.attempt, block, text });
    },
    putBlob: blobs.put,
    keepBlob(hash) {
      if (!handed.open) return;
      handed.blobs ??= new Set();
      if (handed.blobs.size >= KEPT_BLOBS && !handed.blobs.has(hash))
        throw new PrusikError('STEP_RESULT_TOO_LARGE', `Step ${key} keeps more than ${KEPT_BLOBS} blobs`, {
          meta: { maxBlobs: KEPT_BLOBS },
        });
      handed.blobs.add(hash);
    },
    readBlob: blobs.read,
    reset() {
      if (!handed.open) return;
      handed.attempt += 1;
      onReset();
    },
    usage(used, cost) {
      if (!handed.open) return;
      const { estimated: _, ...counts } = used;
      checkCounts('usage', { ...counts, costMicros: cost });
      handed.usage = used;
      handed.costMicros = cost;
    },
    tell(told) {
      if (handed.open) handed.facts = toStepFacts(told);
    },
    metrics: metricsTo((measurement) => {
      if (!handed.open) return;
      handed.measurements ??= [];
      if (handed.measurements.length >= MEASUREMENT_LIMIT)
        throw new PrusikError('STEP_RESULT_TOO_LARGE', `Step ${key} measured more than ${MEASUREMENT_LIMIT} values`, {
          meta: { maxMeasurements: MEASUREMENT_LIMIT },
        });
      handed.measurements.push(measurement);
    }),
  };
}
