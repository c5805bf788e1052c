import { expect, it } from 'vitest';
import { errorFields, PrusikError, shown } from '../src/index.ts';

it('I11: what is told of an error where nobody asked for content is its code and its facts', () => {
  const error = new PrusikError('MODEL_CALL_FAILED', 'CANARY', {
    retryable: true,
    cause: new Error('CANARY'),
    meta: { class: 'rate-limit', statusCode: 429, retryAfterMs: 5, provider: 'CANARY', body: 'CANARY' },
  });

  expect(errorFields(error)).toEqual({
    code: 'MODEL_CALL_FAILED',
    retryable: true,
    class: 'rate-limit',
    status: 429,
    retryAfterMs: 5,
  });
  expect(errorFields(Object.assign(new Error('x'), { name: 'SuppressedError', suppressed: error })).code).toBe(
    'MODEL_CALL_FAILED',
  );
});

it.each([
  new Error('CANARY'),
  'CANARY',
  undefined,
  new PrusikError('a CANARY as a code', 'x', { meta: { class: 'CANARY CANARY', status: 'CANARY' } }),
  new PrusikError(`A${'B'.repeat(64)}`, 'x'),
  Object.assign(new Error('x'), { name: 'PrusikError', code: 'a b', meta: undefined }),
  Object.defineProperty(new PrusikError('X_Y', 'x'), 'meta', {
    get() {
      throw new Error('CANARY');
    },
  }),
])('I11: whatever was thrown is told by the form of a code or by none: %#', (thrown) => {
  expect(errorFields(thrown)).toEqual({ code: 'UNKNOWN_ERROR', retryable: false });
});

it('I9: a wrong value is shown to whoever passed it, and not more of it than a line', () => {
  const ring: { self?: unknown } = {};
  ring.self = ring;

  expect(shown('a"b')).toBe('"a\\"b"');
  expect(shown('x'.repeat(1e6))).toBe(`"${'x'.repeat(79)}…`);
  expect(shown({ a: 'x'.repeat(1e6) })).toHaveLength(81);
  expect([shown(ring), shown(undefined), shown(1n), shown(() => 1)]).toEqual([
    'a value of type object',
    'undefined',
    'a value of type bigint',
    'a value of type function',
  ]);
});
