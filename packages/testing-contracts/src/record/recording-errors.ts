import { PrusikError } from '@prusik/core';

/** What is wrong with a file; `what` is without its content. */
export const recordingInvalid = (what: string, cause?: unknown): PrusikError =>
  new PrusikError('RECORDING_INVALID', `This is no recording of version 2: ${what}`, { cause });

export const recordingTooLarge = (maxBytes: number): PrusikError =>
  new PrusikError('RECORDING_TOO_LARGE', `The recording has more than ${maxBytes} bytes`, { meta: { maxBytes } });
