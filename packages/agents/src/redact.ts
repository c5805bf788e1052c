import { withoutSecrets } from '@prusik/core';

const TEXT_LIMIT = 2_000;

/** A text of somebody else's error as it may be recorded and shown to a model: without credentials, at most 2,000 characters. */
export function redact(text: string): string {
  // Cut first: the patterns must not run over half a gigabyte.
  const short = text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)} […]` : text;
  return withoutSecrets(short);
}

/** The message of anything thrown, redacted; never a stack. */
export function describeError(thrown: unknown): string {
  try {
    if (thrown instanceof Error) return redact(thrown.message === '' ? thrown.name : thrown.message);
    return redact(
      typeof thrown === 'string' ? thrown : `A value of type ${typeof thrown} was thrown: ${String(thrown)}`,
    );
  } catch {
    return 'A value that cannot be printed was thrown';
  }
}
