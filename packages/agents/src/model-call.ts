import { PrusikError, type Clock, type JsonObject, type Message, type MessagePart, type Usage } from '@prusik/core';
import {
  experimental_streamLanguageModelCall as streamLanguageModelCall,
  type LanguageModelCallOptions,
  type Output,
  type ToolSet,
} from 'ai';
import type { OnDelta } from './live-blocks.ts';
import { modelError } from './model-error.ts';
import type { LanguageModelObject } from './model-registry.ts';
import { createReplyReader, type Finish } from './reply-reader.ts';
import { toModelMessages } from './to-model-messages.ts';
import { unfetched } from './unfetched.ts';

/** How the model samples, and what only its provider understands (`providerOptions`). As in the AI SDK. */
export type ModelSettings = Readonly<LanguageModelCallOptions> & {
  readonly providerOptions?: Readonly<Record<string, JsonObject>>;
};

/** One call of a model. */
export interface ModelCall {
  readonly model: LanguageModelObject;
  readonly instructions: string;
  readonly messages: readonly Message[];
  readonly tools: ToolSet;
  /** `none`: it may only answer. @default the model decides */
  readonly toolChoice?: 'none';
  /** What the reply must be, where it must be JSON. */
  readonly output?: ReturnType<typeof Output.object>;
  readonly settings: ModelSettings;
  readonly clock: Clock;
  /** The whole call, at most. */
  readonly timeoutMs: number;
  /** Between two chunks, at most. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
  readonly onDelta: OnDelta;
}

/** What came of it. `failed` keeps what had come before. */
export interface ModelReply {
  readonly parts: readonly MessagePart[];
  /** Places in `parts` of calls whose input is not JSON; they hold it as a string. */
  readonly malformed: ReadonlySet<number>;
  readonly usage: Usage;
  readonly finish: Finish | 'failed';
  readonly error?: PrusikError;
}

/**
 * The one place where a model is called. The lowest layer of the AI SDK is used: no tool is executed, nothing is retried, and the text is put
 * together from the stream here, since the SDK's own promises lose it on abort. Never rejects.
 */
export async function callModel(call: ModelCall): Promise<ModelReply> {
  const reader = createReplyReader(providerOf(call.model), call.onDelta);
  const stop = new AbortController();
  const watch = watchdog(call, stop);
  try {
    await Promise.race([pump(call, reader.take, watch.sign, stop.signal), watch.barked]);
    const finish = reader.finish;
    if (finish !== undefined) return { ...reader.reply(), finish };
    throw new PrusikError('MODEL_INTERRUPTED', 'The stream of the model ended without an end of the reply', {
      retryable: true,
    });
  } catch (thrown) {
    stop.abort(thrown);
    return { ...reader.reply(), finish: 'failed', error: modelError(thrown, call.model, call.clock.now()) };
  } finally {
    watch.end();
  }
}

async function pump(
  call: ModelCall,
  take: ReturnType<typeof createReplyReader>['take'],
  sign: () => void,
  abortSignal: AbortSignal,
): Promise<void> {
  const { stream } = await streamLanguageModelCall({
    ...(call.settings as LanguageModelCallOptions),
    model: call.model,
    ...(call.instructions === '' ? {} : { instructions: call.instructions }),
    messages: toModelMessages(call.messages, providerOf(call.model)),
    tools: call.tools,
    ...(call.toolChoice === undefined ? {} : { toolChoice: call.toolChoice }),
    ...(call.output === undefined ? {} : { output: call.output }),
    abortSignal,
    download: unfetched(),
    // Content is collected here already; a second copy would only cost.
    _internal: { collectContent: false },
  });
  for await (const chunk of stream) {
    sign();
    take(chunk);
  }
}

/** Ends a call that takes too long, in all or between two chunks, or whose step is told to stop; the model may ignore its signal. */
function watchdog(call: ModelCall, stop: AbortController) {
  const { clock, signal, timeoutMs, stallMs } = call;
  const started = clock.monotonic();
  let lastSign = started;
  let timer: Disposable | undefined;
  let bark: (error: unknown) => void = () => {};
  const barked = new Promise<never>((_, reject) => {
    bark = (error) => {
      stop.abort(error);
      reject(error);
    };
  });
  barked.catch(() => {});
  const onAbort = (): void => bark(signal.reason);
  // One timer for the whole call, which looks again when it fires: a timer per chunk would cost more than the chunk.
  const arm = (): void => {
    const now = clock.monotonic();
    const stalledIn = lastSign + stallMs - now;
    const overIn = started + timeoutMs - now;
    if (stalledIn <= 0) {
      return bark(
        new PrusikError('MODEL_STALLED', `Nothing came from the model for ${stallMs} ms`, { retryable: true }),
      );
    }
    if (overIn <= 0) {
      return bark(
        new PrusikError('MODEL_TIMEOUT', `The model call took longer than ${timeoutMs} ms`, { retryable: true }),
      );
    }
    timer = clock.after(Math.min(stalledIn, overIn), arm);
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  arm();
  return {
    barked,
    sign: () => {
      lastSign = clock.monotonic();
    },
    end: () => {
      timer?.[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
    },
  };
}

/** `openai.chat` and `openai.responses` are one provider: what it attached goes back to both. */
const providerOf = (model: LanguageModelObject): string => model.provider.split('.')[0] ?? model.provider;
