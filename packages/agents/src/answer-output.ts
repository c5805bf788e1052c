import { describeIssues, type Clock, type Decision, type Json, type ToolOutput } from '@prusik/core';
import { toToolOutput } from './tool-output.ts';
import type { AnyTool, AskedElsewhere } from './tool-types.ts';
import { validate } from './validate.ts';

/** What a person is asked by an agent: the same as by a workflow, and which call it is. */
export function questionBody(tool: string, callId: string, input: Json): { readonly [key: string]: Json } {
  const { question, choices } = input as { readonly question: string; readonly choices?: readonly string[] };
  return { text: question, ...(choices === undefined ? {} : { choices }), tool, callId };
}

/** What the model is told of a call that somebody else answered, or did not. */
export async function answerOutput(tool: AnyTool | undefined, decision: Decision, clock: Clock): Promise<ToolOutput> {
  const { status, reason } = decision;
  if (tool?.asks === undefined) return error('TOOL_GONE', 'There is no such tool any more.');
  switch (status) {
    case 'answered': {
      const checked = await validate(tool.asks.answer, decision.value ?? null, clock);
      if (checked.issues === undefined) return toToolOutput(checked.value, tool);
      return error('ANSWER_INVALID', `The answer is not what was asked for: ${describeIssues(checked.issues)}`);
    }
    case 'expired':
      return fallbackOf(tool, tool.asks) ?? error('QUESTION_EXPIRED', 'Nobody answered in time.');
    case 'withdrawn':
      return error('QUESTION_WITHDRAWN', 'It was withdrawn before anybody answered.');
    case 'rejected':
    case 'approved':
    case 'edited':
      return error('QUESTION_REJECTED', reason ?? 'The answer was refused.');
    default:
      return status satisfies never;
  }
}

/** The same where nobody will ever answer. */
export const unattended = (tool: AnyTool, asks: AskedElsewhere): ToolOutput =>
  fallbackOf(tool, asks) ??
  error('RUN_UNATTENDED', `Unavailable: nobody is there to answer. Go on without ${tool.name}.`);

const fallbackOf = (tool: AnyTool, { fallback }: AskedElsewhere): ToolOutput | undefined =>
  fallback === undefined ? undefined : toToolOutput(fallback, tool);

const error = (code: string, text: string): ToolOutput => ({ type: 'error', code, text });
