import type { Json } from './json.ts';

/** What may be told about an error without telling content: ids, numbers, names of limits. Never user or model text. */
export type ErrorMeta = Readonly<Record<string, Json>>;

/** What an error says beside its code and message. */
export interface PrusikErrorOptions {
  readonly cause?: unknown;
  /** Whether the same call may succeed later without a change by the caller. @default false */
  readonly retryable?: boolean;
  readonly meta?: ErrorMeta;
}

/**
 * Every condition that Prusik reports. Branch on `code`: it is stable within a major version, `message` is not.
 * A code is 1 to 64 capitals, digits and `_`; one that is none is not recorded, since codes go where no text may go.
 * Compare the code, never `instanceof`: two installed copies of core break the latter. Use {@link isPrusikError}.
 */
export class PrusikError extends Error {
  override readonly name = 'PrusikError';
  readonly code: string;
  readonly retryable: boolean;
  readonly meta: ErrorMeta;

  constructor(code: string, message: string, options: PrusikErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.meta = options.meta ?? {};
  }
}

/** True for an error of any copy of Prusik; with `code`, only for that one. Never throws, whatever was thrown: what cannot be looked at is none. */
export function isPrusikError(error: unknown, code?: string): error is PrusikError {
  try {
    return (
      error instanceof Error &&
      error.name === 'PrusikError' &&
      typeof (error as { code?: unknown }).code === 'string' &&
      (code === undefined || (error as PrusikError).code === code)
    );
  } catch {
    return false;
  }
}
