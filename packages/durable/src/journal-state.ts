import {
  PrusikError,
  type Entry,
  type EntryStamp,
  type Outcome,
  type PartialReason,
  type Run,
  type RunBlock,
  type SerializedError,
  type StepIntent,
  type StepKind,
  type StepPause,
  type Store,
  type TraceContext,
  type WaitKind,
  type WaitStart,
} from '@prusik/core';

/** An outcome of the journal, waiting to be handed to the function. */
export interface Recorded {
  readonly seq: number;
  readonly at: number;
  readonly key: string;
  readonly kind: StepKind | WaitKind;
  readonly fingerprint: string;
  readonly outcome: Outcome;
  readonly messages: number;
  readonly timedOut: boolean;
  /** Of a child's output that is not whole. */
  readonly partial?: PartialReason;
}

/** A run's journal, folded: all that a drive needs to know of the past. Grows by {@link foldEntry} as commits succeed. */
export interface JournalState {
  seq: number;
  at: number;
  /** Time of entry 1: what `now()` says before anything was delivered. */
  startedAt: number;
  /** Outcomes that the function was not given yet, by key, in `seq` order. */
  readonly outcomes: Map<string, Recorded>;
  /** Steps that were begun and have no outcome. */
  readonly intents: Map<string, StepIntent>;
  /** The last pause of steps that have no outcome. */
  readonly pauses: Map<string, StepPause>;
  /** Waits that were begun and have no outcome. */
  readonly waits: Map<string, EntryStamp & WaitStart>;
  /** How often a step was begun, for its attempt number. */
  readonly attempts: Map<string, number>;
  /** Requests whose one use was taken by the intent of a step, by its key, whatever became of it. */
  readonly claimed: Map<string, string>;
  notes: number;
  /** By its function; what a step measures stands in its outcome. */
  measurements: number;
  /** Messages that the run's own steps added to its thread. */
  messages: number;
  cancelled: string | undefined;
  /** The deadline was met: outcomes after it are on record, but no function was given them. */
  expired: boolean;
  /** The block that nobody has resolved yet. */
  block: RunBlock | undefined;
  /** A person chose that the run fails. */
  failed: SerializedError | undefined;
  /** How often the run was blocked: names the next intervention. */
  blocks: number;
  /** Where its caller, the first drive that has committed something, and the last one stood in a trace; and when the last one parked or blocked the run, if it did. */
  readonly past: { caller?: TraceContext; first?: TraceContext; before?: TraceContext; parkedAt?: number };
}

export function emptyJournal(): JournalState {
  return {
    seq: 0,
    at: 0,
    startedAt: 0,
    outcomes: new Map(),
    intents: new Map(),
    pauses: new Map(),
    waits: new Map(),
    attempts: new Map(),
    claimed: new Map(),
    notes: 0,
    measurements: 0,
    messages: 0,
    cancelled: undefined,
    expired: false,
    block: undefined,
    failed: undefined,
    blocks: 0,
    past: {},
  };
}

/** Adds one committed entry. */
export function foldEntry(state: JournalState, entry: Entry): void {
  state.seq = entry.seq;
  state.at = entry.at;
  switch (entry.type) {
    case 'step-intent':
      state.intents.set(entry.key, entry);
      if (entry.request !== undefined) state.claimed.set(entry.key, entry.request);
      state.attempts.set(entry.key, entry.attempt);
      return;
    case 'step-pause':
      // What was put off is in no doubt.
      state.intents.delete(entry.key);
      // What nobody has asked for need not be asked for.
      if (!entry.unasked) state.pauses.set(entry.key, entry);
      state.attempts.set(entry.key, entry.attempt);
      return;
    case 'step-end':
      state.intents.delete(entry.key);
      state.pauses.delete(entry.key);
      state.attempts.delete(entry.key);
      state.claimed.delete(entry.key);
      state.messages += entry.messages?.count ?? 0;
      return record(state, entry, entry.messages?.count ?? 0, false);
    case 'wait-start':
      state.waits.set(entry.key, entry);
      return;
    case 'wait-end':
      state.waits.delete(entry.key);
      return record(state, entry, 0, entry.timedOut ?? false, entry.partial);
    case 'note':
      state.notes += 1;
      return;
    case 'measure':
      state.measurements += entry.measurements.length;
      return;
    case 'run-block':
      state.block = entry;
      state.past.parkedAt = entry.at;
      state.blocks += 1;
      if (entry.charged !== undefined)
        for (const [key, { reserved: _, ...intent }] of state.intents) state.intents.set(key, intent);
      return;
    case 'run-unblock':
      if (entry.choice === 'fail' && entry.key === undefined) {
        state.failed = {
          code: state.block?.code ?? 'RUN_FAILED',
          message: state.block?.message ?? 'A person let the run fail',
        };
      }
      state.block = undefined;
      // A person said that the effect did not happen: the step starts afresh.
      if (entry.choice === 'retry' && entry.key !== undefined) state.intents.delete(entry.key);
      return;
    case 'run-cancel':
      state.cancelled = entry.reason;
      return;
    case 'run-deadline':
      state.expired = true;
      return;
    case 'run-start':
      state.startedAt = entry.at;
      if (entry.trace !== undefined) state.past.caller = entry.trace;
      return;
    case 'run-claim':
      delete state.past.parkedAt;
      if (entry.trace === undefined) return;
      state.past.first ??= entry.trace;
      state.past.before = entry.trace;
      return;
    case 'run-park':
      state.past.parkedAt = entry.at;
      return;
    case 'run-end':
      return;
    default:
      entry satisfies never;
      // An entry of a newer release: it must not be skipped, since it may carry an outcome.
      throw new TypeError(`Entry ${(entry as Entry).seq} has the unknown type ${(entry as Entry).type}`);
  }
}

function record(
  state: JournalState,
  entry: Pick<Recorded, 'seq' | 'at' | 'key' | 'kind' | 'fingerprint' | 'outcome'>,
  messages: number,
  timedOut: boolean,
  partial?: PartialReason,
): void {
  if (state.expired) return;
  const { seq, at, key, kind, fingerprint, outcome } = entry;
  const more = partial === undefined ? {} : { partial };
  state.outcomes.set(key, { seq, at, key, kind, fingerprint, outcome, messages, timedOut, ...more });
}

const PAGE = 1_000;

/**
 * Reads a run's journal by pages and folds it. Of a run that nobody has driven yet there is nothing to read that its row does not say, but for where its
 * caller stood in a trace, if anybody asks.
 */
export async function loadJournal(
  state: JournalState,
  store: Store,
  { key: run, seq, createdAt }: Run,
  withTrace: boolean,
): Promise<void> {
  if (seq === 1 && !withTrace) {
    state.seq = 1;
    state.at = createdAt;
    state.startedAt = createdAt;
    return;
  }
  for (;;) {
    const page = await store.entries(run, { after: state.seq, limit: PAGE });
    for (const entry of page) {
      if (entry.seq !== state.seq + 1)
        throw new PrusikError('STORE_CORRUPT', `Entry ${state.seq + 1} of run ${run.run} is missing`);
      foldEntry(state, entry);
    }
    if (page.length < PAGE) return;
  }
}
