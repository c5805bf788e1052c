import type { Message, MessagePart, TextPart, ToolCallPart, ToolResultPart } from './message.ts';

/** Code of the result that closes a call which nobody closed: its run was killed, cancelled or damaged in between. */
export const TOOL_RESULT_MISSING = 'TOOL_RESULT_MISSING';

/**
 * The history as every provider accepts it, whatever happened to it before. Pure, and idempotent; a valid history comes back as it is.
 *
 * - Each tool call is closed exactly once: the first result after it counts, a missing one becomes an error result ({@link TOOL_RESULT_MISSING}).
 * - Results stand directly after their assistant message, in call order, one to a message. A result without a call is dropped.
 * - A call id that was used before gets a new one, and so does its result.
 * - No message is empty: blank text goes, and so does a message that says and does nothing.
 * - Whatever else there is keeps its order.
 *
 * A call that the provider executes itself is closed by the provider: it stays open in the last assistant message, and is
 * dropped where no later message closed it.
 */
export function reconcile(messages: readonly Message[]): readonly Message[] {
  // Runs before every model call, and almost every history is valid: looking costs a tenth of rebuilding.
  if (isPlainlyValid(messages)) return messages;
  const calls = collectCalls(messages);
  const placed = messages.flatMap((message, index) => place(message, index, calls));
  const same = placed.length === messages.length && placed.every((message, index) => message === messages[index]);
  return same ? messages : placed;
}

/** True only for a history that {@link reconcile} would not change; false also for valid ones with calls that a provider executed. */
function isPlainlyValid(messages: readonly Message[]): boolean {
  const seen = new Set<string>();
  let due: ToolCallPart[] = [];
  let closed = 0;
  for (const { role, content } of messages) {
    if (role === 'tool') {
      const [part] = content;
      const call = due[closed];
      if (content.length !== 1 || part?.type !== 'tool-result') return false;
      if (part.callId !== call?.callId || part.tool !== call.tool) return false;
      closed += 1;
      continue;
    }
    if (closed < due.length) return false;
    due = [];
    closed = 0;
    for (const part of content) {
      if (part.type === 'tool-result' || (part.type === 'text' && isBlank(part))) return false;
      if (part.type === 'approval-request' || part.type === 'approval-response') return false;
      if (part.type !== 'tool-call') continue;
      if (role !== 'assistant' || part.providerExecuted === true || seen.has(part.callId)) return false;
      seen.add(part.callId);
      due.push(part);
    }
    if (!saysSomething(role, content)) return false;
  }
  return closed === due.length;
}

const isBlank = (part: TextPart): boolean => part.provider === undefined && part.text.trim() === '';

/** A call and what closes it. */
interface OpenCall {
  readonly part: ToolCallPart;
  /** Index of its assistant message. */
  readonly at: number;
  /** Its id from now on. */
  readonly callId: string;
  closedBy?: { readonly part: ToolResultPart; readonly message: Message };
}

interface Calls {
  /** By the message they stand in, in order. */
  readonly of: ReadonlyMap<number, readonly OpenCall[]>;
  /** Results that stay where they are, by their place: the same part may stand in a damaged history twice. */
  readonly inPlace: ReadonlyMap<string, OpenCall>;
  /** The call that an approval is about. */
  readonly approvals: ReadonlyMap<string, OpenCall>;
  readonly lastAssistant: number;
}

function collectCalls(messages: readonly Message[]): Calls {
  const of = new Map<number, OpenCall[]>();
  const inPlace = new Map<string, OpenCall>();
  const approvals = new Map<string, OpenCall>();
  const open = new Map<string, OpenCall[]>();
  const taken = new Set<string>();
  let every: ReadonlySet<string> | undefined;
  let lastAssistant = -1;
  for (const [at, message] of messages.entries()) {
    if (message.role === 'assistant') lastAssistant = at;
    for (const [index, part] of message.content.entries()) {
      if (part.type === 'tool-call' && message.role === 'assistant') {
        let { callId } = part;
        if (taken.has(callId)) callId = unusedId(callId, taken, (every ??= callIds(messages)));
        taken.add(callId);
        const call: OpenCall = { part, at, callId };
        append(of, at, call);
        append(open, part.callId, call);
      } else if (part.type === 'approval-request' && message.role === 'assistant') {
        const call = of.get(at)?.findLast((own) => own.part.callId === part.callId);
        if (call !== undefined) approvals.set(part.approvalId, call);
      } else if (part.type === 'tool-result') {
        const call = takeNearest(open.get(part.callId), message);
        if (call === undefined) continue;
        call.closedBy = { part, message };
        if (call.part.providerExecuted === true) inPlace.set(placeOf(at, index), call);
      }
    }
  }
  return { of, inPlace, approvals, lastAssistant };
}

/**
 * Of several open calls with one id, the result belongs to the latest message's first: providers that count their ids from one again
 * in each reply repeat them, and what is still open from before was left open by a lost run.
 */
function takeNearest(open: OpenCall[] | undefined, message: Message): OpenCall | undefined {
  // What a provider executed, only an assistant message closes; what we executed may stand anywhere.
  const fits = open?.filter((call) => call.part.providerExecuted !== true || message.role === 'assistant');
  const latest = fits?.at(-1)?.at;
  const call = fits?.find(({ at }) => at === latest);
  if (call !== undefined) open?.splice(open.indexOf(call), 1);
  return call;
}

/** The message without what does not belong, followed by the results of its calls. */
function place(message: Message, at: number, calls: Calls): readonly Message[] {
  const own = calls.of.get(at) ?? [];
  let next = 0;
  const content = message.content.flatMap((part, index): readonly MessagePart[] => {
    switch (part.type) {
      case 'text':
        return isBlank(part) ? [] : [part];
      case 'tool-call': {
        const call = message.role === 'assistant' ? own[next++] : undefined;
        if (call === undefined || isAbandoned(call, calls.lastAssistant)) return [];
        return [call.callId === part.callId ? part : { ...part, callId: call.callId }];
      }
      case 'tool-result': {
        const call = calls.inPlace.get(placeOf(at, index));
        return call === undefined ? [] : [resultPart(call, part)];
      }
      case 'approval-request': {
        const call = message.role === 'assistant' ? calls.approvals.get(part.approvalId) : undefined;
        if (call === undefined || call.at !== at || isAbandoned(call, calls.lastAssistant)) return [];
        return [call.callId === part.callId ? part : { ...part, callId: call.callId }];
      }
      case 'approval-response': {
        const call = message.role === 'tool' ? calls.approvals.get(part.approvalId) : undefined;
        return call === undefined || call.at > at || isAbandoned(call, calls.lastAssistant) ? [] : [part];
      }
      case 'reasoning':
      case 'reasoning-file':
      case 'file':
      case 'custom':
      case 'source':
        return message.role === 'tool' ? [] : [part];
      default:
        return part satisfies never;
    }
  });
  const kept = keptOf(message, content);
  return [...kept, ...own.filter((call) => call.part.providerExecuted !== true).map((call) => resultOf(call, message))];
}

const isAbandoned = (call: OpenCall, lastAssistant: number): boolean =>
  call.part.providerExecuted === true && call.closedBy === undefined && call.at !== lastAssistant;

/** What is left of a message where it stands. Of one of role `tool` that is what was answered about approvals: results go to their calls. */
function keptOf(message: Message, content: readonly MessagePart[]): readonly Message[] {
  if (message.role !== 'tool') return saysSomething(message.role, content) ? [withContent(message, content)] : [];
  const answers = content.filter(({ type }) => type === 'approval-response');
  if (answers.length === 0) return [];
  // A result keeps the message's id.
  const alone = answers.length === message.content.length;
  return [withContent(alone ? message : { ...message, id: `${message.id}:approval` }, answers)];
}

/** Reasoning and sources alone are no reply: providers refuse an assistant message that ends in them. */
function saysSomething(role: Message['role'], content: readonly MessagePart[]): boolean {
  return content.some(({ type }) => (role === 'assistant' ? !SILENT.has(type) : type === 'text' || type === 'file'));
}

const SILENT: ReadonlySet<MessagePart['type']> = new Set(['reasoning', 'reasoning-file', 'source', 'approval-request']);

function resultOf(call: OpenCall, assistant: Message): Message {
  const { callId, closedBy } = call;
  if (closedBy === undefined) {
    return {
      v: 1,
      id: `${assistant.id}:${callId}`,
      role: 'tool',
      kind: 'tool',
      content: [
        {
          type: 'tool-result',
          callId,
          tool: call.part.tool,
          output: {
            type: 'error',
            code: TOOL_RESULT_MISSING,
            text: 'No result of this call was recorded. It may or may not have happened.',
          },
        },
      ],
    };
  }
  const part = resultPart(call, closedBy.part);
  const { message } = closedBy;
  if (message.role === 'tool') {
    // One result to a message; of several in one, the first keeps the message's id.
    const first = message.content[0] === closedBy.part;
    return withContent(first ? message : { ...message, id: `${message.id}:${callId}` }, [part]);
  }
  return { v: 1, id: `${message.id}:${callId}`, role: 'tool', kind: 'tool', content: [part] };
}

function withContent(message: Message, content: readonly MessagePart[]): Message {
  const same =
    content.length === message.content.length && content.every((part, index) => part === message.content[index]);
  return same ? message : { ...message, content };
}

function resultPart({ callId, part: { tool } }: OpenCall, result: ToolResultPart): ToolResultPart {
  return result.callId === callId && result.tool === tool ? result : { ...result, callId, tool };
}

/** A new id that no call of this history has or had: `call_1` becomes `call_1_2`. */
function unusedId(callId: string, taken: ReadonlySet<string>, every: ReadonlySet<string>): string {
  for (let suffix = 2; ; suffix += 1) {
    const candidate = `${callId}_${suffix}`;
    if (!taken.has(candidate) && !every.has(candidate)) return candidate;
  }
}

function callIds(messages: readonly Message[]): ReadonlySet<string> {
  return new Set(
    messages.flatMap(({ content }) => content.flatMap((part) => (part.type === 'tool-call' ? [part.callId] : []))),
  );
}

const placeOf = (at: number, index: number): string => `${at}.${index}`;

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
