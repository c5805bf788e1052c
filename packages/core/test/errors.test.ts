import { describe, expect, it } from 'vitest';
import { deserializeError, isPrusikError, PrusikError, serializeError } from '../src/index.ts';

describe('errors', () => {
  it('ERR-2: serialize and deserialize keep code, message, retryable and meta', () => {
    const error = new PrusikError('SESSION_BUSY', 'held', {
      retryable: true,
      meta: { runId: 'r' },
      cause: new Error('secret'),
    });

    const again = deserializeError(serializeError(error));

    expect(again).toMatchObject({ code: 'SESSION_BUSY', message: 'held', retryable: true, meta: { runId: 'r' } });
    expect(JSON.stringify(serializeError(error))).not.toContain('secret');
  });

  it.each([
    [new RangeError('too far'), 'RangeError: too far'],
    ['a string', 'a string'],
    [undefined, 'undefined'],
    [
      {
        toString: () => {
          throw new Error('no');
        },
      },
      'A value that cannot be printed was thrown',
    ],
  ])('AGT-13: whatever was thrown becomes a record: %#', (thrown, message) => {
    expect(serializeError(thrown)).toEqual({ code: 'UNKNOWN_ERROR', message });
  });

  it.each(['the words of a user', 'lower_case', `X${'Y'.repeat(64)}`, ''])(
    'I11: what has not the form of a code is not recorded as one, and what is known beside it stays: %j',
    (code) => {
      const error = new PrusikError(code, 'held', { retryable: true, meta: { inDoubt: true } });

      expect(serializeError(error, 'STEP_FAILED')).toEqual({
        code: 'STEP_FAILED',
        message: 'held',
        retryable: true,
        meta: { inDoubt: true },
      });
    },
  );

  it('I9: messages are cut', () => {
    expect(serializeError(new Error('x'.repeat(1e6))).message).toHaveLength(2_000);
  });

  it('ERR-1: an error of another copy of core is known by name and code', () => {
    const foreign = Object.assign(new Error('x'), { name: 'PrusikError', code: 'RUN_UNKNOWN' });

    expect(isPrusikError(foreign, 'RUN_UNKNOWN')).toBe(true);
    expect(isPrusikError(foreign, 'OTHER')).toBe(false);
    expect(isPrusikError(new Error('x'))).toBe(false);
  });
});
