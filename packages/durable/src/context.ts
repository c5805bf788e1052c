import {
  checkId,
  childRunId,
  derivedRandom,
  derivedUuid,
  hashJson,
  isPrusikError,
  partialReason,
  PrusikError,
  type ChildOptions,
  type ChildResult,
  type Decision,
  type DurableContext,
  type Json,
  type JsonObject,
  type PartialReason,
  type Received,
  type ReceiveOptions,
  type RunInfo,
} from '@prusik/core';
import { bounded } from './bounded.ts';
import { checkReceiveOptions, checkRequestSpec, checkStepOptions } from './check-calls.ts';
import { isStartGivenUp } from './child-failure.ts';
import { checkMs } from './check-numbers.ts';
import { ownCopy, valueOf, type Call } from './delivery.ts';
import type { DriveParts } from './drive-parts.ts';
import { bytesOf } from './bytes-of.ts';
import { isInsideStep, refuseInsideStep } from './inside.ts';
import type { Recorded } from './journal-state.ts';
import { lookAtCall, type CheckedCall } from './look-at-call.ts';
import { metricsTo } from './metrics.ts';
import { reportLateCall } from './untracked.ts';
import { type WaitSpec } from './waits.ts';
import { turnOfEventLoop } from './wake-up.ts';

const NOTE_NAME_LIMIT = 200;
/**
 * Calls of one drive that are refused at once. Each further refusal takes a turn of the event loop, and has its place among reads, so that a race with it has the
 * same winner on replay: a function that catches everything and goes on and on would let nothing else of its process go on, not even what ends its run.
 */
const REFUSED_AT_ONCE = 1_000;

export interface ContextOptions {
  readonly parts: DriveParts;
  /** Number of the thread's last message before the run's own steps added any. */
  readonly threadBase: number;
  readonly info: RunInfo;
  readonly deps: unknown;
}

/** The context that a function gets. Its methods use no `this`, so they may be taken off it. */
export function createContext({ parts, threadBase, info, deps }: ContextOptions): DurableContext {
  const { core, steps, waits, thread, reads, whole, status } = parts;
  const { run, state, committer, delivery } = core;
  const { limits } = core.env;
  let notes = 0;
  let measurements = 0;
  let refused = 0;

  /** @throws for a key that is none, and inside a step's body */
  function comesLate(key: string): boolean {
    checkId('step key', key);
    refuseInsideStep(key);
    if (core.over()) reportLateCall(parts, key);
    return core.over();
  }

  /** Whatever is wrong with a call rejects its promise, also what a check throws at once. */
  function refusing<T>(call: () => Promise<T>): Promise<T> {
    try {
      return handled(call());
    } catch (error) {
      const late = (): Promise<T> => turnOfEventLoop().then(() => Promise.reject(error));
      if (isInsideStep()) return handled(late());
      refused += 1;
      return handled(refused > REFUSED_AT_ONCE ? reads.ask(late) : Promise.reject(error));
    }
  }

  /** One call on the context as a promise that a journal settles; it never settles once the drive is over. */
  function ask<T>(
    call: Pick<Call, 'key' | 'kind' | 'fingerprint' | 'begin'>,
    read: (recorded: Recorded) => T = (recorded) => valueOf(recorded) as T,
  ): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    if (comesLate(call.key)) return promise;
    delivery.ask({
      ...call,
      resolve(recorded) {
        try {
          resolve(read(recorded));
        } catch (error) {
          reject(error);
        }
      },
      reject,
    });
    return promise;
  }

  async function fromStore<T>(work: () => T | Promise<T>): Promise<T> {
    try {
      // No replay runs a step's body, so there its turn makes no difference.
      return await (isInsideStep() ? work() : reads.ask(work));
    } catch (cause) {
      // Bytes that are gone or damaged may be put again by a person.
      if (isPrusikError(cause, 'STORE_CORRUPT') || isPrusikError(cause, 'BLOB_UNKNOWN'))
        core.halt({ type: 'block', code: cause.code, message: cause.message });
      // A store that is away must not fail the run: the drive ends, and the run goes on when the store is back.
      else parts.lose('unavailable', cause);
      return new Promise<never>(() => {});
    }
  }

  function wait<T>(spec: WaitSpec, read?: (recorded: Recorded) => T): Promise<T> {
    return ask({ key: spec.key, kind: spec.kind, fingerprint: spec.fingerprint, begin: () => waits.begin(spec) }, read);
  }

  const sleepUntilTime = (key: string, until: () => number): Promise<void> =>
    wait({ key, kind: 'timer', fingerprint: '', until });

  /** `key` is reserved. */
  async function callChild<Output>(
    key: string,
    definition: string,
    input: Json,
    { admit, ...options }: ChildOptions,
  ): Promise<ChildResult<Output>> {
    const { signal, onParentEnd = 'cancel', history = 'fresh' } = options;
    let looked: CheckedCall;
    try {
      // As the function has it now: what comes while the call waits for its place is no part of it.
      const upTo = history === 'snapshot' ? threadBase + delivery.delivered().messages : undefined;
      looked = await reads.ask(() => lookAtCall(core, { key, definition, input, options, upTo }));
      // Before the policy is asked, which would let it wait for a place that it has no use for.
      if (!delivery.isOnRecord(key)) signal?.throwIfAborted();
      await admit?.();
    } finally {
      delivery.free(key);
    }
    const { fingerprint, child } = looked;
    // It may have fired while the policy let it wait.
    if (!delivery.isOnRecord(key)) signal?.throwIfAborted();
    return wait(
      {
        key,
        kind: 'child',
        fingerprint,
        child,
        leave: onParentEnd === 'leave',
        ...(signal === undefined ? {} : { signal }),
      },
      (recorded): ChildResult<Output> => {
        // The same as of a call that was given up before it was asked for.
        if (isStartGivenUp(recorded.outcome)) signal?.throwIfAborted();
        return {
          run: childRunId(run.key.tenant, run.key.run, key),
          output: valueOf(recorded) as Output,
          ...(recorded.partial === undefined ? {} : { partial: recorded.partial }),
        };
      },
    );
  }

  return {
    run: info,
    deps,
    ...(core.env.forks === undefined ? {} : { forks: core.env.forks }),
    signal: whole.signal(),
    thread: {
      read: () => fromStore(() => thread.readUpTo(threadBase + delivery.delivered().messages)),
    },
    readBlob: (hash) => fromStore(() => bytesOf(core.env.store.readBlob(run.key.tenant, hash))),
    step: (key, body, options = {}) =>
      refusing(() => {
        checkStepOptions(key, options);
        const { kind = 'step', fingerprint = '' } = options;
        return ask({ key, kind, fingerprint, begin: () => steps.begin({ key, body, options }) });
      }),
    sleep: (key, ms) =>
      refusing(() => {
        checkMs(`sleep ${key}`, ms);
        return sleepUntilTime(key, () => Math.ceil(core.storeNow() + ms));
      }),
    sleepUntil: (key, at) =>
      refusing(() => {
        const time = typeof at === 'number' ? at : at.getTime();
        checkMs(`sleepUntil ${key}`, time);
        return sleepUntilTime(key, () => time);
      }),
    receive: <T extends Json>(key: string, options: ReceiveOptions = {}) =>
      refusing(() => {
        checkReceiveOptions(key, options);
        const { timeoutMs } = options;
        const until = timeoutMs === undefined ? {} : { until: () => Math.ceil(core.storeNow() + timeoutMs) };
        return wait<Received<T>>({ key, kind: 'signal', fingerprint: '', ...until }, (recorded) =>
          recorded.timedOut || !recorded.outcome.ok
            ? { timedOut: true }
            : { timedOut: false, value: ownCopy(recorded.outcome.value) as T },
        );
      }),
    request: (key, spec) =>
      refusing(() => {
        const { kind, body: given, schema: form, expiresInMs, signal } = spec;
        if (!run.attended)
          throw new PrusikError('RUN_UNATTENDED', `Nobody is there to answer ${key}: the run was started unattended`);
        signal?.throwIfAborted();
        const schema = form && bounded(`schema of request ${key}`, form, limits.maxValueBytes);
        const body = bounded(`body of request ${key}`, given, limits.maxValueBytes);
        checkRequestSpec(key, spec);
        return wait<Decision & { readonly request: string }>({
          key,
          kind: 'request',
          fingerprint: hashJson([kind, body]),
          ...(signal === undefined ? {} : { signal }),
          request: () => ({
            id: derivedUuid('request', run.key.tenant, run.key.run, key),
            kind,
            stepKey: key,
            body,
            ...(schema === undefined ? {} : { schema: schema as JsonObject }),
            expiresAt: expiresInMs === undefined ? null : Math.ceil(core.storeNow() + expiresInMs),
          }),
        });
      }),
    child: <Output>(key: string, definition: string, input: Json, given: ChildOptions = {}) =>
      refusing(() => {
        if (comesLate(key)) return new Promise<never>(() => {});
        // One on record was started: what has fired since cancels its child.
        if (!delivery.isOnRecord(key)) given.signal?.throwIfAborted();
        delivery.reserve(key);
        return callChild<Output>(key, definition, input, given);
      }),
    partial(reason) {
      refuseInsideStep('ctx.partial');
      const given = bounded('reason of a partial output', partialReason(reason), limits.maxNoteBytes);
      // What was missing first is why; what is missing after it mostly follows from it.
      status.partial ??= given as unknown as PartialReason;
    },
    now: () => delivery.delivered().at,
    uuid: (key) => derivedUuid('uuid', run.key.tenant, run.key.run, key),
    random: (key) => derivedRandom('random', run.key.tenant, run.key.run, key),
    emit(name, data) {
      refuseInsideStep('ctx.emit');
      const note = {
        type: 'note' as const,
        name: noteName(name),
        data: bounded('data of a note', data, limits.maxNoteBytes),
      };
      notes += 1;
      // Counted, not keyed: outcomes come in one order, so the n-th note of a replay is the n-th that is on record; so it is with what is measured.
      if (core.over() || notes <= state.notes) return;
      committer.defer(note);
    },
    metrics: metricsTo((measurement) => {
      refuseInsideStep('ctx.metrics');
      measurements += 1;
      if (core.over() || measurements <= state.measurements) return;
      committer.measure(measurement);
    }),
  };
}

/** A promise that the function dropped (the loser of a race, a child nobody awaits) must not end the process as unhandled. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

function noteName(name: unknown): string {
  if (typeof name !== 'string' || name.length > NOTE_NAME_LIMIT)
    throw new TypeError(`The name of a note is a string of at most ${NOTE_NAME_LIMIT} characters`);
  return name;
}
