import type {
  Artifact,
  CallInput,
  CallOutput,
  DefinitionMap,
  Grant,
  GrantKey,
  GrantQuery,
  Json,
  Page,
  Request,
  RequestQuery,
  RevokeResult,
  Run,
  RunEvent,
  RunKey,
  SignalResult,
  WakeResult,
  WhenBusy,
} from '@prusik/core';
import type {
  Decisions,
  Drained,
  DrainOptions,
  DriveOptions,
  Engine,
  EngineHealth,
  EventOptions,
  RunResult,
  StartOptions,
  WatchRequestsOptions,
} from '@prusik/durable';
import type { Sessions } from '@prusik/sessions';
import type { Inspection } from './inspect.ts';

/** A run by its id, of the default tenant, or by its key. */
export type RunRef = string | RunKey;

/** How a run is started by name: what the engine takes, with the session by its id and another model for an agent. */
export interface HarnessStartOptions<Context = Json, Alias extends string = string> extends Omit<
  StartOptions,
  'session' | 'context'
> {
  /** Alias of the model that an agent is run with in place of its own; recorded as part of the definition's name. `MODEL_UNKNOWN` otherwise. */
  readonly model?: Alias;
  /** Stored with the run and shown to tools, policies and workflows: user, tenant, ids. Checked by the harness's `context` schema, if any. */
  readonly context?: Context;
  /** Conversation that the run belongs to; its messages are what the run sees. @default the run has a thread of its own */
  readonly session?: string;
  /** What the input meets while another run holds the session. @default 'refuse', with `SESSION_BUSY` */
  readonly whenBusy?: WhenBusy;
}

/** The same with a signal that stops driving the run, and does not cancel it. */
export type HarnessRunOptions<Context = Json, Alias extends string = string> = HarnessStartOptions<Context, Alias> &
  DriveOptions;

/** Which requests are listed: the open ones of the default tenant, 100 a page, unless it says otherwise. `run` and `root` are ids. */
export type HarnessRequestQuery = Partial<RequestQuery>;
/** Which grants are listed: those in force of the default tenant, 100 a page, unless it says otherwise. */
export type HarnessGrantQuery = Partial<GrantQuery>;

/** Definitions assembled over a store. Disposal undoes in reverse order what the harness was given and made. */
export interface Harness<
  Definitions extends DefinitionMap,
  Context = Json,
  Alias extends string = string,
> extends AsyncDisposable {
  readonly engine: Engine;
  readonly sessions: Sessions;
  /** Stores a run without driving it. The same id and input again is the same run. */
  start<Name extends keyof Definitions & string>(
    name: Name,
    input: CallInput<Definitions[Name]>,
    options?: HarnessStartOptions<Context, Alias>,
  ): Promise<Run>;
  /**
   * Starts (or finds) a run and drives its tree here until it has ended or waits for something outside. Never hangs on a person.
   *
   * @throws {PrusikError} `INPUT_INVALID`, `RUN_INPUT_MISMATCH`, `SESSION_BUSY`, `SESSION_QUEUE_FULL`; the reason of `signal`, unwrapped.
   */
  run<Name extends keyof Definitions & string>(
    name: Name,
    input: CallInput<Definitions[Name]>,
    options?: HarnessRunOptions<Context, Alias>,
  ): Promise<RunResult<CallOutput<Definitions[Name]>>>;
  /** Drives a run that exists, as {@link Harness.run} does. */
  drive<Output = Json>(run: RunRef, options?: DriveOptions): Promise<RunResult<Output>>;
  /** Drives whatever is runnable, in the background, until disposed. */
  worker(): AsyncDisposable;
  /** Drives whatever is runnable until nothing is, or the time is up, and gives back what is not finished. See `Engine.drain`. */
  drain(options: DrainOptions): Promise<Drained>;
  /** Committed entries after a cursor, then live events. Closing it never touches the run. */
  events(run: RunRef, options?: EventOptions): AsyncIterableIterator<RunEvent>;
  /** Asks a run to cancel. Confirmed when its status says so. */
  cancel(run: RunRef, reason?: string): Promise<SignalResult>;
  /** Sends a signal that `ctx.receive` waits for. The first per key wins. */
  signal(run: RunRef, key: string, body: Json): Promise<SignalResult>;
  /** Makes a waiting run look again at what it waits for. */
  wake(run: RunRef): Promise<WakeResult>;
  /** How engine and store stand, over all tenants. */
  health(): Promise<EngineHealth>;
  /** Requests of all runs and sessions, oldest first. @default the open ones, 100 a page */
  requests(query?: HarnessRequestQuery): Promise<Page<Request>>;
  /** The open requests, then each that is opened, and each of these once more when it is closed. See `Engine.watchRequests`. */
  watchRequests(options?: WatchRequestsOptions): AsyncIterableIterator<Request>;
  /** What people allowed for calls to come, oldest first. @default what is in force, 100 a page */
  grants(query?: HarnessGrantQuery): Promise<Page<Grant>>;
  /** Takes a grant back: the calls that it covered are asked about again. */
  revokeGrant(grant: string | GrantKey, by?: string): Promise<RevokeResult>;
  /** What a run and all runs below it have made, newest first: of each run the newest of each name. Of a run that is not there, nothing. */
  artifacts(run: RunRef): Promise<readonly Artifact[]>;
  /** The bytes of an artifact, in pieces. Rejects with `BLOB_UNKNOWN` where its run was removed, and with `STORE_CORRUPT`. */
  readArtifact(artifact: Pick<Artifact, 'run' | 'hash'>): AsyncIterable<Uint8Array>;
  readonly approve: Decide<Decisions['approve']>;
  readonly reject: Decide<Decisions['reject']>;
  readonly edit: Decide<Decisions['edit']>;
  readonly answer: Decide<Decisions['answer']>;
  readonly intervene: Decide<Decisions['intervene']>;
  /** What is assembled, as data. Opens nothing. */
  inspect(): Inspection;
}

/** A decision with a run's id in place of its key. */
type Decide<Method> = Method extends (run: RunKey, ...rest: infer Rest) => infer Result
  ? (run: RunRef, ...rest: Rest) => Result
  : never;
