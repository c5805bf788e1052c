import { checkId, PrusikError, type FilePart, type Json, type JsonObject, type TextPart } from '@prusik/core';
import { answeredBy } from './turn-ids.ts';

/** What a client of the AI SDK asks for: its `DefaultChatTransport` posts it. */
export type ChatAsk = { readonly chat: string; readonly body: JsonObject } & (
  | { readonly type: 'message'; readonly message: ChatMessage; readonly isEdit: boolean }
  | { readonly type: 'regenerate'; readonly messageId?: string }
  | {
      readonly type: 'answers';
      readonly messageId: string;
      /** What the client says that it shows. */
      readonly parts: readonly JsonObject[];
      readonly answers: readonly ChatAnswer[];
    }
);

/** What a user says. */
export interface ChatMessage {
  /** As the client names it. */
  readonly id: string;
  readonly content: readonly (TextPart | FilePart)[];
}

/** What a person said about a request of the turn. */
export type ChatAnswer =
  | { readonly type: 'approval'; readonly request: string; readonly approved: boolean; readonly reason?: string }
  | { readonly type: 'output'; readonly callId: string; readonly output: Json }
  | { readonly type: 'output-error'; readonly callId: string; readonly reason: string };

const REASON_LIMIT = 2_000;
const MEDIA_TYPE = /^[\w.+-]{1,100}\/[\w.+*-]{1,100}(?:;[ -~]{1,200})?$/;

/**
 * Reads what was posted. Of the messages only the last is looked at: the conversation is what is stored, not what a client says that it was.
 *
 * @throws {PrusikError} `CHAT_BODY_INVALID`
 */
export function readChatBody(text: string): ChatAsk {
  const body = parse(text);
  const chat = idOf('session', body['id'], 'id');
  const { messages, trigger = 'submit-message' } = body;
  const messageId = optionalId(body['messageId']);
  if (trigger === 'regenerate-message')
    return { chat, body, type: 'regenerate', ...(messageId === undefined ? {} : { messageId }) };
  if (trigger !== 'submit-message') throw bodyInvalid('trigger', 'is neither submit-message nor regenerate-message');
  const last = Array.isArray(messages) ? messages.at(-1) : undefined;
  if (!isObject(last)) throw bodyInvalid('messages', 'holds no message');
  const { parts, role } = last;
  const idPath = 'messages.at(-1).id';
  const id = role === 'user' ? idOf('message', last['id'], idPath) : shownIdOf(last['id'], idPath);
  if (!Array.isArray(parts) || !parts.every(isPart)) throw bodyInvalid('messages.at(-1).parts', 'is no list of parts');
  if (role === 'user')
    return { chat, body, type: 'message', message: { id, content: contentOf(parts) }, isEdit: messageId === id };
  if (role !== 'assistant') throw bodyInvalid('messages.at(-1).role', 'is neither user nor assistant');
  // What a client claims of its own message decides only what it is told.
  return { chat, body, type: 'answers', messageId: id, parts, answers: answersOf(parts) };
}

type AnyPart = JsonObject & { readonly type: string };

function parse(text: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw bodyInvalid('body', 'is no JSON');
  }
  if (!isObject(value)) throw bodyInvalid('body', 'is no object');
  return value;
}

function contentOf(parts: readonly AnyPart[]): readonly (TextPart | FilePart)[] {
  const content = parts.flatMap((part, at): (TextPart | FilePart)[] => {
    if (part.type === 'text') {
      if (typeof part['text'] !== 'string') throw bodyInvalid(`messages.at(-1).parts[${at}].text`, 'is no text');
      return part['text'].trim() === '' ? [] : [{ type: 'text', text: part['text'] }];
    }
    if (part.type === 'file') return [fileOf(part, `messages.at(-1).parts[${at}]`)];
    // Data is between a page and its server, and nothing that a model is told.
    if (part.type.startsWith('data-')) return [];
    throw bodyInvalid(`messages.at(-1).parts[${at}].type`, 'is nothing that a user says');
  });
  if (content.length === 0) throw bodyInvalid('messages.at(-1).parts', 'says nothing');
  return content;
}

/** In place only: an address would be fetched by whoever calls the model, in the name of this server. */
function fileOf({ mediaType, url, filename }: AnyPart, path: string): FilePart {
  // It is told on, to providers and in headers.
  if (typeof mediaType !== 'string' || !MEDIA_TYPE.test(mediaType)) throw bodyInvalid(`${path}.mediaType`, 'is none');
  const found = typeof url === 'string' ? /^data:[^,]*;base64,([A-Za-z0-9+/]*={0,2})$/.exec(url) : null;
  if (found?.[1] === undefined) throw bodyInvalid(`${path}.url`, 'is no data URL in base64');
  const name = typeof filename === 'string' && filename !== '' ? { name: filename.slice(0, 200) } : {};
  return { type: 'file', mediaType, data: { base64: found[1] }, ...name };
}

function answersOf(parts: readonly AnyPart[]): readonly ChatAnswer[] {
  return parts.flatMap((part): ChatAnswer[] => {
    const { state, approval, toolCallId } = part;
    if (typeof toolCallId !== 'string' || part['providerExecuted'] === true) return [];
    if (state === 'approval-responded' && isObject(approval)) {
      const { id, approved, reason } = approval;
      if (typeof id !== 'string' || typeof approved !== 'boolean')
        throw bodyInvalid('approval', 'has no id or no decision');
      const why = typeof reason === 'string' ? { reason: reason.slice(0, REASON_LIMIT) } : {};
      return [{ type: 'approval', request: id, approved, ...why }];
    }
    if (state === 'output-available') return [{ type: 'output', callId: toolCallId, output: part['output'] ?? null }];
    if (state !== 'output-error') return [];
    const { errorText } = part;
    return [
      {
        type: 'output-error',
        callId: toolCallId,
        reason: typeof errorText === 'string' ? errorText.slice(0, REASON_LIMIT) : 'It failed',
      },
    ];
  });
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isPart = (value: unknown): value is AnyPart => isObject(value) && typeof value['type'] === 'string';

function idOf(kind: Parameters<typeof checkId>[0], value: unknown, path: string): string {
  try {
    return checkId(kind, value);
  } catch {
    throw bodyInvalid(path, 'is no id');
  }
}

const optionalId = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : shownIdOf(value, 'messageId');

/** The name of an answer is longer than the id of the message that it answers. */
function shownIdOf(value: unknown, path: string): string {
  const answered = typeof value === 'string' ? answeredBy(value) : undefined;
  if (answered === undefined) return idOf('message', value, path);
  idOf('message', answered, path);
  return value as string;
}

export const bodyInvalid = (path: string, problem: string, cause?: unknown): PrusikError =>
  new PrusikError('CHAT_BODY_INVALID', `The body cannot be read: ${path} ${problem}`, {
    meta: { path, problem },
    ...(cause === undefined ? {} : { cause }),
  });
