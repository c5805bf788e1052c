import type { IncomingMessage } from 'node:http';
import { PrusikError } from '@prusik/core';

/** Of all events of one stream, in messages of the largest size. */
const MESSAGES_OF_A_STREAM = 16;
const LF = 10;
const CR = 13;

/** The body of an answer, read only as fast as somebody takes it, up to a bound: of the whole, or of each event and of the whole stream. */
export function boundedBody(
  answer: IncomingMessage,
  {
    isStream,
    messageBytes,
    host,
    end,
    lost,
    onHeard,
    onBroken,
  }: {
    readonly isStream: boolean;
    readonly messageBytes: number;
    readonly host: string;
    /** Closes the socket. */
    readonly end: (reason?: unknown) => void;
    readonly lost: (error: unknown) => unknown;
    readonly onHeard: () => void;
    readonly onBroken: ((error: unknown) => void) | undefined;
  },
): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = answer[Symbol.asyncIterator]();
  const total = isStream ? MESSAGES_OF_A_STREAM * messageBytes : messageBytes;
  const eventLength = lengthOfEvent();
  let read = 0;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await chunks.next();
        if (done === true) return controller.close();
        onHeard();
        read += value.byteLength;
        if (read > total) throw tooLarge(host, isStream ? 'A stream' : 'An answer', total);
        if (isStream && eventLength(value) > messageBytes) throw tooLarge(host, 'An event', messageBytes);
        controller.enqueue(value);
      } catch (error) {
        const told = lost(error);
        onBroken?.(told);
        end(told);
        controller.error(told);
      }
    },
    cancel() {
      end();
    },
  });
}

/** Tells, after each chunk, how long the longest event in it is, as far as it has come. An event ends with an empty line. */
function lengthOfEvent(): (chunk: Uint8Array) => number {
  let length = 0;
  let isLineEmpty = true;
  let last = 0;
  return (chunk) => {
    let longest = 0;
    for (const byte of chunk) {
      length += 1;
      const isEnd = byte === CR || (byte === LF && last !== CR);
      if (isEnd && isLineEmpty) {
        longest = Math.max(longest, length);
        length = 0;
      }
      if (byte !== LF || last !== CR) isLineEmpty = isEnd;
      last = byte;
    }
    return Math.max(longest, length);
  };
}

function tooLarge(host: string, what: string, bytes: number): PrusikError {
  return new PrusikError('MCP_MESSAGE_TOO_LARGE', `${what} of ${host} is larger than ${bytes} bytes`, {
    meta: { host, bytes, sent: true },
  });
}
