import type { JsonObject } from '@prusik/core';
import type { UiMessageChunk } from './ui-types.ts';

/**
 * Leaves out of a turn what a client has that goes on with it: it says so itself, by the parts of its message. All steps but its last are behind it; of
 * that one, what became of its calls is told, and whatever follows.
 */
export function unknownTo(parts: readonly JsonObject[]): (chunk: UiMessageChunk) => boolean {
  const known = parts.filter(({ type }) => type === 'step-start').length;
  const calls = new Set(parts.map((part) => part['toolCallId']));
  // Whatever a client has put there.
  const approvals = new Set(parts.map((part) => (part['approval'] as JsonObject | null | undefined)?.['id']));
  let step = 0;
  return (chunk) => {
    if (chunk.type === 'start-step') step += 1;
    if (step > known) return true;
    switch (chunk.type) {
      case 'tool-approval-request':
        return calls.has(chunk.toolCallId) && !approvals.has(chunk.approvalId);
      case 'tool-output-available':
      case 'tool-output-error':
      case 'tool-output-denied':
        return step === known && calls.has(chunk.toolCallId);
      case 'tool-approval-response':
        return step === known && approvals.has(chunk.approvalId);
      case 'start':
      case 'abort':
      case 'error':
      case 'finish':
        return true;
      default:
        // Data parts with an id take the place of the one before.
        return 'data' in chunk && chunk.id !== undefined;
    }
  };
}
