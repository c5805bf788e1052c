import {
  checkId,
  DEFAULT_TENANT,
  isFinal,
  PrusikError,
  systemClock,
  withCleanup,
  within,
  type SessionKey,
} from '@prusik/core';
import { answerTurn } from './answer-turn.ts';
import { bodyInvalid, readChatBody } from './chat-body.ts';
import { warningOf, type ChatAccess, type ChatOptions } from './chat-options.ts';
import { errorResponse, isForClient } from './chat-response.ts';
import { telling } from './chat-work.ts';
import { beginTurn, turnOf } from './begin-turn.ts';
import { unknownTo } from './turn-known.ts';
import { turnResponse } from './turn-response.ts';

const ACCESS_MS = 10_000;

/**
 * One request of a chat client over HTTP, for any framework that knows `Request` and `Response`, as the `DefaultChatTransport` of the AI SDK sends them:
 * `POST` with a new message, a message that is changed, the wish for another answer, or what a person said to an open request; `GET …/<chat>/stream` to
 * resume. It answers with the stream of the turn, or with `{ error: { code, … } }`: never rejects. The turn is a durable run, which a client that
 * goes away does not stop.
 */
export async function handleChatTurn(request: Request, options: ChatOptions): Promise<Response> {
  try {
    if (request.method === 'POST') return await post(request, options);
    if (request.method === 'GET') return await resume(request, options);
    throw new PrusikError('CHAT_METHOD', `A chat takes POST and GET, not ${request.method}`);
  } catch (error) {
    if (!isForClient(error)) telling(warningOf(options))('A request of a chat', error);
    return errorResponse(error);
  }
}

async function post(request: Request, options: ChatOptions): Promise<Response> {
  const ask = readChatBody(await readBody(request, options.maxBodyBytes ?? 4_194_304));
  const access = await accessTo(ask.chat, request, options);
  const key: SessionKey = { tenant: access.tenant ?? DEFAULT_TENANT, session: ask.chat };
  // Open until the turn is driven, so that what the session needs in this process is made once.
  const session = await options.sessions.open(key.session, { tenant: key.tenant });
  const answer = async (): Promise<Response> => {
    if (ask.type !== 'answers') return turnResponse(await beginTurn(session, ask, access, options), request, options);
    const turn = await answerTurn(key, ask, access, options);
    return turnResponse(turn, request, options, { isNew: unknownTo(ask.parts) });
  };
  const lost = (error: unknown): void => telling(warningOf(options))('Closing the session of a chat', error);
  return withCleanup('session', answer, async () => session[Symbol.asyncDispose](), lost);
}

async function resume(request: Request, options: ChatOptions): Promise<Response> {
  const chat = chatOf(request.url);
  const access = await accessTo(chat, request, options);
  const turn = await turnOf({ tenant: access.tenant ?? DEFAULT_TENANT, session: chat }, options);
  const { clock = systemClock, resumeEndedMs = 60_000 } = options;
  const isOver =
    turn === undefined || (isFinal(turn.run.status) && clock.now() - (turn.run.endedAt ?? 0) > resumeEndedMs);
  return isOver ? new Response(null, { status: 204 }) : turnResponse(turn, request, options, { isResumed: true });
}

/** The chat in `…/<chat>/stream`. */
function chatOf(url: string): string {
  const [last, chat = ''] = new URL(url).pathname.split('/').toReversed();
  try {
    if (last === 'stream') return checkId('session', decodeURIComponent(chat));
  } catch {
    // No text that an address can hold, or none that names a session.
  }
  throw new PrusikError('CHAT_UNKNOWN', 'A stream is resumed at …/<chat>/stream');
}

async function accessTo(chat: string, request: Request, options: ChatOptions): Promise<ChatAccess> {
  const { clock = systemClock } = options;
  const access = await within(clock, ACCESS_MS, () => options.access(chat, request)).catch(
    (error: unknown) => void telling(warningOf(options))('access', error),
  );
  if (typeof access !== 'object' || access === null)
    throw new PrusikError('CHAT_FORBIDDEN', 'This chat is not open to whoever asks');
  return access;
}

async function readBody(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = (): PrusikError =>
    new PrusikError('CHAT_BODY_TOO_LARGE', `A body has at most ${maxBytes} bytes`, { meta: { maxBytes } });
  if (Number(request.headers.get('content-length') ?? 0) > maxBytes) throw tooLarge();
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of received(request)) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** A client that goes away in the middle is nothing that the host has to hear of. */
async function* received({ body }: Request): AsyncGenerator<Uint8Array, void> {
  try {
    yield* body ?? [];
  } catch (cause) {
    throw bodyInvalid('body', 'broke off', cause);
  }
}
