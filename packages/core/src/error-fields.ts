import { isErrorCode } from './error-code.ts';
import { isPrusikError } from './errors.ts';
import type { LogValue } from './logger.ts';
import { primaryError } from './primary-error.ts';

const CLASS = /^[a-z][a-z-]{0,31}$/;

/** A code as it may be told: `UNKNOWN_ERROR` for what has the form of none. */
export const toldCode = (code: unknown): string => (isErrorCode(code) ? code : 'UNKNOWN_ERROR');

/** What is told of an error where nobody asked for content: no message, no cause, no stack. */
export interface ErrorFields {
  readonly code: string;
  readonly retryable: boolean;
  /** Of a model call: see `ModelErrorClass` of `@prusik/agents`. */
  readonly class?: string;
  /** Of HTTP. */
  readonly status?: number;
  readonly retryAfterMs?: number;
  readonly [field: string]: LogValue;
}

/** An error as fields of a log line or attributes of a span. Never throws, whatever was thrown. */
export function errorFields(thrown: unknown): ErrorFields {
  const error = primaryError(thrown);
  try {
    if (!isPrusikError(error)) return { code: 'UNKNOWN_ERROR', retryable: false };
    const { code, retryable, meta } = error;
    const { class: kind, statusCode, status = statusCode, retryAfterMs } = meta;
    return {
      code: toldCode(code),
      retryable: retryable === true,
      ...(typeof kind === 'string' && CLASS.test(kind) ? { class: kind } : {}),
      ...(isNumber(status) ? { status } : {}),
      ...(isNumber(retryAfterMs) ? { retryAfterMs } : {}),
    };
  } catch {
    return { code: 'UNKNOWN_ERROR', retryable: false };
  }
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
