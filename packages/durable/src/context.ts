import {
  blobsOf,
  checkCallOptions,
  childRunId,
  checkId,
  checkMessage,
  derivedRandom,
  derivedUuid,
  hashJson,
  partialReason,
  PrusikError,
  refusedCall,
  rightsOfChild,
  workspaceOf,
  type CallOptions,
  type ChildOptions,
  type ChildResult,
  type Decision,
  type DurableContext,
  type DurableDefinition,
  type InputScope,
  type Json,
  type JsonObject,
  type Message,
  type NewRun,
  type PartialReason,
  type Received,
  type ReceiveOptions,
  type Run,
  type RunInfo,
} from '@prusik/core';
import { bounded } from './bounded.ts';
import { budgetOf } from './budget-of.ts';
import { checkReceiveOptions, checkRequestSpec, checkStepOptions } from './check-calls.ts';
import { checkMs } from './check-numbers.ts';
import { delegationRights } from './delegation-rights.ts';
import { ownCopy, valueOf, type Call } from './delivery.ts';
import type { DriveParts } from './drive-parts.ts';
import type { EngineLimits } from './engine-types.ts';
import { refuseInsideStep } from './inside.ts';
import type { Recorded } from './journal-state.ts';
import { checkedTurn, inputHashOf } from './turn.ts';
import { reportLateCall } from './untracked.ts';
import { type WaitSpec } from './waits.ts';

const NOTE_NAME_LIMIT = 200;

export interface ContextOptions {
  readonly parts: DriveParts;
  /** Number of the thread's last message before the run's own steps added any. */
  readonly threadBase: number;
  readonly info: RunInfo;
  readonly deps: unknown;
}

export function runInfo(run: Run, attempt: number): RunInfo {
  return {
    key: run.key,
    root: run.root,
    depth: run.depth,
    definition: run.definition,
    context: run.context,
    attended: run.attended,
    rights: run.rights ?? {},
    ...(run.turn === undefined ? {} : { turn: run.turn }),
    attempt,
    ...(run.parent ? { parent: run.parent } : {}),
    ...(run.session === undefined ? {} : { session: run.session }),
    ...workspaceFor(run),
  };
}

/** The session's where there is one, so that a conversation goes on with its files. */
function workspaceFor({ key: { tenant, run }, parent, session, workspace }: Run): Pick<RunInfo, 'workspace'> {
  if (parent !== undefined) return workspace === undefined ? {} : { workspace };
  return { workspace: workspaceOf(session === undefined ? { tenant, run } : { tenant, session }) };
}

function workspaceOfChild(parent: Run, key: string, given: CallOptions['workspace']): Pick<NewRun, 'workspace'> {
  const { tenant, run } = parent.key;
  if (given === 'fork') return { workspace: workspaceOf({ tenant, run: childRunId(tenant, run, key) }) };
  return given === 'share' ? workspaceFor(parent) : {};
}

/** The context that a function gets. Its methods use no `this`, so they may be taken off it. */
export function createContext({ parts, threadBase, info, deps }: ContextOptions): DurableContext {
  const { core, steps, waits, thread, reads, whole, status } = parts;
  const { run, state, committer, delivery } = core;
  const { limits } = core.env;
  let notes = 0;
  /** A signal that outlives this drive must not hold it. */
  const listening = new Set<() => void>();
  void parts.over.then(() => listening.forEach((forget) => forget()));

  /** @throws for a key that is none, and inside a step's body */
  function comesLate(key: string): boolean {
    checkId('step key', key);
    refuseInsideStep(key);
    if (core.over()) reportLateCall(parts, key);
    return core.over();
  }

  /** One call on the context as a promise that a journal settles; it never settles once the drive is over. */
  function ask<T>(
    call: Pick<Call, 'key' | 'kind' | 'fingerprint' | 'begin'>,
    read: (recorded: Recorded) => T = (recorded) => valueOf(recorded) as T,
  ): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      if (comesLate(call.key)) return;
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
    });
    return promise;
  }

  function wait<T>(spec: WaitSpec, read?: (recorded: Recorded) => T): Promise<T> {
    return ask({ key: spec.key, kind: spec.kind, fingerprint: spec.fingerprint, begin: () => waits.begin(spec) }, read);
  }

  /** Everything about a call of a child that can be wrong. What is on record was in order when it was started. */
  async function lookAtCall(
    key: string,
    definition: string,
    input: Json,
    options: CallOptions,
    upTo: number | undefined,
  ): Promise<{ readonly fingerprint: string; readonly child: () => NewRun }> {
    // Of what was asked for, not of what the schema makes of it: a default may differ from replay to replay.
    const given = bounded(`input of child ${key}`, input, limits.maxValueBytes, 'RUN_INPUT_TOO_LARGE');
    const { workspace = 'none' } = options;
    const more = [
      ...(upTo === undefined ? [] : ['snapshot']),
      ...(workspace === 'none' ? [] : [`workspace: ${workspace}`]),
    ];
    const fingerprint = hashJson([definition, given, ...more]);
    if (delivery.isOnRecord(key)) return { fingerprint, child: notStarted };
    checkCallOptions(`child ${key}`, options);
    const found = core.env.definitions.get(definition);
    if (found === undefined) {
      const message = `There is no definition named ${definition} here: give the engine withChildren(…) of its caller, or a harness, which also makes those with other models`;
      throw new PrusikError('NO_DEFINITION', message, { meta: { definition } });
    }
    const levels = run.rights?.levels ?? limits.maxDepth - run.depth;
    if (!(levels > 0)) throw refusedCall('max_depth', { agent: definition, key });
    const parsed = await parseInput(found, input, limits, core.putBlob);
    const child = childRun(run, key, found, parsed, options, limits);
    return { fingerprint, child: () => (upTo === undefined ? child : { ...child, history: { upTo } }) };
  }

  /** A child that is still to be started when `signal` fires is not: what a replay holds back starts no later than the live run has given it up. */
  function childWait<T>(spec: WaitSpec, read: (recorded: Recorded) => T): Promise<T> {
    const call = wait(spec, read);
    const { key, signal } = spec;
    if (signal === undefined) return call;
    const withdraw = (): void => delivery.withdraw(key, signal.reason);
    signal.addEventListener('abort', withdraw, { once: true });
    const forget = (): void => {
      signal.removeEventListener('abort', withdraw);
      listening.delete(forget);
    };
    listening.add(forget);
    call.then(forget, forget);
    return call;
  }

  const sleepUntilTime = (key: string, until: () => number): Promise<void> =>
    wait({ key, kind: 'timer', fingerprint: '', until });

  return {
    run: info,
    deps,
    ...(core.env.forks === undefined ? {} : { forks: core.env.forks }),
    signal: whole.signal(),
    thread: {
      async read() {
        try {
          return await reads.ask(() => thread.readUpTo(threadBase + delivery.delivered().messages));
        } catch (cause) {
          // A store that is away must not fail the run: the drive ends, and the run goes on when the store is back.
          parts.lose('unavailable', cause);
          return new Promise<never>(() => {});
        }
      },
    },
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
      refusing(async () => {
        const { admit, ...options } = given;
        const { signal, onParentEnd = 'cancel', history = 'fresh' } = options;
        if (comesLate(key)) return new Promise<never>(() => {});
        delivery.reserve(key);
        let looked: Awaited<ReturnType<typeof lookAtCall>>;
        try {
          // One on record was started: what has fired since cancels its child.
          if (!delivery.isOnRecord(key)) signal?.throwIfAborted();
          // As the function has it now: what comes while the call waits for its place is no part of it.
          const upTo = history === 'snapshot' ? threadBase + delivery.delivered().messages : undefined;
          looked = await reads.ask(() => lookAtCall(key, definition, input, options, upTo));
          // Before the policy is asked, which would let it wait for a place that it has no use for.
          if (!delivery.isOnRecord(key)) signal?.throwIfAborted();
          await admit?.();
        } finally {
          delivery.free(key);
        }
        const { fingerprint, child } = looked;
        // It may have fired while the policy let it wait.
        if (!delivery.isOnRecord(key)) signal?.throwIfAborted();
        return childWait(
          {
            key,
            kind: 'child',
            fingerprint,
            child,
            leave: onParentEnd === 'leave',
            ...(signal === undefined ? {} : { signal }),
          },
          (recorded): ChildResult<Output> => ({
            run: childRunId(run.key.tenant, run.key.run, key),
            output: valueOf(recorded) as Output,
            ...(recorded.partial === undefined ? {} : { partial: recorded.partial }),
          }),
        );
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
      const note = {
        type: 'note' as const,
        name: noteName(name),
        data: bounded('data of a note', data, limits.maxNoteBytes),
      };
      notes += 1;
      // Counted, not keyed: outcomes come in one order, so the n-th note of a replay is the n-th that is on record.
      if (core.over() || notes <= state.notes) return;
      committer.defer(note);
    },
  };
}

function notStarted(): never {
  throw new TypeError('A child that is on record is not started again');
}

/** A promise that the function dropped (the loser of a race, a child nobody awaits) must not end the process as unhandled. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/** Whatever is wrong with a call rejects its promise, also what a check throws at once. */
function refusing<T>(call: () => Promise<T>): Promise<T> {
  try {
    return handled(call());
  } catch (error) {
    return handled(Promise.reject(error));
  }
}

export async function parseInput(
  definition: DurableDefinition<never, unknown, unknown>,
  input: unknown,
  { maxValueBytes }: EngineLimits,
  putBlob: InputScope['putBlob'],
): Promise<Json> {
  const parsed = definition.parseInput === undefined ? input : await definition.parseInput(input, { putBlob });
  return bounded('input of a run', parsed, maxValueBytes, 'RUN_INPUT_TOO_LARGE');
}

/** @throws {PrusikError} `MESSAGE_INVALID`, and `MESSAGE_ID_TAKEN` where two have one id */
export function openingMessages(
  definition: DurableDefinition<never, unknown, unknown>,
  input: Json,
): readonly Message[] {
  const messages = definition.openingMessages?.(input) ?? [];
  const ids = new Set<string>();
  for (const message of messages) {
    checkMessage(message);
    if (ids.has(message.id))
      throw new PrusikError('MESSAGE_ID_TAKEN', `${definition.name} begins with two messages of the id ${message.id}`, {
        meta: { message: message.id },
      });
    ids.add(message.id);
  }
  return messages;
}

/** Hashes of the blobs that a run's first messages name, and of others that it needs. */
export function blobsFor(messages: readonly Message[], more: readonly string[] = []): Pick<NewRun, 'blobs'> {
  const blobs = [...new Set([...more, ...messages.flatMap(blobsOf)])];
  return blobs.length === 0 ? {} : { blobs };
}

function noteName(name: unknown): string {
  if (typeof name !== 'string' || name.length > NOTE_NAME_LIMIT)
    throw new TypeError(`The name of a note is a string of at most ${NOTE_NAME_LIMIT} characters`);
  return name;
}

function childRun(
  parent: Run,
  key: string,
  definition: DurableDefinition<never, unknown, unknown>,
  input: Json,
  options: CallOptions,
  { maxValueBytes, maxResultBytes }: EngineLimits,
): NewRun {
  const budget = budgetOf(options.budget, definition);
  const rights = {
    ...rightsOfChild(parent.rights, options.rights),
    ...delegationRights(definition),
  };
  const turn = checkedTurn(definition, options.turn, maxValueBytes);
  const messages = openingMessages(definition, input);
  return {
    key: { tenant: parent.key.tenant, run: childRunId(parent.key.tenant, parent.key.run, key) },
    kind: definition.kind,
    definition: definition.name,
    version: definition.version,
    input,
    inputHash: inputHashOf(input, turn),
    ...(turn === undefined ? {} : { turn }),
    context:
      options.context === undefined ? parent.context : bounded('context of a child', options.context, maxValueBytes),
    priority: options.priority ?? parent.priority,
    attended: parent.attended,
    ...(Object.keys(rights).length === 0 ? {} : { rights }),
    ...workspaceOfChild(parent, key, options.workspace),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
    messages,
    ...blobsFor(messages),
    root: parent.root,
    parent: { run: parent.key.run, key, maxResultBytes: options.maxResultBytes ?? maxResultBytes },
    depth: parent.depth + 1,
    ...(budget === undefined ? {} : { budget }),
  };
}
