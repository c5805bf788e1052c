import type { FileData, Json, Request, ToolCallPart, ToolOutput, ToolResultPart } from '@prusik/core';
import type { UiMessageChunk } from './ui-types.ts';

/** The calls of a turn, and what a client has to be told of them: in an order that it takes, each closed in the end. */
export interface TurnCalls {
  has(callId: string): boolean;
  begin(call: ToolCallPart): readonly UiMessageChunk[];
  /** A person is asked about a call. */
  ask(callId: string, request: string, automatic?: boolean): readonly UiMessageChunk[];
  /** The call that is asked about by this request. */
  askedBy(request: string): string | undefined;
  decide(callId: string, approved: boolean, reason: string | undefined): readonly UiMessageChunk[];
  close(result: Pick<ToolResultPart, 'callId' | 'output' | 'toolSource'>): readonly UiMessageChunk[];
  /** The turn is over: whatever is open never got a result. */
  closeAll(text: string): readonly UiMessageChunk[];
}

interface Call {
  readonly providerExecuted: boolean;
  approval?: string;
  approved?: boolean;
  closed: boolean;
}

/** @param address Where a client gets a file of a result. */
export function createTurnCalls(address: (data: FileData) => string | undefined): TurnCalls {
  const calls = new Map<string, Call>();

  function respond(call: Call, approved: boolean, reason: string | undefined): readonly UiMessageChunk[] {
    if (call.approval === undefined || call.approved === approved) return [];
    call.approved = approved;
    return [
      {
        type: 'tool-approval-response',
        approvalId: call.approval,
        approved,
        ...(reason === undefined ? {} : { reason }),
      },
    ];
  }

  /** A client takes a denial only with an approval that was refused: where nobody was asked, it is told that nobody was. */
  function deny(callId: string, call: Call, reason: string | undefined): readonly UiMessageChunk[] {
    const asked: UiMessageChunk[] = [];
    if (call.approval === undefined) {
      call.approval = `automatic:${callId}`;
      asked.push({ type: 'tool-approval-request', toolCallId: callId, approvalId: call.approval, isAutomatic: true });
    }
    return [...asked, ...respond(call, false, reason), { type: 'tool-output-denied', toolCallId: callId }];
  }

  function close({ callId, output, toolSource }: Parameters<TurnCalls['close']>[0]): readonly UiMessageChunk[] {
    const call = calls.get(callId);
    if (call === undefined || call.closed) return [];
    call.closed = true;
    const by = {
      ...(call.providerExecuted ? { providerExecuted: true } : {}),
      ...(toolSource === undefined ? {} : { toolMetadata: { source: toolSource } }),
    };
    // With an approval that was not given, a client takes nothing but a denial.
    const refused = call.approval !== undefined && call.approved !== true;
    if (output.type === 'denied') return deny(callId, call, output.reason);
    if (output.type === 'error') {
      if (refused) return deny(callId, call, output.text);
      return [{ type: 'tool-output-error', toolCallId: callId, errorText: output.text, ...by }];
    }
    return [
      ...respond(call, true, undefined),
      { type: 'tool-output-available', toolCallId: callId, output: valueOf(output, address), ...by },
    ];
  }

  return {
    has: (callId) => calls.has(callId),
    begin({ callId, tool, input, providerExecuted = false }) {
      calls.set(callId, { providerExecuted, closed: false });
      const by = providerExecuted ? { providerExecuted } : {};
      return [{ type: 'tool-input-available', toolCallId: callId, toolName: tool, input, ...by }];
    },
    ask(callId, request, automatic = false) {
      const call = calls.get(callId);
      if (call === undefined || call.closed || call.approval === request) return [];
      call.approval = request;
      delete call.approved;
      const nobody = automatic ? { isAutomatic: true } : {};
      return [{ type: 'tool-approval-request', toolCallId: callId, approvalId: request, ...nobody }];
    },
    askedBy: (request) => [...calls].find(([, { approval }]) => approval === request)?.[0],
    decide(callId, approved, reason) {
      const call = calls.get(callId);
      return call === undefined || call.closed ? [] : respond(call, approved, reason);
    },
    close,
    closeAll: (text) =>
      [...calls]
        .filter(([, { closed, providerExecuted }]) => !closed && !providerExecuted)
        .flatMap(([callId]) => close({ callId, output: { type: 'error', code: 'TOOL_RESULT_MISSING', text } })),
  };
}

function valueOf(
  output: Exclude<ToolOutput, { type: 'error' | 'denied' }>,
  address: (data: FileData) => string | undefined,
): Json {
  switch (output.type) {
    case 'text':
      return output.text;
    case 'json':
      return output.value;
    case 'content':
      // What a provider attached to a part goes back to that provider, and to nobody else.
      return output.parts.flatMap((part): Json[] => {
        if (part.type === 'text') return [{ type: 'text', text: part.text }];
        if (part.type !== 'file') return [];
        const { mediaType, name, data } = part;
        const url = address(data);
        const named = name === undefined ? {} : { filename: name };
        return [{ type: 'file', mediaType, ...named, ...(url === undefined ? {} : { url }) }];
      });
    default:
      return output satisfies never;
  }
}

/** The call that a request is about, where it is about one. */
export function callOf({ body }: Pick<Request, 'body'>): string | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
  const { callId } = body as { readonly callId?: Json };
  return typeof callId === 'string' ? callId : undefined;
}
