import {
  isFinal,
  PrusikError,
  readSlot,
  threadOfSession,
  type AnyDefinition,
  type CallInput,
  type CallOutput,
  type Json,
  type Message,
  type Run,
  type RunEvent,
  type SessionKey,
  type SignalResult,
  type Slot,
  type StoredMessage,
  type TurnOptions,
  type WhenBusy,
} from '@prusik/core';
import type { DriveOptions, Engine, EventOptions, RunResult, StartOptions } from '@prusik/durable';
import { cutAfter, lastRun, placeBefore, placeOfAnswer, type CutOptions, type Place } from './branching.ts';
import { closeSession, type CloseSessionOptions } from './close-session.ts';
import { readPage, readWindow, type HistoryPage, type HistoryQuery } from './history.ts';
import type { HistoryWindow, WindowLimits } from './history-window.ts';
import type { ResourceUse } from './shared-resources.ts';
import { replaceHistory, type ReplaceHistoryOptions } from './replace-history.ts';

/** How a run of a session is started. */
export interface SessionStartOptions extends Omit<StartOptions, 'tenant' | 'session'> {
  /**
   * What a message meets while another run holds the session, be it waiting for a person overnight. `refuse`: `SESSION_BUSY`. `queue`: a place in
   * a queue of at most 32 (`SESSION_QUEUE_FULL` past it), first come, first served. `steer`: the same, and a run of the same definition and context
   * takes it over at its next model call, after the results of the tools that are under way; what it does not take over has its turn. `withdraw`:
   * the same, and what the run and its children ask of people is withdrawn, so that it goes on with the message. @default 'refuse'
   */
  readonly whenBusy?: WhenBusy;
}

/** The same with a signal that stops driving the run, and does not cancel it. */
export type SessionRunOptions = SessionStartOptions & DriveOptions;

/** A message that takes another one's place cannot wait for its turn: the session must be free. */
export type EditOptions = Omit<SessionStartOptions, 'whenBusy'>;

/** Which answer is made again, and by whom. */
export interface RegenerateOptions extends Omit<EditOptions, 'messageId' | 'turnContext'> {
  /** Id of the user's message that is to be answered again. @default the last */
  readonly after?: string;
  /** Whose last run it is that is done again. @default that of whichever definition ran last */
  readonly definition?: AnyDefinition;
}

/**
 * One conversation: its messages, and the run that holds it. A handle; what it shows is in the store. Disposal gives its resources back and
 * ends nothing.
 */
export interface Session<Resources = undefined> extends AsyncDisposable {
  readonly key: SessionKey;
  /** What the sessions' `open` made for it. */
  readonly resources: Resources;
  /**
   * Stores a run with its user message, without driving it. The same `id` and input again is the same run.
   *
   * @throws {PrusikError} `SESSION_BUSY` (retryable) with `meta` `{ runId, status, requestIds }`, `SESSION_QUEUE_FULL`, `SESSION_CLOSED`,
   * `RUN_INPUT_MISMATCH`.
   */
  start<D extends AnyDefinition>(definition: D, input: CallInput<D>, options?: SessionStartOptions): Promise<Run>;
  /**
   * Starts (or finds) a run and drives it here, and the run that holds the session before it, until it ends or waits for something outside. Where
   * the message was taken over by another run, this is the result of that one.
   */
  run<D extends AnyDefinition, Options extends SessionRunOptions = SessionRunOptions>(
    definition: D,
    input: CallInput<D>,
    options?: Options,
  ): Promise<RunResult<Options extends { readonly turn: TurnOptions } ? Json : CallOutput<D>>>;
  /** The run that holds the session: running, waiting or blocked. */
  activeRun(): Promise<Run | undefined>;
  /** Events of one run of this session, on from a cursor. @throws {PrusikError} `RUN_UNKNOWN` for a run that is not this session's. */
  events(run: string, options?: EventOptions): AsyncIterableIterator<RunEvent>;
  /** A page of messages; the newest without a query. */
  history(query?: HistoryQuery): Promise<HistoryPage>;
  /** The end of the conversation within limits, never half a tool exchange. */
  window(limits?: WindowLimits): Promise<HistoryWindow>;
  /**
   * Puts these messages in the place of all there are, and returns the number of the last one. They are numbered on, so a number never
   * means another message than it did.
   *
   * @throws {PrusikError} `SESSION_BUSY` (retryable) while a run holds the session, `THREAD_MOVED`, `SESSION_CLOSED`, `SESSION_UNKNOWN`
   * before its first run, `BLOB_UNKNOWN` for a file that is not there, `MESSAGE_INVALID` for what is no message. Files that stand in messages as
   * base64 become blobs.
   */
  replace(messages: readonly Message[], options?: ReplaceHistoryOptions): Promise<number>;
  /** The same without messages: the conversation begins anew. */
  clear(options?: ReplaceHistoryOptions): Promise<number>;
  /**
   * Hides what follows the message of this id, and returns it. What is hidden stays on record, under its numbers, and can be read with
   * `history({ hidden: true })`.
   *
   * @throws {PrusikError} `MESSAGE_UNKNOWN`, `MESSAGE_IN_EXCHANGE` where the result of a tool follows, `SESSION_BUSY` (retryable), `THREAD_MOVED`
   * when a message has come meanwhile, `SESSION_CUTS_FULL` past 100 places, `SESSION_CLOSED`, `SESSION_UNKNOWN`.
   */
  cut(options: CutOptions): Promise<StoredMessage>;
  /**
   * Has the user's last message (or the one of this id) answered again: hides what followed it, and starts a run of the same definition, input and
   * context as the session's last one (or the last one of `definition`), in one write. Where several may talk, give the context of who asks. The same
   * `id` again is the same run, and hides nothing more.
   *
   * @throws {PrusikError} as `cut` and `start` do; `MESSAGE_NOT_THE_USERS`; `RUN_UNKNOWN` in a fork in which nothing has run yet.
   */
  regenerate(options?: RegenerateOptions): Promise<Run>;
  /**
   * Puts another message in the place of one of the user's: hides that and all that followed, and starts a run with this input, in one write. With
   * `messageId` the new message may have the id of the old one. The same `id` and input again is the same run, and hides nothing more.
   *
   * @throws {PrusikError} as `regenerate` does.
   */
  edit<D extends AnyDefinition>(
    messageId: string,
    definition: D,
    input: CallInput<D>,
    options?: EditOptions,
  ): Promise<Run>;
  /**
   * What a slot of the session holds now, as far as committed steps have written; tools write it (`scope.slots`).
   *
   * @throws {PrusikError} `SLOT_INVALID` for what is stored and does not fit the schema.
   */
  slot<Value>(slot: Slot<Value>): Promise<Value>;
  /** Asks the run that holds the session to cancel; nothing to do where there is none. Confirmed when the run's status says so. */
  cancel(reason?: string): Promise<SignalResult | undefined>;
  /**
   * Refuses new runs, cancels what runs or is queued and waits for their end, disposes the session's resources in this process for all who
   * have it open, and marks the session as closed last. Can be called again, by any process; what a crash left half done is then finished.
   *
   * @throws {PrusikError} `SESSION_BUSY` (retryable) when a cancelled run waits for a person in its clean-up; the session stays `closing`.
   */
  close(options?: CloseSessionOptions): Promise<void>;
}

export function createSession<Resources>(
  engine: Engine,
  key: SessionKey,
  { resource, leave }: ResourceUse<Resources>,
  endResources: () => Promise<void>,
): Session<Resources> {
  const { store } = engine;
  const { tenant } = key;
  const thread = threadOfSession(key);

  const inSession = <Options extends SessionStartOptions>({ whenBusy = 'refuse', ...rest }: Options) => ({
    ...rest,
    tenant,
    session: { id: key.session, whenBusy },
  });

  /** Whoever has started this run before has hidden what it hides. */
  const started = async (id: string | undefined): Promise<Run | undefined> =>
    id === undefined ? undefined : store.run({ tenant, run: id });

  const startingAt = (place: Place | undefined) => ({
    tenant,
    session: { id: key.session, whenBusy: 'refuse' as const, ...(place === undefined ? {} : { cut: place }) },
  });

  async function activeRun(): Promise<Run | undefined> {
    const found = await store.session(key);
    const run = found?.activeRun === undefined ? undefined : await store.run({ tenant, run: found.activeRun });
    return run === undefined || isFinal(run.status) ? undefined : run;
  }

  async function checkRun(id: string): Promise<void> {
    const run = await store.run({ tenant, run: id });
    if (run?.session === key.session) return;
    throw new PrusikError('RUN_UNKNOWN', `Session ${key.session} has no run ${id}`, { meta: { run: id } });
  }

  // Not a generator: one cannot be closed while its reader waits for the next event.
  function events(id: string, options?: EventOptions): AsyncIterableIterator<RunEvent> {
    const inner = engine.events({ tenant, run: id }, options);
    let checked: Promise<void> | undefined;
    const iterator: AsyncIterableIterator<RunEvent> = {
      ...inner,
      async next() {
        await (checked ??= checkRun(id));
        return inner.next();
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  return {
    key,
    resources: resource,
    start: (definition, input, options = {}) => engine.start(definition.name, input, inSession(options)),
    run: (definition, input, options) =>
      engine.run(definition.name, input, inSession<SessionRunOptions>(options ?? {})),
    activeRun,
    events,
    history: (query = {}) => readPage(store, thread, query),
    window: (limits = {}) => readWindow(store, thread, limits),
    replace: (messages, options = {}) => replaceHistory(store, key, messages, options),
    clear: (options = {}) => replaceHistory(store, key, [], options),
    cut: (options) => cutAfter(store, key, options),
    async regenerate({ after, definition, ...rest } = {}) {
      const existing = await started(rest.id);
      if (existing?.session === key.session) return existing;
      const place = await placeOfAnswer(store, key, after);
      const like = await lastRun(store, key, definition?.name);
      return engine.startAgain(like.key, { ...rest, ...startingAt(place) });
    },
    async edit(message, definition, input, options = {}) {
      const existing = await started(options.id);
      const place = existing === undefined ? await placeBefore(store, key, message) : undefined;
      return engine.start(definition.name, input, { ...options, ...startingAt(place) });
    },
    // The caller's own: the initial value is everybody's.
    slot: async (slot) => structuredClone(readSlot(slot, await store.slots(thread))),
    async cancel(reason) {
      const run = await activeRun();
      return run && engine.cancel(run.key, reason);
    },
    close: (options) => closeSession(engine, key, endResources, options),
    [Symbol.asyncDispose]: leave,
  };
}
