import type { Capability } from './capability.ts';
import type { BlobInfo } from './blob.ts';
import type { ChildResult } from './child-result.ts';
import type { DelegationPolicy } from './delegation-policy.ts';
import type { Denial, Effect, StepKind } from './entry.ts';
import type { Grant } from './grant.ts';
import type { RunKey } from './ids.ts';
import type { Json, JsonObject } from './json.ts';
import type { Amount, Budget } from './ledger.ts';
import type { LiveBlock } from './live-event.ts';
import type { Message, StoredMessage, Usage } from './message.ts';
import type { Note } from './note.ts';
import type { PartialReason } from './partial.ts';
import type { Decision, Request, RequestKind } from './request.ts';
import type { Rights, RunRights } from './rights.ts';
import type { RunKind } from './run.ts';
import type { StepSlots } from './slot.ts';
import type { Spent } from './spent.ts';
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

/** What every call of a definition may say. */
export interface CallOptions {
  /** Tools, policies and workflows see it; stored with the run. @default the parent's, or `null` */
  readonly context?: Json;
  /** Higher is claimed first. @default the parent's, or 0 */
  readonly priority?: number;
  /**
   * Cancels the child when it fires, with its reason where that is a word. The call settles by the child's end all the same: with its output if that came first,
   * else with `CHILD_CANCELLED`. One that has fired before the child was started rejects the call with its reason, and starts nothing. It has to fire by what the
   * function does, as a replay does too: an `AbortSignal.timeout` fires by the machine's clock.
   */
  readonly signal?: AbortSignal;
  /**
   * What becomes of the child when its parent ends or is cancelled before it. `leave`: it goes on, nobody waits for it, and it is driven by whatever worker
   * finds it; what the call gives is not told to anybody then. It stays in its tree: it spends from the same ledger, its deadline is at most its parent's, and the tree is kept until it has ended.
   * @default 'cancel'
   */
  readonly onParentEnd?: 'cancel' | 'leave';
  /**
   * The child's deadline, in milliseconds from its start by the store's clock: past it the child ends with `RUN_DEADLINE`, which is what the call rejects with, unless
   * its function makes an output of that. @default the parent's deadline
   */
  readonly timeoutMs?: number;
  /** How the child is to end, which has to be an agent. @default as it is defined */
  readonly turn?: TurnOptions;
  /** What the child may do, at most what its parent hands on. @default all of that */
  readonly rights?: Rights;
  /**
   * What the run and all runs below it may spend, beside what its definition says: the narrower of both holds in each dimension, and so does every budget
   * above. What the first start of the run says holds. @default what its definition says
   */
  readonly budget?: Budget;
  /**
   * Bytes of the child's output as JSON text, at most. Past it the call rejects with `CHILD_RESULT_TOO_LARGE`, and nothing of the output is in the caller's
   * record: the whole stays what the child has (`store.run` of `meta.child`). What the first start of the run says holds. @default the engine's limit, 262,144
   */
  readonly maxResultBytes?: number;
  /**
   * What the child's thread begins with. `snapshot`: the messages of the caller's thread, as far as the caller itself has them at the call and as the model is shown
   * them, up to its last exchange of tool calls that is closed; the child's own come after it, and none of them ever goes back. Copied with the start, at most
   * 10,000 messages and 16 MiB: past it the call rejects with `HISTORY_TOO_LARGE`. Compared on replay. @default 'fresh'
   */
  readonly history?: 'fresh' | 'snapshot';
  /**
   * What the child has for a workspace. `fork`: one of its own, which begins as the caller's is after its last committed step; what it changed is told with what it hands back,
   * and the caller's stays as it is. `share`: the caller's; what either changes the other finds, and what a step of the child leaves half done stays. Takes a sandbox: without one
   * nothing is forked. Compared on replay. @default 'none'
   */
  readonly workspace?: 'fork' | 'share' | 'none';
}

/** What a call of {@link DurableContext.child} may say besides. */
export interface ChildOptions extends CallOptions {
  /**
   * Decides whether and when the child is started, for a policy. Asked when everything about the call was found in order, in the order of the calls, and
   * on replay too; what it rejects with is what the call rejects with, and nothing was started. It has to decide by delivered outcomes alone.
   * @default at once
   */
  readonly admit?: () => Promise<void>;
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
  /** An event of the author's own, in the journal with the next commit. */
  emit(name: string, data: Json): void;
}

/** The run's messages as far as delivered outcomes have them, so that replay sees what the live run saw. */
export interface Thread {
  read(): Promise<readonly StoredMessage[]>;
}

/** What a step is, and what may happen to it. */
export interface StepOptions {
  readonly kind?: StepKind;
  /** For people and traces: the tool's or model's name. */
  readonly name?: string;
  /** @default 'repeatable' */
  readonly effect?: Effect;
  /** Recorded, and compared on replay: a different one blocks the run with `RUN_DIVERGED`. */
  readonly fingerprint?: string;
  readonly retry?: RetryPolicy;
  /** The body is given up after this long: `STEP_TIMEOUT`, and a `once` step is then in doubt. @default none */
  readonly timeoutMs?: number;
  /** Finds out what became of a step in doubt, within `timeoutMs` (30 s without one). One that throws, hangs or returns nonsense knows nothing. */
  readonly check?: (step: CheckScope) => Promise<CheckResult> | CheckResult;
  /** What happens to a step in doubt that `check` could not settle. `ask` blocks the run; `fail` rejects with `STEP_IN_DOUBT`. @default 'ask' */
  readonly inDoubt?: 'ask' | 'fail';
  /**
   * What one execution may use at most: reserved in every ledger from the run up to its root before the body runs. What others of the tree only hold is waited
   * for, up to `capacityWaitMs` in all; what can never fit rejects with `BUDGET_EXCEEDED`. A step of kind `model` needs it in each dimension that is
   * limited: without it, it rejects with `BUDGET_NOT_RESERVED`, or `BUDGET_COST_UNKNOWN`, and its body does not run.
   */
  readonly reserve?: Amount;
  /** Id of the approved request that this execution uses up. */
  readonly claimRequest?: string;
  /**
   * Asked when the body has returned: the output of the run, where the function would do nothing with this outcome but return that. If nothing else of the run
   * is under way its end goes into the commit of the outcome, and the function is not given it; otherwise the function goes on as it would without.
   */
  readonly ends?: () => { readonly output: Json } | undefined;
}

/**
 * Whoever has no room (HTTP 429, 503, 529) and did nothing says so by an error with `retryAfterMs` in its meta, 0 where it names no time:
 *
 *     throw new PrusikError('SHOP_BUSY', 'The shop has no room', { retryable: true, meta: { retryAfterMs: 30_000 } });
 *
 * Such a refusal uses up no attempt, of a step without a policy neither, and is waited out for up to `capacityWaitMs` in all: at least as long
 * as it says, and longer each time. A `once` step is executed again after nothing else.
 */
export interface RetryPolicy {
  /** Executions in all. @default 1 */
  readonly attempts: number;
  /** First pause; doubles each time. @default 500 */
  readonly backoffMs?: number;
  /** @default 8000 */
  readonly maxBackoffMs?: number;
  /** How long refusals may be waited out, in all; then the refusal is the outcome. @default the engine's limit `capacityWaitMs`, an hour */
  readonly capacityWaitMs?: number;
  /** Also has a veto over waiting out a refusal. @default every error with `retryable: true`, and every error that is not a PrusikError */
  readonly retryable?: (error: unknown) => boolean;
}

/** What the body of a step has instead of the context. */
export interface StepScope {
  readonly key: string;
  readonly attempt: number;
  /** Executions before this one that used up an attempt of the step's policy; refusals for want of capacity do not. */
  readonly failures: number;
  /** What executions before this one have told that they used. Of one whose process was lost nothing is known. */
  readonly spent: Spent;
  /** One per execution; fires on timeout, cancel and lost lease, never at a normal end. */
  readonly signal: AbortSignal;
  /** The same on every attempt of this step. */
  readonly idempotencyKey: string;
  /** Messages that are stored with the outcome. */
  append(...messages: readonly Message[]): void;
  /** The grants in force now for calls of this tool in this run. */
  grants(tool: string): Promise<readonly Grant[]>;
  /** A call of a tool that is refused by this step, on record with its outcome. */
  deny(denial: Denial): void;
  /**
   * Takes over what was steered to the run and no step has taken yet: appends its messages here, before whatever is appended later, and returns
   * them; their runs end as absorbed in the commit of the outcome. Call it before the work that is to heed them, and again before an outcome
   * that would end the run: what came meanwhile is then a reason to go on, in the same commit. A step that fails or is stopped has absorbed
   * nothing: what it took waits for another step, or for its own turn. One whose message is withdrawn before its commit is executed
   * again. Only in steps of effect `repeatable`; in a run without a session there never is anything.
   *
   * @throws {TypeError} in a step of another effect.
   */
  absorb(): Promise<readonly Message[]>;
  /**
   * A note of the run's session, or of the run where it has none, that is stored with the outcome: a goal, what is to do, a hand-over.
   *
   * @throws {PrusikError} `VALUE_TOO_LARGE` past 64 KiB, `STEP_RESULT_TOO_LARGE` past 100 notes of one step.
   */
  note(kind: string, data: Json): void;
  /** The typed state of the session, or of the run where it has none. */
  readonly slots: StepSlots;
  /** The notes of the session, or of the run, as they are now: newest first, 100 unless `limit` says otherwise. What follows from them is recorded with the outcome. */
  notes(query?: { readonly kind?: readonly string[]; readonly limit?: number }): Promise<readonly Note[]>;
  /**
   * Live text; never stored. A step may say several texts side by side, each in a block of its own, at most 1,000. @default one block of plain text
   *
   * @throws {TypeError} for what is no text or no block, and for one block too many.
   */
  delta(text: string, block?: LiveBlock): void;
  /**
   * Keeps bytes outside of the record: whatever message of this step names the hash keeps them. A store that is away is asked again as long as the
   * lease holds, unless the body is a generator, which can be read once. Rejects with `BLOB_TOO_LARGE` and `STORE_FULL`.
   */
  putBlob(body: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobInfo>;
  /** Bytes of a blob of the run's tenant, in pieces; rejects with `BLOB_UNKNOWN`, `STORE_CORRUPT`, and with what a store rejects with that is away. */
  readBlob(hash: string): AsyncIterable<Uint8Array>;
  /** Voids what this execution has said: readers hear of it as of another attempt. */
  reset(): void;
  /**
   * Usage of a model call: recorded once, and used in the ledgers, whatever was reserved. Without it the whole reservation is charged, of an execution that
   * failed too, unless it was refused for want of capacity: one that used nothing says so, with zeros.
   */
  usage(usage: Usage, costMicros?: number): void;
}

/** What a `check` has to find out what became of a step. */
export interface CheckScope {
  readonly idempotencyKey: string;
  readonly signal: AbortSignal;
}

/** `done`: it happened, and this is its outcome. `not-run`: it surely did not, and may run now. `unknown`: it stays in doubt. */
export type CheckResult =
  | { readonly became: 'done'; readonly value?: Json }
  | { readonly became: 'not-run' }
  | { readonly became: 'unknown' };

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
