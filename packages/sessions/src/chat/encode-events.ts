import {
  advanceCursor,
  isPrusikError,
  serializeError,
  systemClock,
  type Clock,
  type EventCursor,
  type RunEvent,
  type RunKey,
} from '@prusik/core';
import { byteStream, type ByteFormat } from './byte-stream.ts';

/** How events become lines of a stream. */
export interface EncodeOptions {
  /** How long nothing may be written before a sign of life is, in milliseconds. @default 15_000 */
  readonly keepAliveMs?: number;
  /** @default systemClock */
  readonly clock?: Clock;
}

/** How events become server-sent events. */
export interface SseOptions extends EncodeOptions {
  /** The run whose events they are; of a tree its root. */
  readonly run: RunKey;
  /** Where the events begin, as it was handed to `events()`. @default from the beginning */
  readonly after?: number | EventCursor;
}

/**
 * Events as server-sent events: `data` is the event as JSON. A committed one has an `id`, from which {@link readEventId} makes the cursor that goes on after
 * it: a browser's `EventSource` sends it by itself when it connects again. After the last event comes one of type `end`; where the events end with an error
 * it is preceded by one of type `failure`, with its code. Cancelling the stream closes the reader, never the run.
 */
export function toSse(events: AsyncIterator<RunEvent>, options: SseOptions): ReadableStream<Uint8Array> {
  const { run, after = {} } = options;
  let cursor: EventCursor = typeof after === 'number' ? { [run.run]: after } : after;
  return encoded(events, options, {
    item(event) {
      const data = `data: ${JSON.stringify(event)}\n\n`;
      if (event.live) return data;
      cursor = advanceCursor(run, cursor, event);
      return `id: ${headerText(cursor)}\n${data}`;
    },
    failure: (error) => `event: failure\ndata: ${JSON.stringify(failureOf(error))}\n\n`,
    end: 'event: end\ndata: {}\n\n',
    keepAlive: ': keep-alive\n\n',
  });
}

/** Events as lines of JSON. Where they end with an error, the last line is `{"failure":{"code":…}}`. An empty line is a sign of life. */
export function toNdjson(events: AsyncIterator<RunEvent>, options: EncodeOptions = {}): ReadableStream<Uint8Array> {
  return encoded(events, options, {
    item: (event) => `${JSON.stringify(event)}\n`,
    failure: (error) => `${JSON.stringify({ failure: failureOf(error) })}\n`,
    end: '',
    keepAlive: '\n',
  });
}

/** It comes back in a header, which has bytes and not characters: a run may have any name. */
const headerText = (cursor: EventCursor): string =>
  JSON.stringify(cursor).replace(
    /[^ -~]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/**
 * The cursor of a `Last-Event-ID` header; nothing without one.
 *
 * @throws {TypeError} for a text that is no id of {@link toSse}.
 */
export function readEventId(id: string | null | undefined): EventCursor | undefined {
  if (id === null || id === undefined || id === '') return undefined;
  let value: unknown;
  try {
    // What else there is has come out of its header as something that it was not.
    value = /^[ -~]+$/.test(id) ? JSON.parse(id) : undefined;
  } catch {
    value = undefined;
  }
  const isCursor =
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((seq) => Number.isSafeInteger(seq) && seq >= 0);
  if (!isCursor) throw new TypeError('The Last-Event-ID is none of an event of this stream');
  return value as EventCursor;
}

function encoded<T>(
  items: AsyncIterator<T>,
  { keepAliveMs = 15_000, clock = systemClock }: EncodeOptions,
  format: ByteFormat<T>,
): ReadableStream<Uint8Array> {
  return byteStream(items, format, { clock, keepAliveMs, onOver: () => {} });
}

/** A code is for everybody; what a foreign error says is not. */
function failureOf(error: unknown): { readonly code: string; readonly retryable: boolean } {
  return { code: serializeError(error).code, retryable: isPrusikError(error) && error.retryable };
}
