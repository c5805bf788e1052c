import { isFinal, isPrusikError, serializeError, systemClock, withCleanup, within, type RunEvent } from '@prusik/core';
import { byteStream } from './byte-stream.ts';
import type { Turn } from './begin-turn.ts';
import { warningOf, type ChatHooks, type ChatOptions } from './chat-options.ts';
import { telling } from './chat-work.ts';
import { inlineFiles } from './file-address.ts';
import { replyOf } from './turn-ids.ts';
import { followTurn } from './turn-rests.ts';
import { streamTurn, type TurnStreamOptions } from './turn-stream.ts';
import { foldUiChunks } from './ui-fold.ts';
import type { UiMessage, UiMessageChunk } from './ui-types.ts';

const HOOK_MS = 30_000;
/** What work meets whose assembly has been disposed. */
const ENDED = ['ENGINE_CLOSED', 'SESSIONS_CLOSED'];

/** What of a turn is sent. */
export interface Sending {
  /** @default all of it */
  readonly isNew?: (chunk: UiMessageChunk) => boolean;
  /** The client may have part of it, which the start makes void. @default false */
  readonly isResumed?: boolean;
}

/** Drives the turn, whoever listens. */
export function driveBeside(turn: Turn, options: ChatOptions): void {
  const work = workOn(turn, options);
  try {
    options.waitUntil?.(work);
  } catch (error) {
    telling(warningOf(options))('waitUntil', error);
  }
}

/** Drives the turn, and streams it to the one who asked. */
export function turnResponse(turn: Turn, request: Request, options: ChatOptions, sending: Sending = {}): Response {
  const { engine, clock = systemClock, keepAliveMs = 15_000, hooks = {} } = options;
  const tell = telling(warningOf(options));
  driveBeside(turn, options);

  const reading = new AbortController();
  const onAbort = (): void => reading.abort(request.signal.reason);
  if (request.signal.aborted) onAbort();
  else request.signal.addEventListener('abort', onAbort, { once: true });
  const onEvent = (event: RunEvent): void => {
    try {
      hooks.onEvent?.(event);
    } catch (error) {
      tell('onEvent', error);
    }
  };
  const chunks = streamTurn(engine, turn.run, { ...streamed(turn, options), onEvent, signal: reading.signal });
  const body = byteStream(
    passed(chunks, sending, hooks.transform),
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
      // Else some proxies keep a stream to themselves until it has ended.
      'x-accel-buffering': 'no',
    },
  });
}

function streamed({ run, messageId }: Turn, options: ChatOptions): Omit<TurnStreamOptions, 'signal'> {
  const { engine, errorText = ({ code }) => `The turn failed: ${code}` } = options;
  const { fileUrl = inlineFiles(engine.store, run.key.tenant) } = options;
  return { messageId, errorText, fileUrl };
}

async function* passed(
  chunks: AsyncIterable<UiMessageChunk>,
  { isNew = () => true, isResumed = false }: Sending,
  transform: NonNullable<ChatHooks['transform']> = (chunk) => chunk,
): AsyncGenerator<UiMessageChunk> {
  const send = (chunk: UiMessageChunk): readonly UiMessageChunk[] => {
    const sent: unknown = transform(chunk);
    const list: readonly unknown[] = Array.isArray(sent) ? sent : sent === undefined ? [] : [sent];
    if (!list.every(isChunk)) throw new TypeError('The transform of a chat gave what is no chunk');
    return list;
  };
  let start: UiMessageChunk | undefined;
  for await (const chunk of chunks) {
    if (!isNew(chunk)) continue;
    if (chunk.type === 'start') {
      start = chunk;
      continue;
    }
    // A client makes a message of the start alone, and would keep an empty one beside the failure.
    if (start !== undefined && (isResumed || chunk.type !== 'error')) yield* send(start);
    start = undefined;
    yield* send(chunk);
  }
}

/** What a transform gives may be anything, a promise too. */
const isChunk = (value: unknown): value is UiMessageChunk =>
  typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';

/** Never rejects. */
async function workOn(turn: Turn, options: ChatOptions): Promise<void> {
  const { drive = true, hooks = {}, clock = systemClock } = options;
  const tell = telling(warningOf(options));
  for (let next: Turn | undefined = turn; drive && next !== undefined; next = await turnAfter(next, options))
    await driveTurn(next, options);
  const { flush } = hooks;
  if (flush !== undefined) await within(clock, HOOK_MS, flush).catch((error: unknown) => tell('flush', error));
}

/** What waited for the session behind this turn, while whoever posted it found nothing to drive. */
async function turnAfter({ run }: Turn, { engine, definition }: ChatOptions): Promise<Turn | undefined> {
  const { store } = engine;
  try {
    const now = await store.run(run.key);
    if (now?.session === undefined || !isFinal(now.status)) return undefined;
    const { tenant } = run.key;
    const active = (await store.session({ tenant, session: now.session }))?.activeRun;
    const next = active === undefined ? undefined : await store.run({ tenant, run: active });
    if (next?.status !== 'queued' || next.definition !== definition.name) return undefined;
    return { run: next, messageId: await replyOf(store, next) };
  } catch {
    // Whoever comes next to this chat drives it.
    return undefined;
  }
}

async function driveTurn(turn: Turn, options: ChatOptions): Promise<void> {
  const { engine, sessions, hooks = {}, clock = systemClock } = options;
  const { run } = turn;
  const tell = telling(warningOf(options));
  const follower = followTurn(engine, run);
  try {
    // What the session needs in this process is there while the turn is driven here.
    const session = await sessions.open(run.session, { tenant: run.key.tenant });
    const drive = async (): Promise<void> => {
      const result = await engine.drive(run.key);
      const { postProcess } = hooks;
      if (postProcess !== undefined)
        await within(clock, HOOK_MS, async () => {
          const rested = (await engine.store.run(run.key)) ?? run;
          if (!follower.isNews(rested.seq)) return;
          const message = await shownOf(turn, options);
          await postProcess({ run: rested, result, message });
        }).catch((error: unknown) => tell('postProcess', error));
    };
    const lost = (error: unknown): void => tell('Closing the session of a chat', error);
    await withCleanup('session', drive, async () => session[Symbol.asyncDispose](), lost);
  } catch (error) {
    // Where the assembly ends, the run is given back, and whoever drives it next goes on.
    if (!ENDED.some((code) => isPrusikError(error, code))) tell(`Driving run ${run.key.run}`, error);
  } finally {
    follower[Symbol.dispose]();
  }
}

/** The answer as a client has it. */
async function shownOf(turn: Turn, options: ChatOptions): Promise<UiMessage> {
  const message: UiMessage = { id: turn.messageId, role: 'assistant', parts: [] };
  const { signal } = new AbortController();
  for await (const chunk of streamTurn(options.engine, turn.run, { ...streamed(turn, options), signal }))
    foldUiChunks(message, [chunk]);
  return message;
}
