import type { Decision, Entry, Outcome } from '@prusik/core';
import type { CallStage } from './call-machine.ts';
import type { ReplyRecord } from './loop-types.ts';
import { isObject } from './is-object.ts';

/** Where one tool call of an agent's run stands. */
export interface CallStatus {
  readonly callId: string;
  readonly tool: string;
  readonly at: CallStage['at'];
}

/** What the parts of a round are called in a journal. */
const KEY = /^(approve|ask|gate|agent|tool|input|sample|result):\d+(?:\.\d+)*:(.+)$/;
const REPLY = /^model:/;

/**
 * The tool calls of an agent's last reply, in its order, as the entries of its run say: which waits for a person, which runs, which is closed. A call of
 * which only its outcome is written, as of a `repeatable` tool, is `allowed` until it is closed; whether it runs at this moment is told live.
 */
export function callsIn(entries: readonly Entry[]): readonly CallStatus[] {
  const calls = new Map<string, CallStatus>();
  /** Of calls that are suspended: what is not answered yet. */
  const needed = new Map<string, number>();
  for (const entry of entries) {
    if (entry.type === 'step-end' && REPLY.test(entry.key)) {
      calls.clear();
      for (const { callId, tool, ask, asks } of plannedIn(entry.outcome))
        calls.set(callId, { callId, tool, at: ask === undefined && asks === undefined ? 'allowed' : 'planned' });
      continue;
    }
    const [, part, callId = ''] = ('key' in entry && entry.key?.match(KEY)) || [];
    const call = calls.get(callId);
    if (part === undefined || call === undefined) continue;
    const needs = part === 'tool' ? needsIn(entry) : undefined;
    if (needs !== undefined) needed.set(callId, needs);
    else if (answersNeed(entry, part)) needed.set(callId, (needed.get(callId) ?? 1) - 1);
    const at =
      needs !== undefined || part === 'input' || part === 'sample'
        ? needed.get(callId) === 0
          ? 'allowed'
          : 'suspended'
        : stageAfter(entry, part);
    if (at !== undefined) calls.set(callId, { ...call, at });
  }
  return [...calls.values()];
}

function plannedIn(outcome: Outcome): NonNullable<ReplyRecord['calls']> {
  const record = outcome.ok ? (outcome.value as Partial<ReplyRecord> | null | undefined) : undefined;
  return record?.calls ?? [];
}

/** How much somebody has to say before the call goes on, where that is what its execution came to. */
function needsIn(entry: Entry): number | undefined {
  if (entry.type !== 'step-end' || !entry.outcome.ok) return undefined;
  // Nothing else that a call records is so large that it stands outside of the journal; of how many needs it was, entries do not tell.
  if (entry.outcome.blob !== undefined) return Number.POSITIVE_INFINITY;
  const { asks, needs } = isObject(entry.outcome.value) ? entry.outcome.value : {};
  if (typeof asks !== 'string' || !Array.isArray(needs)) return undefined;
  return needs.filter((need: unknown) => isObject(need) && need['kind'] !== 'unavailable').length;
}

/** Leave to ask a model is no answer yet. */
function answersNeed(entry: Entry, part: string): boolean {
  if (part === 'input') return entry.type === 'wait-end' && !isYes(entry.outcome);
  return part === 'sample' && entry.type === 'step-end';
}

function stageAfter(entry: Entry, part: string): CallStage['at'] | undefined {
  switch (entry.type) {
    case 'wait-start':
      return part === 'agent' ? 'executing' : 'asked';
    case 'wait-end':
      if (part === 'agent') return 'returned';
      return part === 'ask' ? 'answered' : isYes(entry.outcome) ? 'allowed' : 'settled';
    case 'step-intent':
      return part === 'gate' ? 'allowed' : 'executing';
    case 'step-end':
      if (part === 'gate' && entry.outcome.ok && !hasReceipt(entry.outcome)) return 'allowed';
      return part === 'result' || hasReceipt(entry.outcome) ? 'closed' : 'settled';
    default:
      return undefined;
  }
}

function isYes(outcome: Outcome): boolean {
  const status = outcome.ok ? (outcome.value as Partial<Decision> | null | undefined)?.status : undefined;
  return status === 'approved' || status === 'edited';
}

const hasReceipt = (outcome: Outcome): boolean =>
  outcome.ok && typeof (outcome.value as { readonly message?: unknown } | null | undefined)?.message === 'string';
