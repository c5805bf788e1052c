import type { Decision, Entry, Outcome } from '@prusik/core';
import type { CallStage } from './call-machine.ts';
import type { ReplyRecord } from './loop-types.ts';

/** Where one tool call of an agent's run stands. */
export interface CallStatus {
  readonly callId: string;
  readonly tool: string;
  readonly at: CallStage['at'];
}

/** What the parts of a round are called in a journal. */
const KEY = /^(approve|ask|gate|agent|tool|result):\d+:(.+)$/;

/**
 * The tool calls of an agent's last reply, in its order, as the entries of its run say: which waits for a person, which runs, which is closed. A call of
 * which only its outcome is written, as of a `repeatable` tool, is `allowed` until it is closed; whether it runs at this moment is told live.
 */
export function callsIn(entries: readonly Entry[]): readonly CallStatus[] {
  const calls = new Map<string, CallStatus>();
  for (const entry of entries) {
    if (entry.type === 'step-end' && entry.kind === 'model') {
      calls.clear();
      for (const { callId, tool, ask, asks } of plannedIn(entry.outcome))
        calls.set(callId, { callId, tool, at: ask === undefined && asks === undefined ? 'allowed' : 'planned' });
      continue;
    }
    const [, part, callId = ''] = ('key' in entry && entry.key?.match(KEY)) || [];
    const call = calls.get(callId);
    const at = part === undefined || call === undefined ? undefined : stageAfter(entry, part);
    if (call !== undefined && at !== undefined) calls.set(callId, { ...call, at });
  }
  return [...calls.values()];
}

function plannedIn(outcome: Outcome): NonNullable<ReplyRecord['calls']> {
  const record = outcome.ok ? (outcome.value as Partial<ReplyRecord> | null | undefined) : undefined;
  return record?.calls ?? [];
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
