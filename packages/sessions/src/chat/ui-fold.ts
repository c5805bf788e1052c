import type { Json } from '@prusik/core';
import type { UiMessage, UiMessageChunk, UiPart, UiToolOrigin, UiToolPart } from './ui-types.ts';

/** The message that these chunks make, as a client of the AI SDK makes it. Changes `message`, which has to be the caller's own. */
export function foldUiChunks(message: UiMessage, chunks: Iterable<UiMessageChunk>): UiMessage {
  for (const chunk of chunks) fold(message, chunk);
  return message;
}

function fold(message: UiMessage, chunk: UiMessageChunk): void {
  const { parts } = message;
  switch (chunk.type) {
    case 'start':
      message.id = chunk.messageId;
      if (chunk.messageMetadata !== undefined) message.metadata = chunk.messageMetadata;
      return;
    case 'start-step':
      parts.push({ type: 'step-start' });
      return;
    case 'reset-step':
      parts.splice(parts.findLastIndex(({ type }) => type === 'step-start') + 1);
      return;
    case 'text-start':
      parts.push({ type: 'text', text: '', state: 'streaming' });
      return;
    case 'reasoning-start':
      parts.push({ type: 'reasoning', text: '', state: 'streaming' });
      return;
    case 'text-delta':
    case 'reasoning-delta': {
      const part = speaking(parts);
      if (part !== undefined) part.text += chunk.delta;
      return;
    }
    case 'text-end':
    case 'reasoning-end': {
      const part = speaking(parts);
      if (part !== undefined) part.state = 'done';
      return;
    }
    case 'tool-input-start':
      replaceCall(parts, {
        type: `tool-${chunk.toolName}`,
        toolCallId: chunk.toolCallId,
        state: 'input-streaming',
      });
      return;
    case 'tool-input-available': {
      const by = chunk.providerExecuted === true ? { providerExecuted: true } : {};
      replaceCall(parts, {
        type: `tool-${chunk.toolName}`,
        toolCallId: chunk.toolCallId,
        ...by,
        state: 'input-available',
        input: chunk.input,
      });
      return;
    }
    case 'tool-approval-request': {
      const call = findCall(parts, chunk.toolCallId);
      const automatic = chunk.isAutomatic === true ? { isAutomatic: true } : {};
      if (call !== undefined)
        replaceCall(parts, {
          ...base(call),
          state: 'approval-requested',
          approval: { id: chunk.approvalId, ...automatic },
        });
      return;
    }
    case 'tool-approval-response': {
      const call = parts.filter(isToolPart).find((part) => approvalOf(part)?.id === chunk.approvalId);
      const { approvalId: id, approved, reason } = chunk;
      if (call !== undefined)
        replaceCall(parts, {
          ...base(call),
          state: 'approval-responded',
          approval: { ...approvalOf(call), id, approved, ...(reason === undefined ? {} : { reason }) },
        });
      return;
    }
    case 'tool-output-available': {
      const call = findCall(parts, chunk.toolCallId);
      if (call !== undefined)
        replaceCall(parts, {
          ...base(call),
          ...origin(chunk),
          state: 'output-available',
          output: chunk.output,
          ...given(call),
        });
      return;
    }
    case 'tool-output-error': {
      const call = findCall(parts, chunk.toolCallId);
      if (call !== undefined)
        replaceCall(parts, {
          ...base(call),
          ...origin(chunk),
          state: 'output-error',
          errorText: chunk.errorText,
          ...given(call),
        });
      return;
    }
    case 'tool-output-denied': {
      const call = findCall(parts, chunk.toolCallId);
      if (call === undefined) return;
      const approval = { id: '', ...approvalOf(call), approved: false } as const;
      replaceCall(parts, { ...base(call), state: 'output-denied', approval });
      return;
    }
    case 'custom':
    case 'file':
    case 'reasoning-file':
    case 'source-url':
    case 'source-document':
    case 'steering-message':
      parts.push(chunk);
      return;
    case 'tool-input-delta':
    case 'finish-step':
    case 'abort':
    case 'error':
    case 'finish':
      return;
    default:
      return foldData(parts, chunk);
  }
}

function foldData(parts: UiPart[], { type, id, data, transient }: Extract<UiMessageChunk, { data: Json }>): void {
  if (transient === true) return;
  const known = id === undefined ? -1 : parts.findIndex((part) => part.type === type && 'id' in part && part.id === id);
  const part: UiPart = { type, ...(id === undefined ? {} : { id }), data };
  if (known < 0) parts.push(part);
  else parts[known] = part;
}

const isToolPart = (part: UiPart): part is UiToolPart => 'toolCallId' in part;

/** The part that goes on: one speaks at a time. */
function speaking(parts: readonly UiPart[]): Extract<UiPart, { type: 'text' | 'reasoning' }> | undefined {
  const part = parts.findLast(({ type }) => type === 'text' || type === 'reasoning');
  return part?.type === 'text' || part?.type === 'reasoning' ? part : undefined;
}

const findCall = (parts: readonly UiPart[], callId: string): UiToolPart | undefined =>
  parts.filter(isToolPart).findLast(({ toolCallId }) => toolCallId === callId);

function replaceCall(parts: UiPart[], call: UiToolPart): void {
  const at = parts.findLastIndex((part) => isToolPart(part) && part.toolCallId === call.toolCallId);
  if (at < 0) parts.push(call);
  else parts[at] = call;
}

const origin = ({ toolMetadata }: UiToolOrigin): UiToolOrigin => (toolMetadata === undefined ? {} : { toolMetadata });

function base({ type, toolCallId, providerExecuted, ...part }: UiToolPart) {
  const by = providerExecuted === undefined ? {} : { providerExecuted };
  return { type, toolCallId, ...by, input: 'input' in part ? (part.input ?? null) : null };
}

const approvalOf = (part: UiToolPart) => ('approval' in part ? part.approval : undefined);

/** An approval stays with a call that was executed only where it was given. */
function given(part: UiToolPart) {
  const approval = approvalOf(part);
  return approval !== undefined && 'approved' in approval && approval.approved
    ? { approval: { ...approval, approved: true as const } }
    : {};
}
