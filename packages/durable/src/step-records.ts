import {
  PrusikError,
  sparse,
  type Amount,
  type LedgerChange,
  type Outcome,
  type RunOutcome,
  type Spent,
  type StepEnd,
  type StepIntent,
  type StepPause,
} from '@prusik/core';
import type { Part } from './combine-parts.ts';
import type { PartResult } from './committer.ts';
import type { DriveCore } from './drive-core.ts';
import type { Execution } from './execute-step.ts';
import { noRoomError } from './no-room.ts';
import { LONGEST_IN_MEMORY_MS, type PausedStep } from './pending-step.ts';
import type { Pause } from './retry.ts';
import type { RunSlots } from './step-slots.ts';
import type { StepSpec } from './step-spec.ts';

/** The commits of a step: its intent, and then its pause or its outcome. */
export interface StepRecords {
  /** Says why the step must not run. */
  commitIntent(
    spec: StepSpec,
    attempt: number,
    reserved: Amount | undefined,
    charge: LedgerChange | undefined,
  ): Promise<IntentRefusal | undefined>;
  /** A short pause is kept in memory, unless it has something to `record`; a long one is recorded. */
  putOff(spec: StepSpec, pause: Pause, what: PauseDetails): Promise<PausedStep>;
  /** Says no where a message that the step absorbed was withdrawn: then nothing is recorded. */
  recordOutcome(spec: StepSpec, outcome: Outcome, details: OutcomeDetails): Promise<boolean>;
}

/** `held`: the step may run once others have settled what they hold. */
export interface IntentRefusal {
  readonly error: PrusikError;
  readonly held: boolean;
}

/** What is recorded beside a pause. */
export interface PauseDetails {
  readonly error: StepPause['error'];
  readonly record: boolean;
  readonly spent: Spent;
  readonly ledger: LedgerChange | undefined;
}

/** What is recorded beside an outcome. */
export interface OutcomeDetails {
  readonly attempt: number;
  readonly durationMs?: number;
  readonly messages?: Extract<Execution, { settled: 'outcome' }>['messages'];
  readonly absorbed?: readonly string[];
  readonly notes?: Extract<Execution, { settled: 'outcome' }>['notes'];
  readonly slots?: Extract<Execution, { settled: 'outcome' }>['slots'];
  readonly blobs?: readonly string[];
  readonly denied?: StepEnd['denied'];
  readonly usage?: StepEnd['usage'];
  readonly costMicros?: number;
  readonly facts?: StepEnd['facts'] | undefined;
  readonly measurements?: StepEnd['measurements'] | undefined;
  readonly settledBy?: StepEnd['settledBy'];
  readonly ledger?: LedgerChange | undefined;
  /** The run ends with it. */
  readonly end?: RunOutcome;
  /** Intents of the steps that it leads to. */
  readonly announced?: readonly StepIntent[];
}

function blobsOf(outcome: Outcome, named: readonly string[] = []): readonly string[] | undefined {
  const own = outcome.ok && outcome.blob !== undefined ? [outcome.blob.hash] : [];
  return someOrNone([...own, ...named]);
}

/** `onEnded` is told of a step that has ended its run, before the drive is over. */
export function createStepRecords(core: DriveCore, slots: RunSlots, onEnded: (key: string) => void): StepRecords {
  const { state, committer } = core;

  async function commitIntent(
    spec: StepSpec,
    attempt: number,
    reserved: Amount | undefined,
    charge: LedgerChange | undefined,
  ): Promise<IntentRefusal | undefined> {
    const { key, options } = spec;
    const intent: StepIntent = {
      type: 'step-intent',
      key,
      kind: options.kind ?? 'step',
      fingerprint: options.fingerprint ?? '',
      effect: options.effect ?? 'repeatable',
      attempt,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(reserved === undefined ? {} : { reserved }),
      ...(options.claimRequest === undefined ? {} : { request: options.claimRequest }),
    };
    // The second execution of an approved step in doubt, let by a person, does not use up the approval again.
    const claims = options.claimRequest !== undefined && state.claimed.get(key) !== options.claimRequest;
    const ledger = reserved === undefined ? charge : { ...charge, reserve: reserved };
    const result = await committer.stage({
      entries: [intent],
      ...(claims ? { claimRequest: options.claimRequest } : {}),
      ...(ledger ? { ledger } : {}),
    });
    if (result.ok) return undefined;
    const { code, noRoom } = result;
    if (noRoom === undefined) return { error: new PrusikError(code, `Step ${key} was refused: ${code}`), held: false };
    const wanted = reserved?.[noRoom.dimension as keyof Amount] ?? 0;
    return { error: noRoomError(`Step ${key}`, wanted, noRoom), held: noRoom.held };
  }

  async function putOff(spec: StepSpec, { ms, tries }: Pause, what: PauseDetails): Promise<PausedStep> {
    const { key, options } = spec;
    const { error, spent, ledger } = what;
    const until = Math.ceil(core.storeNow() + ms);
    const isShort = ms <= LONGEST_IN_MEMORY_MS;
    if (isShort) core.observed()?.retry(key, error.code, ms);
    if (isShort && !what.record) return { spec, tries, intended: state.intents.has(key), until, spent };
    const pause: StepPause = {
      type: 'step-pause',
      key,
      kind: options.kind ?? 'step',
      fingerprint: options.fingerprint ?? '',
      attempt: tries.executions,
      failures: tries.failures,
      capacityMs: tries.capacityMs,
      until,
      error,
      ...spent,
      ...(options.name === undefined ? {} : { name: options.name }),
    };
    const result = await committer.stage({ entries: [pause], progress: true, ...(ledger ? { ledger } : {}) });
    if (!result.ok) refusedRecord(`The pause of step ${key}`, result.code, key);
    else if (!isShort) core.observed()?.end(key, true);
    return { spec, tries, intended: false, until, spent };
  }

  async function recordOutcome(spec: StepSpec, outcome: Outcome, details: OutcomeDetails): Promise<boolean> {
    const { key, options } = spec;
    const { absorbed = [], announced = [] } = details;
    const end = sparse<StepEnd>({
      type: 'step-end',
      key,
      kind: options.kind ?? 'step',
      fingerprint: options.fingerprint ?? '',
      attempt: details.attempt,
      outcome,
      durationMs: details.durationMs ?? 0,
      name: options.name,
      messages: undefined,
      absorbed: someOrNone(absorbed),
      usage: details.usage,
      costMicros: details.costMicros,
      denied: details.denied,
      settledBy: details.settledBy,
      facts: details.facts,
      measurements: details.measurements,
    });
    const part = sparse<Part>({
      entries: [end, ...announced],
      progress: true,
      messages: someOrNone(details.messages),
      absorb: someOrNone(absorbed),
      notes: someOrNone(details.notes),
      slots: someOrNone(details.slots),
      blobs: blobsOf(outcome, details.blobs),
      ledger: details.ledger,
    });
    if (details.end !== undefined && (await endWith(key, part, details.end))) return true;
    const result = await stageLeading(part, end, announced);
    if (!result.ok) slots.forget();
    if (!result.ok && result.code === 'STEER_WITHDRAWN') return false;
    if (!result.ok) refusedRecord(`The outcome of step ${key}`, result.code, key);
    return true;
  }

  /** Intents that go ahead are a hint, and must not cost the outcome: what is refused with them goes without. */
  async function stageLeading(part: Part, end: StepEnd, announced: readonly StepIntent[]): Promise<PartResult> {
    const answered = committer.stage(part);
    core.announced.announce(announced, answered);
    const result = await answered;
    if (result.ok) return result;
    core.announced.forget(announced);
    if (announced.length === 0 || result.code === 'STEER_WITHDRAWN') return result;
    return committer.stage({ ...part, entries: [end] });
  }

  /** Both in one commit, or neither: what is refused together may go in two. */
  async function endWith(key: string, part: Part, end: RunOutcome): Promise<boolean> {
    const answer = await committer.stage({
      ...part,
      entries: [...part.entries, { type: 'run-end', ...end }],
      transition: { type: 'end', ...end },
    });
    if (!answer.ok) return false;
    onEnded(key);
    core.finish('ended', 'ended');
    return true;
  }

  function refusedRecord(what: string, code: string, key: string): void {
    core.halt({ type: 'block', code, message: `${what} was refused: ${code}`, key });
  }

  return { commitIntent, putOff, recordOutcome };
}

const someOrNone = <T>(list: readonly T[] | undefined): readonly T[] | undefined =>
  list === undefined || list.length === 0 ? undefined : list;
