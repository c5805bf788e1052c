import { isPrusikError, PrusikError, type Clock } from '@prusik/core';
import type { LanguageModelStreamPart, ModelMessage, Output, ToolSet } from 'ai';
import type { OnDelta } from './live-blocks.ts';
import type { DownloadFiles, ModelCaller } from './model-caller.ts';
import { modelError } from './model-error.ts';
import { modelName, providerOf, type LanguageModelObject } from './language-model.ts';
import type { ModelSettings } from './model-settings.ts';
import { createReplyReader, type Finish, type ReplySoFar } from './reply-reader.ts';
import { unawaited } from './unawaited.ts';
import { watchdog, type Watched } from './watchdog.ts';

/** What a provider sent, as it sent it. */
export interface RawModelEvent {
  /** `provider/modelId` */
  readonly model: string;
  readonly value: unknown;
}

/** What is asked of whichever model answers. */
export interface ModelQuestion extends Watched {
  readonly instructions: string;
  /** The conversation as a model of this provider is told it: what another one attached is left out. */
  readonly prompt: (provider: string) => readonly ModelMessage[] | Promise<readonly ModelMessage[]>;
  readonly tools: ToolSet;
  /** What the reply must be, where it must be JSON. */
  readonly output?: ReturnType<typeof Output.object>;
  readonly settings: ModelSettings;
  readonly clock: Clock;
  readonly onDelta: OnDelta;
  /** Taps the provider's own events. What it throws is nobody's. */
  readonly onRaw?: (event: RawModelEvent) => void;
}

/** One call of one model. */
export interface ModelCall extends ModelQuestion {
  readonly model: LanguageModelObject;
  readonly caller: ModelCaller;
  readonly download: DownloadFiles;
}

/** What came of it. `failed` keeps what had come before. */
export interface ModelReply extends ReplySoFar {
  readonly finish: Finish | 'failed';
  readonly error?: PrusikError;
}

/**
 * Calls one model, once: no tool is executed, nothing is retried, and the text is put together from the stream here, since the SDK's own promises
 * lose it on abort. Never rejects.
 */
export async function callModel(call: ModelCall): Promise<ModelReply> {
  const { model, clock } = call;
  const reader = createReplyReader(providerOf(model), call.onDelta);
  const stop = new AbortController();
  const watch = watchdog(call);
  const lingered = Promise.withResolvers<void>();
  let linger: Disposable | undefined;
  const take = (chunk: LanguageModelStreamPart): void => {
    watch.sign();
    if (chunk.type === 'raw') tap(call, chunk.rawValue);
    else reader.take(chunk);
    if (reader.finish !== undefined) linger ??= clock.after(LINGER_MS, lingered.resolve);
  };
  try {
    await Promise.race([pump(call, take, stop.signal), watch.barked, lingered.promise.then(() => stop.abort())]);
    const finish = reader.finish;
    if (finish !== undefined) return { ...reader.reply(), finish };
    throw new PrusikError('MODEL_INTERRUPTED', 'The stream of the model ended without an end of the reply', {
      retryable: true,
      meta: { class: 'unavailable' },
    });
  } catch (thrown) {
    stop.abort(thrown);
    const error = call.signal.aborted ? stopped(call.signal.reason) : modelError(thrown, model, clock.now());
    return { ...reader.reply(), finish: 'failed', error };
  } finally {
    linger?.[Symbol.dispose]();
    watch.end();
  }
}

/** How long a stream may stay open once the reply has ended. Not closed at once: a connection that ends by itself serves the next call. */
const LINGER_MS = 1_000;

async function pump(
  call: ModelCall,
  take: (chunk: LanguageModelStreamPart) => void,
  signal: AbortSignal,
): Promise<void> {
  const { model, caller, instructions, tools, output, settings, download } = call;
  const messages = await call.prompt(providerOf(model));
  signal.throwIfAborted();
  const stream = await caller.stream({
    model,
    instructions,
    messages,
    tools,
    ...(output === undefined ? {} : { output }),
    settings,
    raw: call.onRaw !== undefined,
    download,
    signal,
  });
  const reader = stream.getReader();
  // A provider that ignores its signal would go on and keep its connection: to cancel the body is what closes it.
  const cancel = (): void => void reader.cancel(signal.reason).catch(() => {});
  if (signal.aborted) return cancel();
  signal.addEventListener('abort', cancel, { once: true });
  for (;;) {
    const { done, value } = await reader.read();
    if (done || signal.aborted) return;
    take(value);
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
