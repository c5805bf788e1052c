import { isPrusikError, PrusikError, unawaited, type Clock, type JsonObject } from '@prusik/core';
import type { ModelMessage } from 'ai';
import { fetchPromptFiles, fetchReplyFiles, type DownloadFiles } from './fetch-files.ts';
import {
  adapted,
  modelName,
  providerOf,
  type LanguageModelObject,
  type ModelChunk,
  type ModelRequest,
  type ModelTool,
} from './language-model.ts';
import type { OnDelta } from './live-blocks.ts';
import { modelError } from './model-error.ts';
import type { ModelSettings } from './model-settings.ts';
import { createReplyReader, type Finish, type ReplySoFar } from './reply-reader.ts';
import { toPrompt } from './to-prompt.ts';
import { checkToolChoice, toolChoiceOf } from './tool-choice.ts';
import { watchdog, type Watched } from './watchdog.ts';

/** What a provider sent, as it sent it. */
export interface RawModelEvent {
  /** `provider/modelId` */
  readonly model: string;
  readonly value: unknown;
}

/** What is asked of whichever model answers. */
export interface ModelQuestion extends Watched {
  /** Empty where there are none. */
  readonly instructions: string;
  /** The conversation as a model of this provider is told it: what another one attached is left out. */
  readonly prompt: (provider: string) => readonly ModelMessage[] | Promise<readonly ModelMessage[]>;
  readonly tools: readonly ModelTool[];
  /** JSON Schema of the reply, where it must be JSON. */
  readonly output?: JsonObject;
  readonly settings: ModelSettings;
  readonly clock: Clock;
  readonly onDelta: OnDelta;
  /** Taps the provider's own events. What it throws is nobody's. */
  readonly onRaw?: (event: RawModelEvent) => void;
}

/** One call of one model. */
export interface ModelCall extends ModelQuestion {
  readonly model: LanguageModelObject;
  /** Missing where nothing is fetched: addresses stay addresses. */
  readonly download?: DownloadFiles;
}

/** What came of it. `failed` keeps what had come before. */
export interface ModelReply extends ReplySoFar {
  readonly finish: Finish | 'failed';
  /** From the request to the first piece of the reply; missing where none came. */
  readonly firstChunkMs?: number;
  readonly error?: PrusikError;
}

/**
 * Calls one model, once: no tool is executed and nothing is retried. Its stream is read as the provider gives it, by the specification that all
 * providers of the AI SDK keep, and the reply is put together here. Never rejects.
 */
export async function callModel(call: ModelCall): Promise<ModelReply> {
  const { model, clock, download, settings } = call;
  const reader = createReplyReader(providerOf(model), call.onDelta);
  const stop = new AbortController();
  const over = Promise.withResolvers<void>();
  const watch = watchdog(call, over.reject);
  let body: ReadableStreamDefaultReader<ModelChunk> | undefined;
  let linger: Disposable | undefined;
  let open = true;
  let askedAt = 0;
  let firstAt: number | undefined;
  /** Of a reply that has begun. */
  const begun = (): Pick<ModelReply, 'firstChunkMs'> =>
    firstAt === undefined ? {} : { firstChunkMs: firstAt - askedAt };

  /** Told once the reply has ended and all that had come with its end was read. */
  const lingers = (): void => {
    if (open) linger ??= clock.after(LINGER_MS, over.resolve);
  };

  async function pump(): Promise<void> {
    const chunks = (await ask(call, stop.signal, () => (askedAt = clock.monotonic()))).getReader();
    // It was told to stop while it was asked, and may not have heard.
    if (!open) return cancel(chunks, stop.signal.reason);
    body = chunks;
    for (let taken = 1; ; taken += 1) {
      const { done, value } = await chunks.read();
      if (done) body = undefined;
      if (done || !open) return;
      watch.sign();
      if (value.type === 'raw') tap(call, value.rawValue);
      else reader.take(value);
      if (firstAt === undefined && !BEFORE_THE_REPLY.has(value.type)) firstAt = clock.monotonic();
      // A stream that ends with its reply, as nearly all do, needs no timer.
      if (value.type === 'finish') process.nextTick(lingers);
      // Of a stream that always has its next chunk nothing else in the process would have its turn, the watchdog neither.
      if (taken % CHUNKS_IN_A_ROW === 0) await new Promise(setImmediate);
    }
  }

  try {
    pump().then(over.resolve, over.reject);
    await over.promise.catch((why: unknown) => {
      // What breaks behind the end of a reply takes nothing from it.
      if (reader.finish() === undefined) throw why;
    });
    const finish = reader.finish();
    if (finish === undefined)
      throw new PrusikError('MODEL_INTERRUPTED', 'The stream of the model ended without an end of the reply', {
        retryable: true,
        meta: { class: 'unavailable' },
      });
    const reply = { ...reader.reply(), ...begun() };
    checkToolChoice(settings.toolChoice, finish, reply.parts);
    if (download === undefined) return { ...reply, finish };
    return { ...reply, parts: await fetchReplyFiles(reply.parts, download, stop.signal), finish };
  } catch (thrown) {
    const error = call.signal.aborted ? stopped(call.signal.reason) : modelError(thrown, model, clock.now());
    stop.abort(thrown);
    return { ...reader.reply(), ...begun(), finish: 'failed', error };
  } finally {
    open = false;
    if (body !== undefined) {
      stop.abort();
      // A provider that ignores its signal would go on and keep its connection: to cancel the body is what closes it.
      cancel(body, stop.signal.reason);
    }
    linger?.[Symbol.dispose]();
    watch.end();
  }
}

/** How long a stream may stay open once the reply has ended. Not closed at once: a connection that ends by itself serves the next call. */
const LINGER_MS = 1_000;

/** Chunks that are read before everything else has its turn. */
const CHUNKS_IN_A_ROW = 1_000;

/** Chunks that carry nothing of what the model says. */
const BEFORE_THE_REPLY: ReadonlySet<ModelChunk['type']> = new Set([
  'stream-start',
  'response-metadata',
  'raw',
  'error',
]);

/** `onAsked` is told when all is prepared. */
async function ask(
  call: ModelCall,
  abortSignal: AbortSignal,
  onAsked: () => void,
): Promise<ReadableStream<ModelChunk>> {
  const { instructions, tools, output, settings, download } = call;
  const model = call.model.specificationVersion === 'v4' ? call.model : await adapted(call.model);
  const messages = await call.prompt(providerOf(model));
  let prompt = toPrompt(instructions, messages);
  if (download !== undefined) prompt = await fetchPromptFiles(prompt, model, download, abortSignal);
  abortSignal.throwIfAborted();
  const request = {
    ...settings,
    prompt,
    tools: tools.length === 0 ? undefined : tools,
    toolChoice: toolChoiceOf(settings.toolChoice),
    responseFormat: output === undefined ? undefined : { type: 'json' as const, schema: output },
    includeRawChunks: call.onRaw !== undefined,
    abortSignal,
  };
  onAsked();
  // The specification's types have mutable members for the same data.
  const { stream } = await model.doStream(request as ModelRequest);
  return stream;
}

function cancel(body: ReadableStreamDefaultReader<unknown>, reason: unknown): void {
  try {
    unawaited(body.cancel(reason));
  } catch {
    // A stream that is none of the platform's.
  }
}

function tap({ model, onRaw }: ModelCall, value: unknown): void {
  try {
    unawaited(onRaw?.({ model: modelName(model), value }));
  } catch {
    // It only watches.
  }
}

/** The model did not fail, so this has no class. */
const stopped = (reason: unknown): PrusikError =>
  isPrusikError(reason)
    ? reason
    : new PrusikError('MODEL_CALL_STOPPED', 'The model call was told to stop', { cause: reason });
