import type { Json } from './json.ts';
import type { Budget } from './ledger.ts';
import type { Rights } from './rights.ts';
import type { TurnOptions } from './turn.ts';

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

/** What a call under a policy may say. */
export interface AgentCallOptions<Model extends string = string> extends CallOptions {
  /** Alias of the model that the agent is to use in place of its own; one that the policy lists. Needs `@prusik/harness`. */
  readonly model?: Model;
}
