import {
  CHARS_PER_TOKEN,
  charsOfNew,
  sparse,
  type Json,
  type Message,
  type StepScope,
  type ToolFacts,
  type ToolOutput,
} from '@prusik/core';
import type { PlannedCall } from './loop-types.ts';
import { resultOf, toolMessage, userNote } from './stored-messages.ts';

/** What a step that stored a result's message returns. */
export interface Receipt {
  readonly message: string;
  readonly tokens: number;
}

/** Stores the result of a call with the step's outcome, which is then the receipt. */
export function appendResult(
  scope: Pick<StepScope, 'append' | 'tell'>,
  id: string,
  call: Pick<PlannedCall, 'callId' | 'tool' | 'source'>,
  output: ToolOutput,
  kind?: Parameters<typeof toolMessage>[2],
): Receipt {
  const message = toolMessage(id, resultOf(call, output), kind);
  scope.append(message);
  scope.tell(toolFacts(call, output));
  return { message: id, tokens: Math.ceil(charsOfNew(message) / CHARS_PER_TOKEN) };
}

/** What a step tells of the call that it executes or closes. */
export const toolFacts = ({ callId, source }: Pick<PlannedCall, 'callId' | 'source'>, output?: ToolOutput): ToolFacts =>
  sparse<ToolFacts>({
    of: 'tool',
    callId,
    source,
    error: output?.type === 'error' ? (output.code ?? 'TOOL_FAILED') : undefined,
  });

/** Tells an execution from what a `check` or a person has said of it. */
export const isReceipt = (value: unknown, message: string): value is Receipt =>
  (value as Partial<Receipt> | null | undefined)?.message === message;

/** What the model is told of an input that a person put in the place of its own. */
export const editNote = (id: string, { tool, callId }: Pick<PlannedCall, 'callId' | 'tool'>, edited: Json): Message =>
  userNote(
    id,
    `A reviewer changed the input of the call ${callId} of ${tool} to: ${JSON.stringify(edited)}`,
    'context',
  );
