import { deserializeError, PrusikError, toJson, type StepKind, type WaitKind } from '@prusik/core';
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
  /** The journal is loaded: what is on record now is handed over before anything new. */
  begin(): void;
  /** Takes a call in. @throws {PrusikError} `STEP_KEY_REUSED`, and what {@link Delivery.close} was told */
  ask(call: Call): void;
  /** Keeps a key for a call that is being looked at. @throws {PrusikError} `STEP_KEY_REUSED`, and what {@link Delivery.close} was told */
  reserve(key: string): void;
  /** The call is asked for now, or never. */
  free(key: string): void;
  /** Whether something of this key is on record that was not handed over. */
  isOnRecord(key: string): boolean;
  /** Hands over the next outcome, if the function has asked for it and its value is here; says whether it did. */
  deliverNext(): boolean;
  /** The next outcome, if the function has asked for it and its value stands in a blob. */
  toLoad(): Recorded | undefined;
  /** The same outcome, with its value. */
  loaded(recorded: Recorded): void;
  /** Begins calls that were held back, once nothing on record is left, no more than one turn should have to; says whether there are others. */
  release(): boolean;
  /** Begins nothing from now on. */
  hold(): void;
  /** Refuses every later call, and rejects the ones without an outcome by {@link Delivery.rejectNext}. */
  close(error: PrusikError): void;
  /** Rejects the oldest call that has no outcome; says whether there was one. */
  rejectNext(): boolean;
  /** The next outcome, which the function has not asked for. */
  unasked(): Recorded | undefined;
  /** Keys that the function waits for, whether new or on record behind what it has not asked for. */
  asked(): readonly string[];
  /** Whether this key was asked for in this drive. */
  hasAsked(key: string): boolean;
  delivered(): { readonly messages: number; readonly at: number };
}

export interface DeliveryOptions {
  readonly state: JournalState;
  /** The same key with another kind or fingerprint. */
  readonly onDiverged: (difference: string) => void;
  readonly wake: () => void;
}

const BEGUN_A_TURN = 200;

export function createDelivery({ state, onDiverged, wake }: DeliveryOptions): Delivery {
  const keys = new Set<string>();
  const reserved = new Set<string>();
  /** Calls without an outcome. What was handed over is let go: a run of many steps must not hold what each of them gave. */
  const unsettled = new Map<string, Call>();
  /** How many outcomes that were on record before this drive are still to be handed over. */
  let replaying = 0;
  // One iterator for as long as it yields: a new one would step over every outcome that was taken out before.
  let upcoming = state.outcomes.values();
  let next: Recorded | undefined;
  let held: Call[] = [];
  let closed: PrusikError | undefined;
  let paused = true;
  let messages = 0;
  let at = state.startedAt;

  function refuseReuse(key: string): void {
    if (!keys.has(key) && !reserved.has(key)) return;
    throw new PrusikError(
      'STEP_KEY_REUSED',
      `The key ${key} was used twice in one run; every call on the context needs a key of its own`,
    );
  }

  const onRecord = (key: string): Pick<Call, 'kind' | 'fingerprint'> | undefined =>
    state.outcomes.get(key) ?? state.intents.get(key) ?? state.waits.get(key) ?? state.pauses.get(key);

  const diverges = (call: Call): string | undefined => {
    const known = onRecord(call.key);
    if (known === undefined) return undefined;
    if (known.kind !== call.kind)
      return `${call.key} is recorded as a ${known.kind}, and was asked for as a ${call.kind}`;
    if (known.fingerprint !== call.fingerprint)
      return `${call.key} is recorded with fingerprint ${known.fingerprint}, and was asked for with ${call.fingerprint}`;
    return undefined;
  };

  function peek(): Recorded | undefined {
    if (state.outcomes.size === 0) return undefined;
    next ??= upcoming.next().value;
    if (next === undefined && state.outcomes.size > 0) {
      upcoming = state.outcomes.values();
      next = upcoming.next().value;
    }
    return next;
  }

  return {
    begin() {
      replaying = state.outcomes.size;
      upcoming = state.outcomes.values();
      at = state.startedAt;
    },
    unasked: peek,
    asked: () => [...unsettled.keys()],
    hasAsked: (key) => keys.has(key),
    isOnRecord: (key) => onRecord(key) !== undefined,
    reserve(key) {
      if (closed !== undefined) throw closed;
      refuseReuse(key);
      reserved.add(key);
    },
    free(key) {
      reserved.delete(key);
    },
    delivered: () => ({ messages, at }),
    ask(call) {
      if (closed !== undefined) throw closed;
      refuseReuse(call.key);
      keys.add(call.key);
      unsettled.set(call.key, call);
      const difference = diverges(call);
      if (difference !== undefined) {
        onDiverged(difference);
      } else if (!state.outcomes.has(call.key)) {
        if (!paused && replaying === 0 && held.length === 0) call.begin();
        else held.push(call);
      }
      wake();
    },
    deliverNext() {
      const recorded = peek();
      if (recorded === undefined || isInBlob(recorded)) return false;
      const call = unsettled.get(recorded.key);
      if (call === undefined) return false;
      next = undefined;
      state.outcomes.delete(recorded.key);
      replaying = Math.max(0, replaying - 1);
      messages += recorded.messages;
      at = recorded.at;
      unsettled.delete(recorded.key);
      call.resolve(recorded);
      return true;
    },
    toLoad() {
      const recorded = peek();
      return recorded !== undefined && isInBlob(recorded) && unsettled.has(recorded.key) ? recorded : undefined;
    },
    loaded(recorded) {
      next = recorded;
    },
    release() {
      if (replaying > 0) return false;
      paused = false;
      if (held.length > 0) for (const call of held.splice(0, BEGUN_A_TURN)) call.begin();
      return held.length > 0;
    },
    hold() {
      paused = true;
    },
    close(error) {
      closed = error;
      held = [];
    },
    rejectNext() {
      const call = unsettled.values().next().value;
      if (call === undefined || closed === undefined) return false;
      unsettled.delete(call.key);
      call.reject(closed);
      return true;
    },
  };
}

const isInBlob = ({ outcome }: Recorded): boolean => outcome.ok && outcome.blob !== undefined;

/** The function may change what it gets; what is recorded is frozen. */
export function ownCopy(value: unknown): unknown {
  return typeof value === 'object' && value !== null && Object.isFrozen(value) ? toJson(value) : value;
}

/** What a call comes to by what is recorded. @throws what it failed with. */
export function valueOf({ outcome }: Recorded): unknown {
  if (!outcome.ok) throw deserializeError(outcome.error);
  return ownCopy(outcome.value);
}
