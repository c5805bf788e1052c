import {
  isNeed,
  type Entry,
  type FileData,
  type Json,
  type LiveEvent,
  type Message,
  type MessagePart,
  type Request,
  type SerializedError,
} from '@prusik/core';
import { createRequestsBelow } from './requests-below.ts';
import { callOf, createTurnCalls } from './turn-calls.ts';
import { createTurnLive, deltaOf, endOf, type ShownBlock } from './turn-live.ts';
import { decided, decisionIn, filePart, requestPart, sourcePart, userParts } from './turn-parts.ts';
import { createTurnSteps } from './turn-steps.ts';
import type { UiMessageChunk } from './ui-types.ts';

/** What an entry only refers to. */
export interface EntryFacts {
  /** Messages that the entry added to the thread, in order. */
  readonly messages?: readonly Message[];
  /** Where a client gets their files. */
  readonly addresses?: ReadonlyMap<FileData, string>;
  /** The request that it opened. */
  readonly request?: Request;
  /** Nothing of the run's tree can move now but by somebody outside, who is asked. */
  readonly rests?: boolean;
  /** What runs below have asked, which may be heard of after the end of this turn, or not at all. */
  readonly below?: readonly Request[];
}

export interface TurnEncoderOptions {
  /** What the client is told of a run that failed. */
  readonly errorText: (error: SerializedError) => string;
}

/**
 * Turns the events of one run into the chunks of one message: pure, and the same chunks for what is committed wherever it begins to listen. What a step
 * says while it runs is shown as it comes, and what is committed stands: if the two differ, the client is told to drop the former.
 */
export interface TurnEncoder {
  live(event: LiveEvent): readonly UiMessageChunk[];
  entry(entry: Entry, facts?: EntryFacts): readonly UiMessageChunk[];
  /** An entry of a run below: what it asks is asked here. */
  below(run: string, entry: Entry, facts?: EntryFacts): readonly UiMessageChunk[];
  /** It may have come to rest since the last entry. */
  rest(facts: EntryFacts): readonly UiMessageChunk[];
  /** The turn has ended, or waits for somebody: nothing follows for now. */
  readonly over: boolean;
  /** A message of the thread, where its entry is not at hand, and what was asked about the calls in it. */
  message(
    message: Message,
    facts: { readonly requests: readonly Request[]; readonly addresses: ReadonlyMap<FileData, string> },
  ): readonly UiMessageChunk[];
  /** Nothing follows any more, whatever is open. */
  close(): readonly UiMessageChunk[];
}

export function createTurnEncoder({ errorText }: TurnEncoderOptions): TurnEncoder {
  const steps = createTurnSteps();
  let addresses: ReadonlyMap<FileData, string> = new Map();
  const calls = createTurnCalls((data) => addresses.get(data));
  const live = createTurnLive((callId) => calls.has(callId));
  /** Steps under way that are calls of a model: nobody else speaks to the user. */
  const models = new Set<string>();
  const asked = new Map<string, Request>();
  const askedBelow = createRequestsBelow();
  let over = false;

  /** What was shown of a step that did not come to its end. */
  function drop(): readonly UiMessageChunk[] {
    const wasShown = live.shown.length > 0;
    live.forget();
    return wasShown ? [{ type: 'reset-step' }] : [];
  }

  function hear(event: LiveEvent): readonly UiMessageChunk[] {
    switch (event.type) {
      case 'step-start':
        if (event.kind === 'model') models.add(event.key);
        return [];
      case 'step-reset':
        return live.step?.key === event.key ? drop() : [];
      case 'step-delta': {
        if (!models.has(event.key)) return [];
        const { step } = live;
        const isOther =
          step !== undefined &&
          (step.key !== event.key || step.epoch !== event.epoch || step.attempt !== event.attempt);
        const dropped = isOther ? drop() : [];
        const chunks = live.say(event);
        return chunks.length === 0 ? dropped : [...dropped, ...steps.open(event.key), ...chunks];
      }
      case 'gap':
        // What is missing shows in the offsets.
        return [];
      default:
        return event satisfies never;
    }
  }

  function read(
    entry: Entry,
    { messages = [], request, below = [], addresses: found = new Map() }: EntryFacts,
  ): readonly UiMessageChunk[] {
    switch (entry.type) {
      case 'run-claim':
        // It is told with the first commit of its epoch: what was said since it was taken up stands.
        return live.step !== undefined && live.step.epoch < entry.epoch ? drop() : [];
      case 'step-pause':
        return live.step?.key === entry.key ? drop() : [];
      case 'step-end':
        models.delete(entry.key);
        addresses = found;
        return commit(entry.key, messages);
      case 'wait-start':
        return request === undefined ? [] : ask(entry.key, request);
      case 'wait-end':
        return [...below.flatMap(askedBelow.tell), ...(entry.outcome.ok ? answer(entry.key, entry.outcome.value) : [])];
      case 'note':
        return [{ type: `data-${entry.name}`, id: `note-${entry.seq}`, data: entry.data }];
      case 'run-park':
        return drop();
      case 'run-block':
        return [...drop(), ...(request === undefined ? [] : ask(`block:${request.id}`, request))];
      case 'run-unblock':
        return answer(`block:${entry.request}`, { status: 'answered' });
      case 'run-end':
        return [...drop(), ...below.flatMap(askedBelow.tell), ...ended(entry)];
      case 'run-start':
      case 'step-intent':
      case 'measure':
      case 'run-cancel':
      case 'run-deadline':
        return [];
      default:
        return entry satisfies never;
    }
  }

  function commit(key: string, messages: readonly Message[]): readonly UiMessageChunk[] {
    const isShown = live.step?.key === key && live.shown.length > 0;
    const chunks: UiMessageChunk[] = [];
    // What a user said meanwhile stands before the answer that knows of it.
    const isSteered = messages.some(({ role, kind }) => role === 'user' && kind === 'user');
    const own = isShown && !isSteered ? [...live.shown] : [];
    const open = live.open;
    if (isShown && isSteered) chunks.push(...drop());
    let isAnswered = false;
    for (const message of messages) {
      if (message.role === 'user' && message.kind === 'user') {
        const said = userParts(message, addresses);
        // The SDK's part has texts and files, so what is no file for the page stands beside it.
        const parts = said.filter((part) => part.type !== 'data-file');
        const files = said.filter((part) => part.type === 'data-file');
        chunks.push(...steps.open(key), { type: 'steering-message', id: message.id, parts }, ...files);
      } else if (message.role === 'assistant' && message.kind === 'assistant') {
        chunks.push(...say(key, message.content, isAnswered ? [] : own, open));
        isAnswered = true;
      } else if (message.role === 'tool') {
        for (const part of message.content)
          if (part.type === 'tool-result' || part.type === 'approval-response') chunks.push(...whole(key, part));
      }
    }
    if (own.length > 0 && !isAnswered) chunks.push({ type: 'reset-step' });
    if (live.step?.key === key) live.forget();
    return chunks;
  }

  /** The committed reply, of which the client may have been shown the beginning. */
  function say(
    key: string,
    content: readonly MessagePart[],
    shown: readonly ShownBlock[],
    open: ShownBlock | undefined,
  ): readonly UiMessageChunk[] {
    const parts = content.filter(isShowable);
    const fits = shown.every((one, at) => isBeginningOf(one, parts[at], one === shown.at(-1) && open !== undefined));
    const chunks: UiMessageChunk[] = [...steps.open(key)];
    if (!fits) chunks.push({ type: 'reset-step' });
    const known = fits ? shown : [];
    for (const [at, part] of parts.entries()) {
      const before = known[at];
      if (before === undefined) chunks.push(...whole(`${key}/${at}`, part));
      else if (part.type === 'tool-call') chunks.push(...calls.begin(part));
      else if (at === known.length - 1 && open !== undefined && 'text' in part) {
        const rest = part.text.slice(before.text.length);
        chunks.push(...(rest === '' ? [] : [deltaOf(before, rest)]), ...endOf(before));
      }
    }
    return chunks;
  }

  function whole(id: string, part: MessagePart): readonly UiMessageChunk[] {
    switch (part.type) {
      case 'text':
      case 'reasoning':
        return [
          { type: `${part.type}-start`, id },
          { type: `${part.type}-delta`, id, delta: part.text },
          { type: `${part.type}-end`, id },
        ];
      case 'tool-call':
        return calls.begin(part);
      case 'tool-result':
        return calls.close(part);
      case 'approval-request':
        return calls.ask(part.callId, part.approvalId, part.automatic);
      case 'approval-response':
        return calls.decide(calls.askedBy(part.approvalId) ?? '', part.approved, part.reason);
      case 'file':
      case 'reasoning-file':
        return [filePart(part, addresses)];
      case 'source':
        return [sourcePart(part)];
      case 'custom':
        return [{ type: 'custom', kind: part.kind as `${string}.${string}` }];
      default:
        return part satisfies never;
    }
  }

  function ask(key: string, request: Request): readonly UiMessageChunk[] {
    asked.set(key, request);
    const callId = callOf(request);
    if (callId === undefined || !calls.has(callId) || isNeed(request)) return [requestPart(request)];
    // What else is asked about a call, such as its result, is asked by the call itself.
    return request.kind === 'approval' ? calls.ask(callId, request.id) : [];
  }

  function answer(key: string, value: Json | undefined): readonly UiMessageChunk[] {
    const request = asked.get(key);
    if (request === undefined) return [];
    asked.delete(key);
    const { status, reason } = decisionIn(value);
    const callId = callOf(request);
    if (callId === undefined || !calls.has(callId) || isNeed(request)) return [requestPart({ ...request, status })];
    if (request.kind !== 'approval') return [];
    const isGiven = status === 'approved' || status === 'edited';
    return calls.decide(callId, isGiven, reason ?? (isGiven || status === 'rejected' ? undefined : status));
  }

  function ended(entry: Extract<Entry, { type: 'run-end' }>): readonly UiMessageChunk[] {
    const closed = [
      ...[...asked.keys()].flatMap((key) => answer(key, { status: 'withdrawn' })),
      ...calls.closeAll(NO_RESULT[entry.status]),
    ];
    switch (entry.status) {
      case 'completed':
        return [...closed, ...end(...partial(entry), { type: 'finish', finishReason: 'stop' })];
      case 'cancelled':
        return [...closed, ...end({ type: 'abort' }, { type: 'finish', finishReason: 'interrupted' })];
      case 'failed': {
        const error = entry.error ?? { code: 'UNKNOWN_ERROR', message: 'The run failed' };
        // Last: whatever follows it is not read.
        return [...closed, ...end({ type: 'error', errorText: errorText(error) })];
      }
      default:
        return entry.status satisfies never;
    }
  }

  /** What its message says is for people who run the program, as that of an error is. */
  const partial = ({ partial: why }: Extract<Entry, { type: 'run-end' }>): readonly UiMessageChunk[] =>
    why === undefined ? [] : [{ type: 'data-partial', id: 'partial', data: { code: why.code } }];

  function end(...last: readonly UiMessageChunk[]): readonly UiMessageChunk[] {
    over = true;
    return [...steps.close(), ...last];
  }

  const restsIf = ({ rests = false, below = [] }: EntryFacts): readonly UiMessageChunk[] =>
    rests && !over ? [...below.flatMap(askedBelow.tell), ...end({ type: 'finish', finishReason: 'tool-calls' })] : [];

  return {
    live: hear,
    entry: (entry, facts = {}) => [...read(entry, facts), ...restsIf(facts)],
    below: (run, entry, facts = {}) => [...askedBelow.read(run, entry, facts.request), ...restsIf(facts)],
    rest: restsIf,
    get over() {
      return over;
    },
    message(message, { requests, addresses: found }) {
      addresses = found;
      const calledHere = new Set(message.content.map((part) => (part.type === 'tool-call' ? part.callId : undefined)));
      const about = requests.filter((request) => calledHere.has(callOf(request) ?? ''));
      return [
        ...commit(message.id, [message]),
        ...about.flatMap((request) => [
          ...ask(request.stepKey, request),
          ...(request.decision === undefined ? [] : answer(request.stepKey, decided(request.decision))),
        ]),
      ];
    },
    close: () => [...calls.closeAll(NO_RESULT.completed), ...steps.close()],
  };
}

const NO_RESULT = {
  completed: 'No result of this call was recorded.',
  failed: 'No result: the run failed.',
  cancelled: 'No result: the run was cancelled.',
} as const;

/** What says nothing is not shown, and is not shown live either. */
function isShowable(part: MessagePart): boolean {
  return (part.type !== 'text' && part.type !== 'reasoning') || part.text !== '';
}

function isBeginningOf({ block, text }: ShownBlock, part: MessagePart | undefined, isOpen: boolean): boolean {
  if (part === undefined) return false;
  if (block.kind === 'tool-input')
    return part.type === 'tool-call' && part.callId === block.id && part.tool === block.tool;
  if (part.type !== block.kind) return false;
  return isOpen ? part.text.startsWith(text) : part.text === text;
}
