import { deserializeError, PrusikError, type StepKind, type WaitKind } from '@prusik/core';
import type { JournalState, Recorded } from './journal-state.ts';

/** One call of the function on its context. */
export interface Call {
  readonly key: string;
  readonly kind: StepKind | WaitKind;
  readonly fingerprint: string;
  /** Acts, for a call without a recorded outcome. */
  begin(): void;
  resolve(recorded: Recorded): void;
  reject(error: unknown): void;
}

/**
 * Hands recorded outcomes to the function: one at a time, in `seq` order, live and in replay alike, so that a race has the same winner
 * again. Calls without a record are held back until every outcome that was on record at the start has been handed over: a
 * build that diverges must be found out before it acts.
 */
export interface Delivery {
  /** Takes a call in. @throws {PrusikError} `STEP_KEY_REUSED` */
  ask(call: Call): void;
  /** An outcome was committed. */
  push(recorded: Recorded): void;
  /** Hands over the next outcome, if the function has asked for it; says whether it did. */
  deliverNext(): boolean;
  /** Begins the calls that were held back, once nothing on record is left. */
  release(): void;
  /** Begins nothing from now on. */
  hold(): void;
  /** Rejects every later call at once, and the ones without an outcome by {@link Delivery.rejectNext}. */
  close(error: PrusikError): void;
  /** Rejects the oldest call that has no outcome; says whether there was one. */
  rejectNext(): boolean;
  /** The next outcome, which the function has not asked for. */
  readonly unasked: Recorded | undefined;
  /** Keys that the function waits for, whether new or on record behind what it has not asked for. */
  readonly asked: readonly string[];
  /** Whether this key was asked for in this drive. */
  hasAsked(key: string): boolean;
  readonly delivered: { readonly messages: number; readonly at: number };
}

export interface DeliveryOptions {
  readonly state: JournalState;
  /** The same key with another kind or fingerprint. */
  readonly onDiverged: (difference: string) => void;
  readonly wake: () => void;
}

export function createDelivery({ state, onDiverged, wake }: DeliveryOptions): Delivery {
  const calls = new Map<string, Call>();
  const unsettled = new Set<Call>();
  const queue: Recorded[] = [...state.outcomes.values()];
  let next = 0;
  /** How many of the queue were on record before this drive. */
  const replayed = queue.length;
  let held: Call[] = [];
  let closed: PrusikError | undefined;
  let paused = true;
  let messages = 0;
  let at = state.startedAt;

  const diverges = (call: Call): string | undefined => {
    const known = state.outcomes.get(call.key) ?? state.intents.get(call.key) ?? state.waits.get(call.key);
    if (known === undefined) return undefined;
    if (known.kind !== call.kind)
      return `${call.key} is recorded as a ${known.kind}, and was asked for as a ${call.kind}`;
    if (known.fingerprint !== call.fingerprint)
      return `${call.key} is recorded with fingerprint ${known.fingerprint}, and was asked for with ${call.fingerprint}`;
    return undefined;
  };

  return {
    get unasked() {
      return queue[next];
    },
    get asked() {
      return [...unsettled].map((call) => call.key);
    },
    hasAsked: (key) => calls.has(key),
    get delivered() {
      return { messages, at };
    },
    ask(call) {
      if (closed !== undefined) return call.reject(closed);
      if (calls.has(call.key)) {
        throw new PrusikError(
          'STEP_KEY_REUSED',
          `The key ${call.key} was used twice in one run; every call on the context needs a key of its own`,
        );
      }
      calls.set(call.key, call);
      unsettled.add(call);
      const difference = diverges(call);
      if (difference !== undefined) {
        onDiverged(difference);
      } else if (!state.outcomes.has(call.key)) {
        if (!paused && next >= replayed) call.begin();
        else held.push(call);
      }
      wake();
    },
    push(recorded) {
      queue.push(recorded);
      wake();
    },
    deliverNext() {
      const recorded = queue[next];
      if (recorded === undefined) return false;
      const call = calls.get(recorded.key);
      if (call === undefined) return false;
      next += 1;
      messages += recorded.messages;
      at = recorded.at;
      unsettled.delete(call);
      call.resolve(recorded);
      return true;
    },
    release() {
      if (next < replayed) return;
      paused = false;
      const ready = held;
      held = [];
      for (const call of ready) call.begin();
    },
    hold() {
      paused = true;
    },
    close(error) {
      closed = error;
      held = [];
    },
    rejectNext() {
      const [call] = unsettled;
      if (call === undefined || closed === undefined) return false;
      unsettled.delete(call);
      call.reject(closed);
      return true;
    },
  };
}

/** The function may change what it gets; what a store in memory holds is frozen. */
function ownCopy(value: unknown): unknown {
  return typeof value === 'object' && value !== null && Object.isFrozen(value) ? structuredClone(value) : value;
}

/** Settles a promise with what a journal says. */
export function settleWith<T>(recorded: Recorded, resolve: (value: T) => void, reject: (error: unknown) => void): void {
  if (recorded.outcome.ok) resolve(ownCopy(recorded.outcome.value) as T);
  else reject(deserializeError(recorded.outcome.error));
}
