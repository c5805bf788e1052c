import { PrusikError, type Clock } from '@prusik/core';

export interface Watched {
  readonly clock: Clock;
  /** The whole call, at most. */
  readonly timeoutMs: number;
  /** From the start to the first chunk, and between two, at most. */
  readonly stallMs: number;
  readonly signal: AbortSignal;
}

/** Ends a call that takes too long, in all or between two chunks, or whose step is told to stop; the model may ignore its signal. */
export interface Watchdog {
  /** Something came. */
  sign(): void;
  end(): void;
}

/** `bark` is told why the call is ended. */
export function watchdog({ clock, signal, timeoutMs, stallMs }: Watched, bark: (why: unknown) => void): Watchdog {
  const started = clock.monotonic();
  let lastSign = started;
  let timer: Disposable | undefined;
  const onAbort = (): void => bark(signal.reason);
  // One timer for the whole call, which looks again when it fires: a timer per chunk would cost more than the chunk.
  const arm = (now = clock.monotonic()): void => {
    const stalledIn = lastSign + stallMs - now;
    const overIn = started + timeoutMs - now;
    if (stalledIn <= 0) return bark(tooLate('MODEL_STALLED', `Nothing came from the model for ${stallMs} ms`));
    if (overIn <= 0) return bark(tooLate('MODEL_TIMEOUT', `The model call took longer than ${timeoutMs} ms`));
    timer = clock.after(Math.min(stalledIn, overIn), () => arm());
  };
  if (signal.aborted) onAbort();
  else {
    signal.addEventListener('abort', onAbort, { once: true });
    arm(started);
  }
  return {
    sign: () => {
      lastSign = clock.monotonic();
    },
    end: () => {
      timer?.[Symbol.dispose]();
      signal.removeEventListener('abort', onAbort);
    },
  };
}

const tooLate = (code: string, message: string): PrusikError =>
  new PrusikError(code, message, { retryable: true, meta: { class: 'timeout' } });
