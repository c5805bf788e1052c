import { failedCall, refusedCall } from './call-error.ts';
import type { AgentCallOptions } from './call-options.ts';
import { withModelName, type DefinitionMap } from './call-types.ts';
import { decideDelegation, type DelegationDecision, type DelegationPolicy } from './delegation-policy.ts';
import type { DurableContext } from './durable-function.ts';
import { isPrusikError } from './errors.ts';
import { checkId } from './ids.ts';
import type { Json } from './json.ts';

/** The calls of one run under the policy of its definition. */
export interface Delegation {
  /**
   * Runs the agent as a child, once per key; what it hands back. Rejects as a call of it does: `DELEGATION_REFUSED`, `CHILD_CANCELLED`, the child's own code.
   */
  call(agent: string, key: string, input: unknown, options?: AgentCallOptions): Promise<unknown>;
  /** Resolves when every call has ended, those made meanwhile too. */
  settled(): Promise<void>;
  /** Starts nothing any more; what is queued, or called from here on, never settles. */
  close(): void;
}

/** A run that delegates: its context, and what its definition declares. */
export interface DelegationParts {
  readonly ctx: DurableContext;
  readonly agents: DefinitionMap;
  readonly policy: DelegationPolicy | undefined;
}

interface Call {
  readonly agent: string;
  readonly model: string | undefined;
  readonly key: string;
  start(): Promise<unknown>;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/**
 * Made once per drive of a run. Everything here follows from the order in which the function calls and the engine delivers outcomes, and from nothing else (no clock
 * but `ctx.now()`, no look at the store), so a replay decides the same and starts queued calls in the same order.
 */
export function createDelegation({ ctx, agents, policy }: DelegationParts): Delegation {
  const startedAt = ctx.now();
  const queue: Call[] = [];
  const open = new Set<Promise<unknown>>();
  let accepted = 0;
  let running = 0;
  let outOfTokens = false;
  let outOfMoney = false;
  let closed = false;

  function decide({ agent, model }: Call, calls: number): DelegationDecision {
    const elapsedMs = ctx.now() - startedAt;
    return decideDelegation(
      policy,
      { depth: 0, calls, running, outOfTokens, outOfMoney, elapsedMs },
      { agent, ...(model === undefined ? {} : { model }) },
    );
  }

  function take(call: Call): void {
    const found = decide(call, accepted);
    if (found.decision === 'refuse') return call.reject(refusedCall(found.reason, call));
    accepted += 1;
    if (found.decision === 'queue') queue.push(call);
    else begin(call);
  }

  function begin(call: Call): void {
    running += 1;
    call.start().then(
      (value) => {
        running -= 1;
        call.resolve(value);
        beginQueued();
      },
      (error: unknown) => {
        running -= 1;
        noteExhaustion(error);
        call.reject(failedCall(error, call, ctx.signal.aborted));
        beginQueued();
      },
    );
  }

  /** Before the callers of what just ended go on, so that whoever waited first is first. */
  function beginQueued(): void {
    for (let call = queue[0]; call !== undefined && !closed; call = queue[0]) {
      // Decided again: time has passed, and the budget may be gone. The call is itself among the accepted ones.
      const found = decide(call, accepted - 1);
      if (found.decision === 'queue') return;
      queue.shift();
      if (found.decision === 'start') {
        begin(call);
      } else {
        accepted -= 1;
        call.reject(refusedCall(found.reason, call));
      }
    }
  }

  /** What the ledger refused to one child it would refuse to the next: no child is started only to be told so. */
  function noteExhaustion(error: unknown): void {
    if (!isPrusikError(error, 'BUDGET_EXCEEDED')) return;
    const { dimension } = error.meta;
    outOfTokens ||= dimension !== 'costMicros';
    outOfMoney ||= dimension !== 'tokens';
  }

  return {
    call(agent, key, input, { model, ...options } = {}) {
      const promise = new Promise<unknown>((resolve, reject) => {
        if (closed) return;
        checkId('step key', key);
        const definition = Object.hasOwn(agents, agent) ? agents[agent] : undefined;
        const own = definition?.name ?? agent;
        const name = model === undefined ? own : withModelName(own, model);
        const start = async (): Promise<unknown> => (await ctx.child(key, name, input as Json, options)).output;
        // A run that is over or cancelled: the context itself says how a call on it ends, and starts nothing.
        if (ctx.signal.aborted) void start().then(resolve, reject);
        else take({ agent, model, key, start, resolve, reject });
      });
      open.add(promise);
      // Also keeps a refused call that nobody awaits from ending the process as unhandled.
      const forget = (): void => void open.delete(promise);
      promise.then(forget, forget);
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
