import { abortedCall, failedCall, refusedCall, type CallPlace } from './call-error.ts';
import type { AgentCallOptions, CallOptions } from './call-options.ts';
import { withModelName } from './call-types.ts';
import type { ChildResult } from './child-result.ts';
import { childWorkspace, withChildWorkspace } from './child-workspace.ts';
import {
  decideDelegation,
  DELEGATION_DEFAULTS,
  type DelegationDecision,
  type DelegationPolicy,
  type DelegationRequest,
} from './delegation-policy.ts';
import type { AnyDefinition, DefinitionMap, DurableContext } from './durable-function.ts';
import { isPrusikError } from './errors.ts';
import { createExhaustion } from './exhaustion.ts';
import type { Json } from './json.ts';
import { rightsOfChild } from './rights.ts';

/** What is called, as far as a call has to know it. */
type Callee = Pick<AnyDefinition, 'name' | 'kind'>;

/** What a call of {@link Delegation} may say. */
export interface DelegatedCallOptions extends AgentCallOptions {
  /** For callers that record what a name meant: it is started whatever the definition has under that name by now. @default what the definition has */
  readonly definition?: Callee;
}

/** The calls of one run under the policy of its definition. */
export interface Delegation {
  /** The policy that holds for the run. */
  readonly policy: DelegationPolicy | undefined;
  /**
   * Runs the agent as a child, once per key, and waits for what it hands back.
   *
   * @throws {TypeError} for an agent that is none, and for options that make no sense.
   * @throws {PrusikError} `CALL_ABORTED` when `signal` fired before the child was started.
   * @throws {PrusikError} `DELEGATION_REFUSED` when the policy forbids it: `meta.reason` says why, and it costs nothing.
   * @throws {PrusikError} `CHILD_CANCELLED` when the child was cancelled and the caller was not.
   * @throws {PrusikError} the child's own code when it failed; `meta.agent`, `meta.key` and `meta.child` say which it was.
   */
  call(agent: string, key: string, input: unknown, options?: DelegatedCallOptions): Promise<ChildResult<unknown>>;
  /** Resolves when every call has ended, those made meanwhile too; of one that is left when its parent ends, when it may start. */
  settled(): Promise<void>;
  /** Starts nothing any more; what is queued, or called from here on, never settles. */
  close(): void;
}

/** A run that delegates: its context, and what its definition declares. */
export interface DelegationParts {
  readonly ctx: DurableContext;
  readonly agents: DefinitionMap;
  /** What holds is what the run was started with; this is for runs on whose record there is none. */
  readonly policy: DelegationPolicy | undefined;
}

interface Call extends CallPlace, DelegationRequest {
  readonly signal: AbortSignal | undefined;
  /** It has its place: it counts, and may start. */
  admitted: boolean;
  onAdmitted(): void;
}

interface QueuedCall {
  readonly call: Call;
  start(): void;
  refuse(why: unknown): void;
  /** What listens to its signal, which may serve thousands of calls and outlive them. */
  readonly onAbort: () => void;
}

/**
 * Made once per drive of a run, before the function awaits anything. Everything here follows from the order in which the function calls and the engine
 * delivers, and from nothing else (no clock but `ctx.now()`, no look at the store), so a replay decides the same and starts queued calls in the same order.
 */
export function createDelegation({ ctx, agents, policy: declared }: DelegationParts): Delegation {
  const startedAt = ctx.now();
  const { levels = Infinity, delegation: recorded } = ctx.run.rights;
  const policy = (recorded === undefined ? declared : recorded) ?? undefined;
  const exhaustion = createExhaustion(ctx.run);
  const open = new Set<Promise<unknown>>();
  /** In the order in which they came; any of them may leave. */
  const queue = new Set<QueuedCall>();
  let accepted = 0;
  let running = 0;
  let closed = false;

  function decide(call: Call, calls: number): DelegationDecision {
    const elapsedMs = ctx.now() - startedAt;
    return decideDelegation(policy, { levels, calls, running, elapsedMs, ...exhaustion.of(call) }, call);
  }

  /** The engine asks when everything about the call was found in order. Resolves when it may start. */
  function admit(call: Call): Promise<void> {
    return new Promise((resolve, refuse) => {
      const start = (): void => {
        running += 1;
        call.admitted = true;
        call.onAdmitted();
        resolve();
      };
      if (closed) return;
      const found = decide(call, accepted);
      if (found.decision === 'refuse') return refuse(refusedCall(found.reason, call));
      accepted += 1;
      if (found.decision === 'start') return start();
      const queued: QueuedCall = { call, start, refuse, onAbort: () => giveUp(queued) };
      queue.add(queued);
      call.signal?.addEventListener('abort', queued.onAbort, { once: true });
    });
  }

  function giveUp(queued: QueuedCall): void {
    queue.delete(queued);
    accepted -= 1;
    queued.refuse(abortedCall(queued.call, queued.call.signal?.reason));
  }

  /** Before the callers of what just ended go on, so that whoever waited first is first. */
  function beginQueued(): void {
    for (const next of queue) {
      if (closed) return;
      // Decided again: time has passed, and the budget may be gone. The call is itself among the accepted ones.
      const found = decide(next.call, accepted - 1);
      if (found.decision === 'queue') return;
      queue.delete(next);
      next.call.signal?.removeEventListener('abort', next.onAbort);
      if (found.decision === 'start') {
        next.start();
      } else {
        accepted -= 1;
        next.refuse(refusedCall(found.reason, next.call));
      }
    }
  }

  /** What the caller of a call that did not succeed is told. */
  function failureOf(call: Call, error: unknown): unknown {
    // Given up by its caller is what it was, also where the run was told to stop meanwhile.
    const isAborted = call.signal?.aborted === true && error === call.signal.reason;
    if (ctx.signal.aborted) return isAborted ? abortedCall(call, error) : error;
    const started = isPrusikError(error) && error.meta['child'] !== undefined;
    if (call.admitted) {
      running -= 1;
      if (!started) accepted -= 1;
      exhaustion.note(error, call);
    }
    if (started) return failedCall(error, call);
    if (isAborted) return abortedCall(call, error);
    if (call.admitted && isPrusikError(error, 'BUDGET_EXCEEDED')) return refusedCall('max_calls', call);
    // The policy says it first: who may not ask for a model is told so, whether there is such a one or not.
    if (!call.admitted && (isPrusikError(error, 'NO_DEFINITION') || isPrusikError(error, 'DELEGATION_REFUSED'))) {
      const found = decide(call, accepted);
      if (found.decision === 'refuse') return refusedCall(found.reason, call);
    }
    return error;
  }

  /** What the policy says of a child besides whether it may be: its caller may say less, never more. */
  function underPolicy({ kind }: Callee, { rights, turn, ...options }: CallOptions): CallOptions {
    const { depth = DELEGATION_DEFAULTS.depth, wallMs, whenExhausted } = policy ?? {};
    const handedOn = { levels: depth, ...(wallMs === undefined ? {} : { deadlineAt: startedAt + wallMs }) };
    const ending = kind === 'agent' && whenExhausted !== undefined ? { whenExhausted, ...turn } : turn;
    // With what is none of the rights, for the engine to refuse.
    const narrowed = { ...rights, ...rightsOfChild(handedOn, rights) };
    return { ...options, rights: narrowed, ...(ending === undefined ? {} : { turn: ending }) };
  }

  async function run(call: Call, definition: Callee, input: unknown, options: CallOptions) {
    const workspace = childWorkspace(ctx, call.key, options.workspace);
    const name = call.model === undefined ? definition.name : withModelName(definition.name, call.model);
    try {
      const result = await withChildWorkspace(workspace, () =>
        ctx.child<unknown>(call.key, name, input as Json, {
          ...underPolicy(definition, options),
          async admit() {
            await admit(call);
            await workspace?.prepare();
          },
        }),
      );
      running -= 1;
      return result;
    } catch (error) {
      throw failureOf(call, error);
    } finally {
      beginQueued();
    }
  }

  return {
    policy,
    call(agent, key, input, { model, definition = ownOf(agents, agent), ...options } = {}) {
      if (closed) return new Promise(() => {});
      const begun = Promise.withResolvers<void>();
      const call: Call = {
        agent,
        key,
        ...(model === undefined ? {} : { model }),
        signal: options.signal,
        admitted: false,
        onAdmitted: begun.resolve,
      };
      const promise =
        definition === undefined
          ? Promise.reject(new TypeError(`There is no agent named ${agent}`))
          : run(call, definition, input, options);
      const over = options.onParentEnd === 'leave' ? Promise.race([begun.promise, promise]) : promise;
      open.add(over);
      const forget = (): void => void open.delete(over);
      over.then(forget, forget);
      // One that nobody awaits must not end the process as unhandled.
      promise.catch(() => {});
      return promise;
    },
    async settled() {
      while (open.size > 0) await Promise.allSettled(open);
    },
    close() {
      closed = true;
    },
  };
}

/** An agent named `constructor` is one only where there is such a one. */
const ownOf = (agents: DefinitionMap, name: string): AnyDefinition | undefined =>
  Object.hasOwn(agents, name) ? agents[name] : undefined;
