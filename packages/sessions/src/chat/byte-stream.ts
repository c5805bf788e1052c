import type { Clock } from '@prusik/core';

/** How the items of a stream are written. */
export interface ByteFormat<T> {
  readonly item: (item: T) => string;
  /** What is written when the items end because of an error. */
  readonly failure: (error: unknown) => string;
  /** Written last, however the items ended. */
  readonly end: string;
  /** Written when nothing else was for a while, so that nobody on the way takes the connection for dead. Not empty. */
  readonly keepAlive: string;
}

export interface ByteStreamOptions {
  readonly clock: Clock;
  readonly keepAliveMs: number;
  /** Once, however it ended. */
  readonly onOver: () => void;
}

type Settled<T> = { readonly result: IteratorResult<T> } | { readonly error: unknown };

/**
 * Items as bytes, as fast as the reader takes them: nothing is made before it is asked for, so a reader that is slow or gone costs one item. The stream never
 * errors: a connection that breaks tells a client less than a line does.
 */
export function byteStream<T>(
  items: AsyncIterator<T>,
  { item, failure, end, keepAlive }: ByteFormat<T>,
  { clock, keepAliveMs, onOver }: ByteStreamOptions,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let reading = false;
  let settled: Settled<T> | undefined;
  let wake = (): void => {};
  let isOver = false;

  function read(): void {
    reading = true;
    const settle = (what: Settled<T>): void => {
      reading = false;
      settled = what;
      wake();
    };
    items.next().then(
      (result) => settle({ result }),
      (error: unknown) => settle({ error }),
    );
  }

  async function settledOrQuiet(): Promise<void> {
    if (settled !== undefined) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    const timer = clock.after(keepAliveMs, resolve);
    await promise;
    timer[Symbol.dispose]();
  }

  function textOf(what: Settled<T>): { readonly text: string; readonly isLast: boolean } {
    let error: unknown;
    try {
      if ('result' in what) {
        const { done, value } = what.result;
        return done === true ? { text: end, isLast: true } : { text: item(value), isLast: false };
      }
      ({ error } = what);
    } catch (thrown) {
      // An item that cannot be written.
      error = thrown;
    }
    return { text: failure(error) + end, isLast: true };
  }

  function finish(): void {
    if (isOver) return;
    isOver = true;
    onOver();
  }

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (settled === undefined && !reading) read();
        await settledOrQuiet();
        if (isOver) return;
        const what = settled;
        settled = undefined;
        const { text, isLast } = what === undefined ? { text: keepAlive, isLast: false } : textOf(what);
        if (text !== '') controller.enqueue(encoder.encode(text));
        if (!isLast) return;
        finish();
        controller.close();
      },
      cancel() {
        finish();
        wake();
        // One that reads just now is told by its signal.
        void items.return?.().catch(() => {});
      },
    },
    { highWaterMark: 1 },
  );
}
