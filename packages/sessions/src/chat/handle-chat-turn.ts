import {
  DEFAULT_TENANT,
  isFinal,
  isPrusikError,
  OPEN_REQUEST_LIMIT,
  PrusikError,
  serializeError,
  systemClock,
  type Request as AskedRequest,
  type Run,
  type SessionKey,
} from '@prusik/core';
import type { EngineWarning, PersonDecision } from '@prusik/durable';
import { byteStream } from './byte-stream.ts';
import { readChatBody, type ChatAnswer, type ChatAsk, type ChatMessage } from './chat-body.ts';
import type { ChatAccess, ChatOptions } from './chat-options.ts';
import { errorResponse } from './chat-response.ts';
import { inTime, telling } from './chat-work.ts';
import { inlineFiles } from './file-address.ts';
import { callOf } from './turn-calls.ts';
import { replyOf, runIdOf } from './turn-ids.ts';
import { unknownTo } from './turn-known.ts';
import { streamTurn } from './turn-stream.ts';
import { foldUiChunks } from './ui-fold.ts';
import type { UiMessageChunk } from './ui-types.ts';

const ACCESS_MS = 10_000;
const HOOK_MS = 30_000;

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
    if (!isPrusikError(error)) telling(options.onWarning ?? warnOnProcess)('A request of a chat', error);
    return errorResponse(error);
  }
}

async function post(request: Request, options: ChatOptions): Promise<Response> {
  const ask = readChatBody(await readBody(request, options.maxBodyBytes ?? 4_194_304));
  const access = await accessTo(ask.chat, request, options);
  const key: SessionKey = { tenant: access.tenant ?? DEFAULT_TENANT, session: ask.chat };
  switch (ask.type) {
    case 'message': {
      const run = await startTurn(key, ask, access, options);
      return turnResponse(run, request, options);
    }
    case 'answers': {
      const run = await answer(key, ask, access, options);
      return turnResponse(run, request, options, unknownTo(ask.parts));
    }
    case 'regenerate':
      throw new PrusikError('CHAT_OUTDATED', 'This chat cannot answer a message again');
    default:
      return ask satisfies never;
  }
}

async function resume(request: Request, options: ChatOptions): Promise<Response> {
  const chat = chatOf(request.url);
  const access = await accessTo(chat, request, options);
  const run = await turnOf({ tenant: access.tenant ?? DEFAULT_TENANT, session: chat }, options);
  if (run === undefined) return new Response(null, { status: 204 });
  const { clock = systemClock, resumeEndedMs = 60_000 } = options;
  if (isFinal(run.status) && clock.now() - (run.endedAt ?? 0) > resumeEndedMs)
    return new Response(null, { status: 204 });
  return turnResponse(run, request, options);
}

/** The chat in `…/<chat>/stream`. */
function chatOf(url: string): string {
  const [last, chat = ''] = new URL(url).pathname.split('/').toReversed();
  try {
    if (last === 'stream' && chat !== '') return decodeURIComponent(chat);
  } catch {
    // No text that an address can hold.
  }
  throw new PrusikError('CHAT_UNKNOWN', 'A stream is resumed at …/<chat>/stream');
}

async function accessTo(chat: string, request: Request, options: ChatOptions): Promise<ChatAccess> {
  const { clock = systemClock, onWarning = warnOnProcess } = options;
  const access = await inTime(clock, ACCESS_MS, 'access', () => options.access(chat, request)).catch(
    (error: unknown) => void telling(onWarning)('access', error),
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
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw tooLarge();
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** The run that holds the chat, or the last one that did. */
async function turnOf(key: SessionKey, { engine }: ChatOptions): Promise<Run | undefined> {
  const { store } = engine;
  const session = await store.session(key);
  if (session === undefined) return undefined;
  const active = session.activeRun === undefined ? undefined : await store.run({ ...key, run: session.activeRun });
  if (active !== undefined && !isFinal(active.status)) return active;
  const newest = await store.listRuns({ ...key, limit: 1 });
  return newest.items[0];
}

async function startTurn(
  key: SessionKey,
  { message, body }: Extract<ChatAsk, { type: 'message' }>,
  access: ChatAccess,
  options: ChatOptions,
): Promise<Run> {
  const { engine, definition, input = promptOf, whenBusy = 'refuse' } = options;
  return engine.start(definition.name, input(message, body), {
    tenant: key.tenant,
    // Delivered twice it is one turn.
    id: runIdOf(key, message.id),
    session: { id: key.session, whenBusy },
    ...(access.context === undefined ? {} : { context: access.context }),
  });
}

function promptOf({ content }: ChatMessage): unknown {
  return content.every(({ type }) => type === 'text')
    ? content.map((part) => ('text' in part ? part.text : '')).join('\n\n')
    : content;
}

/** What a person said about the open requests of the turn; what is not open any more is told by the stream. */
async function answer(
  key: SessionKey,
  ask: Extract<ChatAsk, { type: 'answers' }>,
  { by }: ChatAccess,
  options: ChatOptions,
): Promise<Run> {
  const { store } = options.engine;
  const run = await turnOf(key, options);
  if (run === undefined || (await replyOf(store, run)) !== ask.messageId)
    throw new PrusikError('CHAT_OUTDATED', 'The message that is answered is not the last of this chat');
  const open = await store.listRequests({ ...run.key, status: ['open'], limit: OPEN_REQUEST_LIMIT });
  let decided = 0;
  for (const said of ask.answers) {
    const asked = open.items.find((one) => isAbout(said, one));
    if (asked === undefined) continue;
    await options.engine.decide(asked.run, asked.id, { ...decisionOf(said), ...(by === undefined ? {} : { by }) });
    decided += 1;
  }
  if (decided > 0) return run;
  // Otherwise a client that sends by itself would send the same again and again.
  if (run.status === 'waiting' || run.status === 'blocked')
    throw new PrusikError('CHAT_OUTDATED', 'The turn waits for somebody, and none of its open requests was answered', {
      meta: { runId: run.key.run, requestIds: open.items.map(({ id }) => id) },
    });
  return run;
}

function isAbout(said: ChatAnswer, asked: AskedRequest): boolean {
  if (said.type === 'approval') return asked.kind === 'approval' && asked.id === said.request;
  return asked.kind !== 'approval' && asked.kind !== 'intervention' && callOf(asked) === said.callId;
}

function decisionOf(said: ChatAnswer): PersonDecision {
  switch (said.type) {
    case 'approval':
      return {
        status: said.approved ? 'approved' : 'rejected',
        ...(said.reason === undefined ? {} : { reason: said.reason }),
      };
    case 'output':
      return { status: 'answered', value: said.output };
    case 'output-error':
      return { status: 'rejected', reason: said.reason };
    default:
      return said satisfies never;
  }
}

/** Drives the turn, whoever listens, and streams it to the one who asked. */
async function turnResponse(
  run: Run,
  request: Request,
  options: ChatOptions,
  isNew: (chunk: UiMessageChunk) => boolean = () => true,
): Promise<Response> {
  const { engine, clock = systemClock, keepAliveMs = 15_000, hooks = {}, onWarning = warnOnProcess } = options;
  const tell = telling(onWarning);
  const { errorText = ({ code }) => `The turn failed: ${code}`, fileUrl = inlineFiles(engine.store, run.key.tenant) } =
    options;
  const turn = {
    messageId: await replyOf(engine.store, run),
    errorText,
    fileUrl,
  };
  const work = workOn(run, turn, options);
  options.waitUntil?.(work);

  const reading = new AbortController();
  const onAbort = (): void => reading.abort(request.signal.reason);
  if (request.signal.aborted) onAbort();
  else request.signal.addEventListener('abort', onAbort, { once: true });
  const onEvent = hooks.onEvent;
  const heard = (event: Parameters<NonNullable<typeof onEvent>>[0]): void => {
    try {
      onEvent?.(event);
    } catch (error) {
      tell('onEvent', error);
    }
  };
  const chunks = streamTurn(engine, run, { ...turn, onEvent: heard, signal: reading.signal });
  const transform = hooks.transform ?? ((chunk: UiMessageChunk) => chunk);
  const body = byteStream(
    passed(chunks, isNew, transform),
    {
      item: (chunk) => `data: ${JSON.stringify(chunk)}\n\n`,
      failure(error) {
        if (!isPrusikError(error) && !reading.signal.aborted) tell('The stream of a turn', error);
        // The turn itself goes on.
        const { code } = serializeError(isPrusikError(error) ? error : undefined, 'CHAT_FAILED');
        const errored: UiMessageChunk = { type: 'error', errorText: `The stream of the turn broke off: ${code}` };
        return `data: ${JSON.stringify(errored)}\n\n`;
      },
      end: 'data: [DONE]\n\n',
      keepAlive: ': keep-alive\n\n',
    },
    {
      clock,
      keepAliveMs,
      onOver() {
        request.signal.removeEventListener('abort', onAbort);
        reading.abort();
      },
    },
  );
  return new Response(body, {
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache',
      'x-vercel-ai-ui-message-stream': 'v1',
      'x-accel-buffering': 'no',
    },
  });
}

async function* passed(
  chunks: AsyncIterable<UiMessageChunk>,
  isNew: (chunk: UiMessageChunk) => boolean,
  transform: NonNullable<NonNullable<ChatOptions['hooks']>['transform']>,
): AsyncGenerator<UiMessageChunk> {
  for await (const chunk of chunks) {
    if (!isNew(chunk)) continue;
    const sent = transform(chunk);
    if (sent === undefined) continue;
    if (Array.isArray(sent)) yield* sent as readonly UiMessageChunk[];
    else yield sent as UiMessageChunk;
  }
}

/** Never rejects. */
async function workOn(
  run: Run,
  turn: Pick<Parameters<typeof streamTurn>[2], 'messageId' | 'errorText' | 'fileUrl'>,
  { engine, sessions, drive = true, hooks = {}, clock = systemClock, onWarning = warnOnProcess }: ChatOptions,
): Promise<void> {
  const tell = telling(onWarning);
  if (drive) {
    try {
      // Whatever the session needs in this process is there while the turn is driven here.
      const session = await sessions.open(run.session, { tenant: run.key.tenant });
      try {
        const result = await engine.drive(run.key);
        const { postProcess } = hooks;
        if (postProcess !== undefined)
          await inTime(clock, HOOK_MS, 'postProcess', async () => {
            const message = { id: turn.messageId, role: 'assistant' as const, parts: [] };
            const signal = new AbortController().signal;
            for await (const chunk of streamTurn(engine, run, { ...turn, signal })) foldUiChunks(message, [chunk]);
            await postProcess({ run: (await engine.store.run(run.key)) ?? run, result, message });
          }).catch((error: unknown) => tell('postProcess', error));
      } finally {
        await session[Symbol.asyncDispose]();
      }
    } catch (error) {
      // The run is given back, and whoever drives it next goes on.
      if (!isPrusikError(error, 'ENGINE_CLOSED')) tell(`Driving run ${run.key.run}`, error);
    }
  }
  const { flush } = hooks;
  if (flush !== undefined) await inTime(clock, HOOK_MS, 'flush', flush).catch((error: unknown) => tell('flush', error));
}

function warnOnProcess({ code, message }: EngineWarning): void {
  process.emitWarning(message, { type: 'PrusikWarning', code });
}
