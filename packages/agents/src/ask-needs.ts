import {
  CALL_NEEDS_LIMIT,
  cutText,
  describeIssues,
  hashJson,
  schemaProblems,
  type ApprovalBody,
  type CallAnswer,
  type Decision,
  type DurableContext,
  type Json,
  type JsonObject,
  type NeedBody,
} from '@prusik/core';
import type { Answered, Needing, RecordedNeed, RecordedSample } from './needing.ts';
import type { Samples } from './sample-step.ts';

/** How a call comes to what it needs. */
export interface AskNeeds {
  readonly ctx: Pick<DurableContext, 'request'>;
  readonly call: { readonly tool: string; readonly callId: string; readonly source?: string };
  /** Key of what is waited for, for each of the needs: its own, and the same on every replay. */
  readonly key: (what: 'input' | 'sample', need: number) => string;
  readonly leftMs: (atMost?: number) => number;
  readonly take: Samples['take'];
}

/** Asks for all that a call needs, at once, and gives what it is executed again with when all of it is answered. */
export async function askNeeds(
  { round, toolHash, state, needs }: Needing,
  { ctx, call: { tool, callId, source }, key, leftMs, take }: AskNeeds,
): Promise<Answered> {
  function answerTo(need: RecordedNeed, n: number): Promise<CallAnswer> {
    switch (need.kind) {
      case 'question':
      case 'sign-in':
        return ask(need, n);
      case 'sample':
        return sample(need, n);
      case 'unavailable':
        return Promise.resolve({ status: 'unavailable', reason: need.reason });
      default:
        return need satisfies never;
    }
  }

  async function ask(
    need: Extract<RecordedNeed, { readonly kind: 'question' | 'sign-in' }>,
    n: number,
  ): Promise<CallAnswer> {
    // Last, so that no tool can say that it is about another call.
    const body: NeedBody = { ...need.body, tool, callId, need: need.name, ...by(source) };
    const schema = need.kind === 'question' ? need.schema : undefined;
    const expiresInMs = leftMs(need.expiresInMs);
    const decision = await ctx.request(key('input', n), {
      kind: need.kind,
      body,
      ...(schema === undefined ? {} : { schema }),
      ...(Number.isFinite(expiresInMs) ? { expiresInMs } : {}),
    });
    return answerOf(decision, need.kind, schema);
  }

  async function sample(need: RecordedSample & { readonly name: string }, n: number): Promise<CallAnswer> {
    if (need.ask !== true) return take(key('sample', n), need);
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
    const decision = await ctx.request(key('input', n), {
      kind: 'approval',
      body,
      ...(Number.isFinite(expiresInMs) ? { expiresInMs } : {}),
    });
    if (decision.status === 'approved') return take(key('sample', n), need, decision.request);
    const { status } = decision;
    const said = reasonOf(decision);
    // An edit by whoever has the store is no yes to what was shown.
    return { status: status === 'expired' || status === 'withdrawn' ? status : 'rejected', ...said };
  }

  // All of them are asked for before the first is awaited, so that a replay asks for the same keys at the same point.
  const answers = await Promise.all(
    needs.map(async (need, index) => [need.name, await answerTo(need, index + 1)] as const),
  );
  return { round, toolHash, state, answers: Object.fromEntries(answers) };
}

const by = (source: string | undefined): { readonly source?: string } => (source === undefined ? {} : { source });

function answerOf(decision: Decision, kind: 'question' | 'sign-in', schema: JsonObject | undefined): CallAnswer {
  const { status, value = null } = decision;
  const said = reasonOf(decision);
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

/** A server may be told it. */
const REASON_CHARS = 2_000;

const reasonOf = ({ reason }: Decision): { readonly reason?: string } =>
  reason === undefined ? {} : { reason: cutText(reason, REASON_CHARS) };

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
