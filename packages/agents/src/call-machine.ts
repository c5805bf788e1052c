import { OPEN_REQUEST_LIMIT, type Decision, type Denial, type Json, type ToolOutput } from '@prusik/core';
import { requestsIn, type Answered, type Needing } from './needing.ts';
import type { Returned } from './child-calls.ts';
import type { PlannedCall } from './loop-types.ts';
import type { Approval } from './decided-call.ts';

/** Where one tool call of a reply stands. */
export type CallStage =
  /** Nobody was asked and nothing runs. */
  | { readonly at: 'planned' }
  /** A person is asked, or whoever executes it in our place. */
  | { readonly at: 'asked' }
  /** It runs as soon as there is room; again, where it had to be answered first. */
  | { readonly at: 'allowed'; readonly approval?: Approval; readonly answered?: Answered }
  | { readonly at: 'executing' }
  /** It cannot go on before somebody has said something, and nobody is asked yet. */
  | { readonly at: 'needing'; readonly needing: Needing; readonly approval?: Approval }
  /** It waits for what it needs, with so many requests. */
  | { readonly at: 'suspended'; readonly requests: number }
  /** What it came to is known, and no message says it yet: refused, failed, in doubt, or found out without executing it. */
  | { readonly at: 'settled'; readonly output: ToolOutput; readonly denied?: Denied }
  /** Whoever executes it in our place has said something, which is still to be looked at. */
  | { readonly at: 'answered'; readonly decision: Decision }
  /** The child that does its work has ended, or was never started, and no message says so yet. */
  | { readonly at: 'returned'; readonly returned: Returned; readonly edited?: Json }
  | { readonly at: 'closing' }
  /** Its result, an estimate of whose tokens this is, is in the thread. */
  | { readonly at: 'closed'; readonly tokens: number };

export type Call = PlannedCall & { readonly stage: CallStage };

/** What became known of a call. */
export type CallEvent = { readonly callId: string; readonly stage: Extract<CallStage, { at: KnownStage }> };
type KnownStage = 'allowed' | 'needing' | 'settled' | 'answered' | 'returned' | 'closed';

/** Who refused it. */
export type Denied = Pick<Denial, 'by' | 'request'>;

/** What is to be done for a call now. */
export type CallAction =
  | { readonly do: 'ask'; readonly call: PlannedCall; readonly ask: string }
  | {
      readonly do: 'execute' | 'delegate';
      readonly call: PlannedCall;
      readonly approval?: Approval;
      readonly answered?: Answered;
    }
  | { readonly do: 'ask-needs'; readonly call: PlannedCall; readonly needing: Needing; readonly approval?: Approval }
  | { readonly do: 'question'; readonly call: PlannedCall; readonly kind: NonNullable<PlannedCall['asks']> }
  | { readonly do: 'store-answer'; readonly call: PlannedCall; readonly decision: Decision }
  | { readonly do: 'store-returned'; readonly call: PlannedCall; readonly returned: Returned; readonly edited?: Json }
  | { readonly do: 'close'; readonly call: PlannedCall; readonly output: ToolOutput; readonly denied?: Denied };

export const planned = (calls: readonly PlannedCall[]): readonly Call[] =>
  calls.map((call) => ({ ...call, stage: call.ask === undefined ? { at: 'allowed' } : { at: 'planned' } }));

export const learned = (calls: readonly Call[], { callId, stage }: CallEvent): readonly Call[] =>
  calls.map((call) => (call.callId === callId ? { ...call, stage } : call));

/**
 * What is due, and where the calls stand once it is begun. While a person is asked, the call takes no room. What is allowed begins in call order: behind
 * a call that finds no room everything waits, so that one which must run alone has its turn. Needs that are more than the run may have open wait until
 * others are answered.
 */
export function due(
  calls: readonly Call[],
  atOnce: number,
): { readonly calls: readonly Call[]; readonly actions: readonly CallAction[] } {
  const executing = calls.filter(({ stage }) => stage.at === 'executing');
  let running = executing.length;
  let closed = executing.some(({ alone }) => alone);
  let open = calls.reduce((sum, { stage }) => sum + requestsOf(stage), 0);
  const actions: CallAction[] = [];
  const begun = calls.map((call): Call => {
    const { stage, ask, alone } = call;
    switch (stage.at) {
      case 'planned':
        if (ask === undefined) return call;
        actions.push({ do: 'ask', call, ask });
        return { ...call, stage: { at: 'asked' } };
      case 'allowed': {
        if (call.asks !== undefined) {
          actions.push({ do: 'question', call, kind: call.asks });
          return { ...call, stage: { at: 'asked' } };
        }
        closed ||= running >= (alone ? 1 : atOnce);
        if (closed) return call;
        closed = alone === true;
        running += 1;
        const { at: _, ...given } = stage;
        actions.push({ do: call.delegates ? 'delegate' : 'execute', call, ...given });
        return { ...call, stage: { at: 'executing' } };
      }
      case 'needing': {
        const requests = requestsIn(stage.needing);
        if (open + requests > OPEN_REQUEST_LIMIT) return call;
        open += requests;
        const { at: _, ...asked } = stage;
        actions.push({ do: 'ask-needs', call, ...asked });
        return { ...call, stage: { at: 'suspended', requests } };
      }
      case 'settled':
        actions.push({
          do: 'close',
          call,
          output: stage.output,
          ...(stage.denied === undefined ? {} : { denied: stage.denied }),
        });
        return { ...call, stage: { at: 'closing' } };
      case 'answered':
        actions.push({ do: 'store-answer', call, decision: stage.decision });
        return { ...call, stage: { at: 'closing' } };
      case 'returned': {
        const { at: _, ...ended } = stage;
        actions.push({ do: 'store-returned', call, ...ended });
        return { ...call, stage: { at: 'closing' } };
      }
      case 'asked':
      case 'executing':
      case 'suspended':
      case 'closing':
      case 'closed':
        return call;
      default:
        return stage satisfies never;
    }
  });
  return { calls: begun, actions };
}

/** How many requests a call has open at most. */
function requestsOf(stage: CallStage): number {
  if (stage.at === 'suspended') return stage.requests;
  return stage.at === 'asked' ? 1 : 0;
}

/** Tokens of all results once every call is closed; `undefined` before. */
export function closedWith(calls: readonly Call[]): number | undefined {
  let tokens = 0;
  for (const { stage } of calls) {
    if (stage.at !== 'closed') return undefined;
    tokens += stage.tokens;
  }
  return tokens;
}
