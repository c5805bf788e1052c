import { PrusikError, type RunKey, type SerializedError } from '@prusik/core';
import type { Engine } from '@prusik/durable';
import { inlineFiles, type FileAddress } from './file-address.ts';
import { replyOf } from './turn-ids.ts';
import { streamTurn } from './turn-stream.ts';
import type { UiMessageChunk } from './ui-types.ts';

/** What {@link toUiMessageStream} takes besides the events. */
export interface UiMessageStreamOptions {
  /** Id of the message that the chunks make. @default that of {@link toUiMessages} for this turn */
  readonly messageId?: string;
  /** Where a client gets a file that is in the store. @default in place, up to 1 MiB each */
  readonly fileUrl?: FileAddress;
  /** What a client is told of a run that failed. @default its code */
  readonly errorText?: (error: SerializedError) => string;
}

/**
 * A run as the AI SDK's UI message stream: from its beginning on, whenever it is asked for, until it ends or waits for somebody. For transports of one's
 * own; over HTTP see {@link handleChatTurn}. Cancelling the stream ends the reading, never the run.
 *
 * The stream errors with `RUN_UNKNOWN` where there is no such run, and as `events()` rejects.
 */
export function toUiMessageStream(
  engine: Engine,
  key: RunKey,
  options: UiMessageStreamOptions = {},
): ReadableStream<UiMessageChunk> {
  const reading = new AbortController();
  const { fileUrl = inlineFiles(engine.store, key.tenant), errorText = ({ code }) => code } = options;

  async function* chunks(): AsyncGenerator<UiMessageChunk> {
    const run = await engine.store.run(key);
    if (run === undefined)
      throw new PrusikError('RUN_UNKNOWN', `There is no run ${key.run}`, { meta: { run: key.run } });
    const messageId = options.messageId ?? (await replyOf(engine.store, run));
    yield* streamTurn(engine, run, { messageId, fileUrl, errorText, signal: reading.signal });
  }

  const source = chunks();
  return new ReadableStream<UiMessageChunk>(
    {
      async pull(controller) {
        const { done, value } = await source.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reading.abort(reason),
    },
    { highWaterMark: 1 },
  );
}
