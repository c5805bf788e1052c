import {
  CALL_NEEDS_LIMIT,
  describeIssues,
  hashJson,
  schemaProblems,
  type ApprovalBody,
  type CallAnswer,
  type Decision,
  type Json,
  type JsonObject,
  type NeedBody,
} from '@prusik/core';
import type { AgentRun } from './agent-run.ts';
import type { CallEvent } from './call-machine.ts';
import type { Approval } from './decided-call.ts';
import type { PlannedCall } from './loop-types.ts';
import type { Needing, RecordedNeed, RecordedSample } from './needing.ts';
import type { Samples } from './sample-step.ts';

/** Asks for all that a call needs, at once, and tells when all of it is answered. */
export type AskNeeds = (call: PlannedCall, needing: Needing, approval: Approval | undefined) => Promise<CallEvent>;

export function askNeedsOf(
  { ctx }: AgentRun,
  step: number,
  leftMs: (atMost?: number) => number,
  samples: Samples,
): AskNeeds {
  /** `place` tells the needs of a call apart: which time it asks, and which of them it is. */
  function answerTo(call: PlannedCall, place: string, need: RecordedNeed): Promise<CallAnswer> {
    switch (need.kind) {
      case 'question':
      case 'sign-in':
        return ask(call, place, need);
      case 'sample':
        return sample(call, place, need);
      case 'unavailable':
        return Promise.resolve({ status: 'unavailable', reason: need.reason });
      default:
        return need satisfies never;
    }
  }

  async function ask(
    { tool, callId, source }: PlannedCall,
    place: string,
    need: Extract<RecordedNeed, { readonly kind: 'question' | 'sign-in' }>,
  ): Promise<CallAnswer> {
    // Last, so that no tool can say that it is about another call.
    const body: NeedBody = { ...need.body, tool, callId, need: need.name, ...by(source) };
    const schema = need.kind === 'question' ? need.schema : undefined;
    const expiresInMs = leftMs(need.expiresInMs);
    const decision = await ctx.request(`input:${place}:${callId}`, {
      kind: need.kind,
      body,
      ...(schema === undefined ? {} : { schema }),
      ...(Number.isFinite(expiresInMs) ? { expiresInMs } : {}),
    });
    return answerOf(decision, need.kind, schema);
  }

  async function sample(
    { tool, callId, source }: PlannedCall,
    place: string,
    need: RecordedSample & { readonly name: string },
  ): Promise<CallAnswer> {
    const key = `sample:${place}:${callId}`;
    if (need.ask !== true) return samples.take(key, need);
    const shown = shownPrompt(need);
    const body: ApprovalBody & NeedBody = {
      tool,
      callId,
      need: need.name,
      input: shown,
      fingerprint: hashJson(shown),
      ...by(source),
    };
    const expiresInMs = leftMs();
    const decision = await ctx.request(`input:${place}:${callId}`, {
      kind: 'approval',
      body,
      ...(Number.isFinite(expiresInMs) ? { expiresInMs } : {}),
    });
    if (decision.status === 'approved') return samples.take(key, need, decision.request);
    const { status } = decision;
    const said = decision.reason === undefined ? {} : { reason: decision.reason };
    // An edit by whoever has the store is no yes to what was shown.
    return { status: status === 'expired' || status === 'withdrawn' ? status : 'rejected', ...said };
  }

  return async (call, needing, approval) => {
    const { round, toolHash, state, needs } = needing;
    // All of them are asked for before the first is awaited, so that a replay asks for the same keys at the same point.
    const answers = await Promise.all(
      needs.map(
        async (need, index) => [need.name, await answerTo(call, `${step}.${round}.${index + 1}`, need)] as const,
      ),
    );
    const answered = { round, toolHash, state, answers: Object.fromEntries(answers) };
    return {
      callId: call.callId,
      stage: { at: 'allowed', ...(approval === undefined ? {} : { approval }), answered },
    };
  };
}

const by = (source: string | undefined): { readonly source?: string } => (source === undefined ? {} : { source });

function answerOf(
  { status, value = null, reason }: Decision,
  kind: 'question' | 'sign-in',
  schema: JsonObject | undefined,
): CallAnswer {
  const said = reason === undefined ? {} : { reason };
  switch (status) {
    case 'answered': {
      if (kind === 'sign-in') return { status, value: null };
      const issue = answerIssue(value, schema);
      if (issue === undefined) return { status, value };
      return { status: 'unavailable', reason: `The answer is not what was asked for: ${issue}` };
    }
    case 'expired':
    case 'withdrawn':
      return { status, ...said };
    case 'rejected':
    case 'approved':
    case 'edited':
      return { status: 'rejected', ...said };
    default:
      return status satisfies never;
  }
}

/** Why a value is no answer to a question of a tool. */
export function answerIssue(value: Json, schema: JsonObject | undefined): string | undefined {
  if (Buffer.byteLength(JSON.stringify(value)) > CALL_NEEDS_LIMIT.bytes)
    return `it has more than ${CALL_NEEDS_LIMIT.bytes} bytes as JSON`;
  const issues = schema === undefined ? [] : schemaProblems(schema, value);
  return issues.length === 0 ? undefined : describeIssues(issues);
}

/** A prompt as whoever approves it is shown it: of files what they are, not their bytes. */
function shownPrompt({ model, system, maxTokens, messages }: RecordedSample): JsonObject {
  return {
    model,
    ...(system === undefined ? {} : { system }),
    maxTokens,
    messages: messages.map(({ role, content }) => ({
      role,
      content: content.map((part): JsonObject => {
        if (part.type === 'text') return { type: part.type, text: part.text };
        const { type, mediaType, name } = part;
        return { type, mediaType, ...(name === undefined ? {} : { name }) };
      }),
    })),
  };
}
