import type { Json } from '@prusik/core';
import { modelRequest, type ModelMethod, type ModelRequestOptions } from './model-request.ts';
import { overriding } from './overriding.ts';
import { recordingInvalid } from './recording-errors.ts';
import type { RecordedCalls } from './recorded-calls.ts';
import type { FiledReply } from './recording-file.ts';
import { signalOf, type RecordedModel } from './record-model.ts';

interface Replay extends ModelRequestOptions {
  readonly calls: RecordedCalls;
  readonly decode: (json: Json) => unknown;
}

/** The model by its recording; what is behind it is asked for nothing but its names. */
export function replayedModel<Model extends RecordedModel>(name: string, model: Model, replay: Replay): Model {
  const { calls, decode } = replay;
  const take = (method: ModelMethod, options: unknown): FiledReply => {
    const reply = calls.take('model', name, modelRequest(model, method, options, replay));
    // A call that comes too late is one, too: it was recorded.
    signalOf(options)?.throwIfAborted();
    return reply;
  };

  async function doStream(options: never): Promise<{ readonly stream: ReadableStream<unknown> }> {
    const reply = take('stream', options);
    if ('chunks' in reply) return { stream: played(reply, signalOf(options), decode) };
    return notPlayed(reply, signalOf(options), decode);
  }

  async function doGenerate(options: never): Promise<object> {
    const reply = take('generate', options);
    if ('value' in reply) return decode(reply.value) as object;
    return notPlayed(reply, signalOf(options), decode);
  }

  return overriding(model, { doStream, doGenerate });
}

/** A call that failed fails again; one that was told to stop goes on until it is told so again. */
export async function notPlayed(
  reply: FiledReply,
  signal: AbortSignal | undefined,
  decode: Replay['decode'],
): Promise<never> {
  if ('failed' in reply) throw decode(reply.failed);
  if (!('stopped' in reply)) throw recordingInvalid('an answer in it is of another kind of call');
  return stopped(signal);
}

function stopped(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    if (signal?.aborted === true) reject(signal.reason as Error);
    else signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

function played(
  { chunks, broke, stopped: wasStopped }: Extract<FiledReply, { readonly chunks: readonly Json[] }>,
  signal: AbortSignal | undefined,
  decode: Replay['decode'],
): ReadableStream<unknown> {
  let at = 0;
  return new ReadableStream<unknown>(
    {
      async pull(controller) {
        signal?.throwIfAborted();
        const chunk = chunks[at];
        at += 1;
        if (chunk !== undefined) controller.enqueue(decode(chunk));
        else if (broke !== undefined) throw decode(broke);
        else if (wasStopped === true) await stopped(signal);
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}
