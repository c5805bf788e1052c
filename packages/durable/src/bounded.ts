import { PrusikError, toFrozenJson, type Json } from '@prusik/core';

/**
 * A frozen copy of `value` as JSON that has at most `maxBytes` bytes.
 *
 * @throws {PrusikError} `code` when it has more.
 * @throws {TypeError} when it is not JSON.
 */
export function bounded(what: string, value: unknown, maxBytes: number, code = 'VALUE_TOO_LARGE'): Json {
  try {
    return toFrozenJson(value, maxBytes);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new PrusikError(code, `The ${what} has more than ${maxBytes} bytes as JSON`, { cause, meta: { maxBytes } });
  }
}
