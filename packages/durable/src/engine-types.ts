import type {
  Budget,
  Clock,
  Decision,
  DurableDefinition,
  EventCursor,
  Json,
  Logger,
  NewId,
  Observer,
  PartialReason,
  Run,
  RunEvent,
  RunInfo,
  RunKey,
  SerializedError,
  Request,
  RequestQuery,
  RequestRef,
  SignalResult,
  StartCut,
  Store,
  StoreHealth,
  TurnOptions,
  WakeResult,
  WhenBusy,
  WorkspaceForks,
} from '@prusik/core';

/** What an engine is made of. */
export interface EngineOptions<Deps = unknown> {
  readonly store: Store;
  readonly definitions: readonly DurableDefinition<never, unknown, Deps>[];
  /** Live objects for the functions of one run, resolved at each claim. Disposed (if disposable) when the drive is over. */
  readonly deps?: (run: RunInfo) => Deps | Promise<Deps>;
  /** Where workspaces are forked for children that are called with `workspace: 'fork'` or `'share'`. @default none are */
  readonly forks?: WorkspaceForks;
  /**
   * Who may decide which request. Anything but `true` refuses, and the request stays open: a policy that throws, takes longer than ten seconds or
   * returns something else. @default everybody who has the engine
   */
  readonly canAnswer?: (responder: Responder) => boolean | Promise<boolean>;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default random UUIDs */
  readonly newId?: NewId;
  readonly limits?: Partial<EngineLimits>;
  /** Told what no caller is there to hear: a drive that failed on the store, a warning. @default a line of `logger`, else process.emitWarning */
  readonly onWarning?: (warning: EngineWarning) => void;
  /** Told of what is committed, in this order. Of what one of them throws there is a warning, `OBSERVER_FAILED`, and nothing else. @default none */
  readonly observers?: readonly Observer[];
  /** Takes lines for operators: see `logObserver` of core. It may be `console`, or one of pino's form. @default none are written */
  readonly logger?: Logger;
}

/** Something that no caller is there to hear. `code` is stable. */
export interface EngineWarning {
  readonly code: string;
  readonly message: string;
  readonly run?: RunKey;
  /** Of the step or wait that it is about, then of those that the run waits for. Authors may make keys of what users say, so no line and no warning of the process has them. */
  readonly keys?: readonly string[];
  readonly cause?: unknown;
}

/** Bounds of one engine: times in milliseconds, sizes in bytes of JSON. */
export interface EngineLimits {
  /** How long a claim holds without renewal. @default 30_000 */
  readonly leaseMs: number;
  /** @default 10_000 */
  readonly heartbeatMs: number;
  /** Quiet time before a drive with nothing but waits is parked. @default 1_000 */
  readonly parkAfterMs: number;
  /** How long a replay may wait for the next recorded key to be asked for while the function waits for others. @default 10_000 */
  readonly divergedAfterMs: number;
  /** Runs driven at once in this process. @default 16 */
  readonly slots: number;
  /** Leases lost since the last committed step before a run is blocked with `RUN_POISONED`. @default 5 */
  readonly maxLostLeases: number;
  /** How long a cancelled step, or a `once` step of a run that is given back, may take to stop. @default 10_000 */
  readonly cancelGraceMs: number;
  /** A step's outcome that stands in the journal, as JSON text; a larger one goes into a blob. @default 262_144 */
  readonly maxInlineOutcomeBytes: number;
  /** A step's outcome at all; past it `STEP_RESULT_TOO_LARGE`. @default 67_108_864 */
  readonly maxOutcomeBytes: number;
  /** How long a step may wait, in all, because whoever it asks has no room (HTTP 429, 503, 529); then the refusal is its outcome. @default 3_600_000 */
  readonly capacityWaitMs: number;
  /** The messages that one execution of a step appends, together; past it `STEP_RESULT_TOO_LARGE`. @default 8_388_608 */
  readonly maxMessageBytes: number;
  /**
   * A run's input, context or output, a signal's or request's body, a decision's value; past it `RUN_INPUT_TOO_LARGE`, `RUN_OUTPUT_TOO_LARGE` or
   * `VALUE_TOO_LARGE`. @default 1_048_576
   */
  readonly maxValueBytes: number;
  /** A child's output that its caller gets, where the call says nothing else; past it `CHILD_RESULT_TOO_LARGE`. @default 262_144 */
  readonly maxResultBytes: number;
  /** The data of a note (`ctx.emit`); past it `VALUE_TOO_LARGE`. @default 65_536 */
  readonly maxNoteBytes: number;
  /** Levels of children below a root, where neither it nor a call says how many; past it `DELEGATION_REFUSED`. @default 16 */
  readonly maxDepth: number;
}

/** How a run is started. */
export interface StartOptions {
  /** @default 'default' */
  readonly tenant?: string;
  /** The run's id: the same id and input again is the same run. @default a new id */
  readonly id?: string;
  /** The conversation that it belongs to, and what happens while another run holds that. @default none; `whenBusy` `'refuse'` */
  readonly session?: { readonly id: string; readonly whenBusy?: WhenBusy; readonly cut?: StartCut };
  /** Id of the user's message, which must be new in its conversation. @default made by the definition */
  readonly messageId?: string;
  /** How this turn of an agent is to end, in place of what the agent says of all. @default as the agent is defined */
  readonly turn?: TurnOptions;
  /** What the model is told of this turn besides, in a message of kind `context` before the user's. @default nothing */
  readonly turnContext?: readonly string[];
  /** Stored with the run, and the same for its children unless they say otherwise. @default null */
  readonly context?: Json;
  /** Higher is claimed first. @default 0 */
  readonly priority?: number;
  /** `false`: nobody is there to answer, so what asks a person is told so at once. Children inherit it. @default true */
  readonly attended?: boolean;
  /** What the run and all below it may spend, at most what the definition allows. Of a run that is there already the first one holds. @default the definition's */
  readonly budget?: Budget;
  /** Hashes of blobs that the input names: kept as long as the run is. */
  readonly blobs?: readonly string[];
  /**
   * When the run is to have ended, with all of its tree, in milliseconds from its start by the store's clock: past it the run ends with `RUN_DEADLINE`, unless its
   * function makes an output of that. The time in the queue of its session counts. @default no limit
   */
  readonly timeoutMs?: number;
}

/** How a run is driven. */
export interface DriveOptions {
  /**
   * Stops driving: steps that may be repeated are told to stop, `once` steps are waited for within `cancelGraceMs`, the run is given back and
   * stays resumable. It is not cancelled. The call rejects with the signal's reason.
   */
  readonly signal?: AbortSignal;
}

/** How long an engine is drained. */
export interface DrainOptions {
  /**
   * When to stop, whatever is left: milliseconds since the epoch, or a date. Leave room before the end of your host's time: steps of effect `once` may
   * take `cancelGraceMs` beyond it.
   */
  readonly until: number | Date;
  /** Stops at once, in the same way. The call rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Why draining ended. */
export type Drained =
  /** Nothing can be driven here now. `wakeAt`: when the next timer, or the lease of another worker, runs out, by the store's clock. */
  | { readonly outcome: 'drained'; readonly wakeAt: number | null }
  /** There was more to do; what was not finished was given back. */
  | { readonly outcome: 'time-up' };

/** What a person may say to a request; which kind takes what is {@link DECISIONS_OF}. */
export interface PersonDecision extends Omit<Decision, 'at' | 'status'> {
  readonly status: Exclude<Decision['status'], 'expired' | 'withdrawn'>;
}

/** `already`: it was closed before, `request` says how. */
export type Decided =
  | { readonly outcome: 'decided' | 'already'; readonly request: Request }
  | { readonly outcome: 'unknown' };

/** Somebody who wants to decide a request, as {@link EngineOptions.canAnswer} sees it. */
export interface Responder {
  readonly request: Request;
  readonly decision: PersonDecision;
  /** Who it is, as the caller says. */
  readonly by?: string;
  /** Of the run that asks: whom it works for. */
  readonly context: Json;
}

/** Which requests are watched. */
export interface WatchRequestsOptions extends Omit<RequestQuery, 'tenant' | 'status' | 'after' | 'limit' | 'by'> {
  /** @default 'default' */
  readonly tenant?: string;
  /** Ends the reading. */
  readonly signal?: AbortSignal;
}

/** Where a run stands when nobody can take it further here and now. */
export type RunResult<Output = Json> = { readonly run: RunKey } & (
  | {
      readonly status: 'completed';
      readonly output: Output;
      /** Why the output is not whole; missing where it is. */
      readonly partial?: PartialReason;
    }
  | { readonly status: 'failed' | 'cancelled'; readonly error: SerializedError }
  /** It waits for a person, a signal or a timer. */
  | {
      readonly status: 'waiting';
      /** What is asked of people in the whole tree. */
      readonly requests: readonly RequestRef[];
      /** When the next timer or deadline of the tree is due, by the store's clock. */
      readonly wakeAt: number | null;
      /** It stands in the queue of its session behind this run, and waits for what that waits for. */
      readonly heldBy?: RunKey;
    }
  /** It cannot go on without a decision about the open intervention. */
  | { readonly status: 'blocked'; readonly code: string; readonly request: string }
);

/** How an engine and its store stand. Numbers and codes only. */
export interface EngineHealth {
  readonly store: StoreHealth;
  /** Name under which this engine holds leases. */
  readonly worker: string;
  /** Workers that are running in this engine. */
  readonly workers: number;
  /** Runs that are driven here now, those included that wait here for a moment and use no place. */
  readonly drives: number;
  /** Places for runs that act. */
  readonly slots: { readonly total: number; readonly free: number };
  /** The last claim of a worker that the store refused, by this engine's clock; missing where there was none. */
  readonly claimError?: { readonly code: string; readonly at: number };
}

/** What {@link createEngine} makes. Every call may also reject with what the store rejects with, such as `STORE_UNAVAILABLE`. */
export interface Engine extends AsyncDisposable {
  readonly store: Store;
  /**
   * Stores a run without driving it. The same id, input, definition and session again is the run that exists.
   *
   * @throws {PrusikError} `NO_DEFINITION`, `RUN_INPUT_MISMATCH`, `RUN_INPUT_TOO_LARGE`, `VALUE_TOO_LARGE` (the context), `BLOB_UNKNOWN`,
   *   `MESSAGE_INVALID` (what the definition opens its thread with), `SESSION_BUSY` and `SESSION_QUEUE_FULL` (retryable, with `meta` `{ runId, status, requestIds }`), `SESSION_CLOSED`, `MESSAGE_ID_TAKEN`, with a cut `THREAD_MOVED` and
   *   `SESSION_CUTS_FULL`, `ENGINE_CLOSED`; whatever
   *   `parseInput` throws.
   * @throws {TypeError} for an id that cannot be one, an option that is none, or an input that JSON cannot hold.
   */
  start(definition: string, input: unknown, options?: StartOptions): Promise<Run>;
  /**
   * Stores a run of the definition, the input, the context, the turn options, the budget and the session of another one, without messages: what it is to answer is in its thread
   * already.
   *
   * @throws {PrusikError} `RUN_UNKNOWN`, and as `start` does.
   */
  startAgain(like: RunKey, options?: StartOptions): Promise<Run>;
  /**
   * Starts (or finds) a run and drives its whole tree here until it ends or nothing but outside events can move it. Never hangs on a person.
   *
   * @throws {PrusikError} as `start` and `drive` do.
   */
  run<Output = Json>(
    definition: string,
    input: unknown,
    options?: StartOptions & DriveOptions,
  ): Promise<RunResult<Output>>;
  /**
   * The same for a run that exists. While another process holds the run it follows it. A run that stands in its session's queue waits for its
   * turn here, and the run that holds the session is driven too; one that another run has absorbed gives the result of that one, whose key it names.
   *
   * @throws {PrusikError} `RUN_UNKNOWN`, `NO_DEFINITION`, `RUN_NESTED` (inside a function or step of this engine), `ENGINE_CLOSED`; the reason of
   *   `signal`, unwrapped.
   */
  drive<Output = Json>(key: RunKey, options?: DriveOptions): Promise<RunResult<Output>>;
  /** Drives whatever is runnable, in the background, until disposed; then it gives back what it drives. Keeps the process alive. */
  worker(): AsyncDisposable;
  /**
   * Drives whatever is runnable until nothing is, or the time is up: a worker for hosts that live as long as a request.
   *
   * @throws {PrusikError} `RUN_NESTED`, `ENGINE_CLOSED`; the reason of `signal`, unwrapped. @throws {TypeError} when `until` is no time.
   */
  drain(options: DrainOptions): Promise<Drained>;
  /** Sends a signal, which `ctx.receive(signalKey)` takes; the first per key wins. @throws {PrusikError} `VALUE_TOO_LARGE` */
  signal(key: RunKey, signalKey: string, body: Json): Promise<SignalResult>;
  /** Makes a waiting run look again at what it waits for; timers stay what they were. A blocked run is refused: it waits for a person. */
  wake(key: RunKey): Promise<WakeResult>;
  /** Asks a run to cancel. Confirmed when its status says so. */
  cancel(key: RunKey, reason?: string): Promise<SignalResult>;
  /**
   * Decides a request of this run: of two deciders one wins, and the other is told what was decided. Whatever is refused leaves it open.
   *
   * @throws {PrusikError} `REQUEST_KIND` (its kind takes no such decision), `RESPONDER_REFUSED` (by {@link EngineOptions.canAnswer}), `DECISION_INVALID` (an
   *   edit or answer that does not fit what was asked for), `TOO_MANY_GRANTS`, `VALUE_TOO_LARGE`
   * @throws {TypeError} for a grant that cannot be given.
   */
  decide(key: RunKey, request: string, decision: PersonDecision): Promise<Decided>;
  /** How this engine and the store stand, over all tenants: for whoever runs them. */
  health(): Promise<EngineHealth>;
  /**
   * An inbox: the requests that are open, oldest first, then each that is opened, and each of these once more when it is closed (`status` says
   * how). Whoever is slow is told where things stand, not every step on the way. Ends with `signal`, or when the reader is closed; rejects
   * with `ENGINE_CLOSED` when the engine is disposed.
   */
  watchRequests(options?: WatchRequestsOptions): AsyncIterableIterator<Request>;
  /**
   * Committed entries after `after`, each once and in order, and live events between them; ends after the run's end. Reading never holds a run up,
   * and closing the reader never touches the run unless `cancelOnClose` says so. A run that does not exist yet is waited for.
   *
   * Reading rejects with the signal's reason, with `ENGINE_CLOSED` when the engine is disposed (an end would say that the run has ended),
   * with `CURSOR_AHEAD` for a cursor past the end of the journal, and with `RUN_UNKNOWN` when the run is removed meanwhile.
   *
   * @throws {TypeError} for a cursor that is none. @throws {PrusikError} `ENGINE_CLOSED`
   */
  events(key: RunKey, options?: EventOptions): AsyncIterableIterator<RunEvent>;
}

/** What is read, and from where on. */
export interface EventOptions {
  /**
   * What was read already: the last `seq` of the run, or the cursor of its tree ({@link EventCursor}, made by `advanceCursor`). A number does not say
   * how far children were read: with `tree`, those that were begun before it and not ended come from their first entry. @default 0
   */
  readonly after?: number | EventCursor;
  /** Also the events of child runs. A child's come before its parent's end. @default false */
  readonly tree?: boolean;
  /**
   * Asks the run to cancel when the reader is closed or aborted before the run's end was delivered. A reader that is merely forgotten, or that
   * ends with its engine, cancels nothing. @default false
   */
  readonly cancelOnClose?: boolean;
  readonly signal?: AbortSignal;
}
