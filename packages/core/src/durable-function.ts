import type { BlobInfo } from './blob.ts';
import type { ChildOptions } from './call-options.ts';
import type { Capability } from './capability.ts';
import type { ChildResult } from './child-result.ts';
import type { DelegationPolicy } from './delegation-policy.ts';
import type { RunKey } from './ids.ts';
import type { Json, JsonObject } from './json.ts';
import type { Budget } from './ledger.ts';
import type { Metrics } from './measurement.ts';
import type { Message, StoredMessage } from './message.ts';
import type { PartialReason } from './partial.ts';
import type { Decision, Request, RequestKind } from './request.ts';
import type { RunRights } from './rights.ts';
import type { RunKind } from './run.ts';
import type { StepOptions } from './step-options.ts';
import type { StepScope } from './step-scope.ts';
import type { TurnOptions } from './turn.ts';
import type { WorkspaceForks } from './workspace.ts';

/**
 * A function whose every effect goes through its context, so that it can be killed at any instant and goes on in
 * another process. Workflows and agents are both this; whatever meets this interface can be a child run.
 */
export interface DurableDefinition<Input = Json, Output = Json, Deps = unknown> {
  /** Unique within an engine, at most 64 characters. */
  readonly name: string;
  readonly kind: RunKind;
  /** Change it when a run of the old code must not be continued by the new. */
  readonly version: string;
  /** Older versions whose runs this code can continue. */
  readonly continues?: readonly string[];
  /** Tells builds of one version apart in the journal. */
  readonly hash?: string;
  /** What an assembly has to offer for it to work. @default nothing */
  readonly requires?: readonly Capability[];
  /** Checks and completes an input before anything is stored; what it returns is the run's input. */
  readonly parseInput?: (input: unknown, scope: InputScope) => Json | Promise<Json>;
  /** What a run of this definition and all runs below it may spend; a caller's budget narrows it. */
  readonly budget?: Budget;
  /** Why an edit or an answer to a request of such a run does not fit, in words for whoever decides; `undefined` when it does. */
  readonly checkDecision?: (
    request: Request,
    decision: Omit<Decision, 'at'>,
  ) => string | undefined | Promise<string | undefined>;
  /** What it calls, by the names it calls them, for whoever has to know the whole tree. @default nothing */
  readonly agents?: DefinitionMap;
  /** What it may call of that, and how much; {@link declareDelegation} makes it. */
  readonly delegation?: DelegationPolicy | undefined;
  /** Messages that enter the run's thread with its start. */
  readonly openingMessages?: (input: Json) => readonly Message[];
  // A method, not a property, so that a definition of a narrower input fits where any definition is asked for.
  run(ctx: DurableContext<Deps>, input: Input): Promise<Output> | Output;
}

/** Any durable function, whatever it takes and gives. */
export type AnyDefinition = DurableDefinition<never, unknown, never>;

/** Definitions by the names their caller gives them. */
export interface DefinitionMap {
  readonly [name: string]: AnyDefinition;
}

/** What reading an input has. */
export interface InputScope {
  /**
   * Keeps bytes of the input outside of it, so that the input and the opening messages only name them. What a message names is the run's from its start
   * on; what nothing names is swept later. Rejects with `BLOB_TOO_LARGE`, `STORE_FULL`, and with what a store rejects with that is away.
   */
  putBlob(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobInfo>;
}

/** What a function may know of its run. */
export interface RunInfo {
  readonly key: RunKey;
  readonly root: string;
  readonly parent?: { readonly run: string; readonly key: string };
  readonly depth: number;
  readonly session?: string;
  readonly definition: string;
  readonly context: Json;
  /** `false`: nobody answers requests, and `request` rejects at once. */
  readonly attended: boolean;
  /** What the run may do, as far as somebody has said. */
  readonly rights: RunRights;
  /** How its caller wants this turn to end. */
  readonly turn?: TurnOptions;
  /** Id of the workspace that it works in ({@link workspaceOf}); whether there is one yet is the sandbox's to say. Missing where its caller gave it none. */
  readonly workspace?: string;
  /** Drives since the last committed step, this one included. */
  readonly attempt: number;
}

/**
 * The only door between a durable function and the world. Every call has a key, unique in its run; a key that has a recorded
 * outcome gives that outcome again without acting. Everything that the function awaits goes through it.
 *
 * Rejections: a step's own error; `RUN_CANCELLED` once the run is asked to cancel, and `RUN_DEADLINE` once its time is up (so `finally` runs); nothing at all when the run is parked
 * or lost to another worker: then promises never settle and the function is dropped. Clean-up that must happen then hangs on `signal`.
 */
export interface DurableContext<Deps = unknown> {
  readonly run: RunInfo;
  /** Live objects of this process, resolved anew at each claim. */
  readonly deps: Deps;
  /** Fires when this drive is over before the function is: parked, superseded, cancelled. */
  readonly signal: AbortSignal;
  readonly thread: Thread;
  /**
   * Bytes that a recorded outcome or message names by their hash, so that replay reads what the live run read. Never rejects: while the store
   * is away the run waits for it, and bytes that are gone or damaged block it, with `BLOB_UNKNOWN` or `STORE_CORRUPT`.
   */
  readBlob(hash: string): Promise<Uint8Array>;
  /** Where workspaces are forked for children, for whoever delegates; missing where there is no sandbox. */
  readonly forks?: WorkspaceForks;

  /** Runs `body` and records its outcome, once. @default effect `repeatable` */
  step<T>(key: string, body: (step: StepScope) => Promise<T> | T, options?: StepOptions): Promise<T>;
  /** Waits in the store, not in memory. */
  sleep(key: string, ms: number): Promise<void>;
  sleepUntil(key: string, at: number | Date): Promise<void>;
  /** Waits for the `user` signal of that key, which may have come before. */
  receive<T extends Json = Json>(key: string, options?: ReceiveOptions): Promise<Received<T>>;
  /**
   * Opens a request to a person and waits for the decision; an expired or withdrawn one is a decision too. Rejects with `RUN_UNATTENDED` where
   * nobody would answer.
   */
  request(key: string, spec: RequestSpec): Promise<Decision & { readonly request: string }>;
  /**
   * Starts a child run, whose id follows from this run and the key, and waits for its end. It spends from its own ledger, where it has a budget, and from
   * those of all runs above it. Rejects with the child's error, and with `CHILD_CANCELLED` where somebody cancelled the child. Nothing is started where this run
   * may have no children (`DELEGATION_REFUSED`, reason `max_depth`), or where it or a run above may have no more runs below it (`BUDGET_EXCEEDED`, `meta.dimension`
   * is `runs`). A call that is made before the function ends starts its child in any case.
   */
  child<Output = Json>(
    key: string,
    definition: string,
    input: Json,
    options?: ChildOptions,
  ): Promise<ChildResult<Output>>;
  /**
   * Says that what the function is about to return is not all that was asked for, and why: on record with the end, and with whoever gets the output.
   * The run is completed all the same. The first reason stands; one that fails or is cancelled has none.
   *
   * @throws {PrusikError} `STEP_NESTED` in the body of a step, `VALUE_TOO_LARGE` past 64 KiB.
   */
  partial(reason: PartialReason): void;
  /** Time of the last delivered outcome, by the store's clock; the same on replay. */
  now(): number;
  /** The same on every attempt. */
  uuid(key: string): string;
  random(key: string): number;
  /**
   * An event of the author's own, in the journal with the next commit, once for each place in the function.
   *
   * @throws {PrusikError} `STEP_NESTED` in the body of a step, `VALUE_TOO_LARGE` past 64 KiB.
   */
  emit(name: string, data: Json): void;
  /**
   * Counters and histograms of one's own: on record with the next commit, once for each place in the function, and told to observers from there. Throws
   * `STEP_NESTED` in the body of a step, which has its own in its scope.
   */
  readonly metrics: Metrics;
}

/** The run's messages as far as delivered outcomes have them, so that replay sees what the live run saw. */
export interface Thread {
  read(): Promise<readonly StoredMessage[]>;
}

/** How long a signal is waited for. */
export interface ReceiveOptions {
  /** From the call, by the store's clock, set once. @default never */
  readonly timeoutMs?: number;
}

/** A signal, or word that the time was up first. */
export type Received<T> = { readonly timedOut: false; readonly value: T } | { readonly timedOut: true };

/** What a person is asked, and for how long. */
export interface RequestSpec {
  readonly kind: RequestKind;
  readonly body: Json;
  /** JSON Schema of an edited input or an answer; what does not fit is refused when it is decided. Not compared on replay. */
  readonly schema?: JsonObject;
  /** @default never */
  readonly expiresInMs?: number;
  /**
   * Withdraws the request when it fires, unless it was decided before; either is the decision. For one that loses a race, which would stay open
   * until the run ends: nothing tells the engine that a promise was dropped. It has to fire by what the function does, as a replay does too.
   */
  readonly signal?: AbortSignal;
}
