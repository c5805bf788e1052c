import { describe, expect, it } from 'vitest';
import { isInDoubt, primaryError, PrusikError, retryAfterMs, serializeError } from '../src/index.ts';

const suppressed = (first: unknown, cleanup: unknown = new Error('cleanup')): Error =>
  Object.assign(new Error('An error was suppressed during disposal'), {
    name: 'SuppressedError',
    suppressed: first,
    error: cleanup,
  });
const coded = (meta = {}): PrusikError => new PrusikError('SHOP_LOST', 'gone', { retryable: true, meta });
const plain = new Error('plain');

describe('ERR-2: an error that holds errors', () => {
  it('has a first one, which tells what happened', () => {
    const known = coded();

    expect(primaryError(suppressed(plain))).toBe(plain);
    expect(primaryError(suppressed(suppressed(plain)))).toBe(plain);
    expect(primaryError(suppressed(new AggregateError([known, plain])))).toBe(known);
    expect(primaryError(suppressed('a text'))).toBe('a text');
  });

  it('without a code for all of them is itself', () => {
    for (const thrown of [new AggregateError([plain, coded()], 'all'), new AggregateError([]), plain, 'no', undefined])
      expect(primaryError(thrown)).toBe(thrown);
  });

  it('has the code and the facts of the first, and is recorded as that', () => {
    const record = { code: 'SHOP_LOST', message: 'gone', retryable: true, meta: { inDoubt: true } };

    for (const thrown of [
      suppressed(coded({ inDoubt: true })),
      suppressed(suppressed(coded({ inDoubt: true }))),
      new AggregateError([coded({ inDoubt: true }), plain]),
      suppressed(new AggregateError([coded({ inDoubt: true })])),
    ]) {
      expect(serializeError(thrown, 'STEP_FAILED')).toEqual(record);
      expect(isInDoubt(thrown)).toBe(true);
    }
    expect(serializeError(suppressed(plain), 'STEP_FAILED')).toEqual({ code: 'STEP_FAILED', message: 'Error: plain' });
    expect(serializeError(new AggregateError([plain], 'all of them')).message).toBe('AggregateError: all of them');
  });

  it('is in doubt where one of them is, wherever it stands', () => {
    const doubt = coded({ inDoubt: true });

    expect(isInDoubt(new AggregateError([plain, doubt]))).toBe(true);
    expect(isInDoubt(suppressed(plain, doubt))).toBe(true);
    expect(isInDoubt(new AggregateError([plain, coded()]))).toBe(false);
    expect(isInDoubt(suppressed(coded(), plain))).toBe(false);
  });

  it('did nothing only where each of them did nothing; cleaning up does not count', () => {
    expect(retryAfterMs(coded({ retryAfterMs: 5 }))).toBe(5);
    expect(retryAfterMs(suppressed(coded({ retryAfterMs: 5 })))).toBe(5);
    expect(retryAfterMs(new AggregateError([coded({ retryAfterMs: 5 }), coded({ retryAfterMs: 9 })]))).toBe(9);
    expect(retryAfterMs(new AggregateError([coded({ retryAfterMs: 5 }), plain]))).toBeUndefined();
    expect(retryAfterMs(coded({ retryAfterMs: -1 }))).toBeUndefined();
    expect(retryAfterMs(plain)).toBeUndefined();
  });

  it('I9: which holds itself, or throws when it is looked at, is itself', () => {
    const ring = suppressed(undefined);
    Object.assign(ring, { suppressed: ring });
    const hostile = new Proxy(new Error('x'), {
      get() {
        throw new Error('no');
      },
    });

    expect(primaryError(ring)).toBe(ring);
    expect(isInDoubt(ring)).toBe(false);
    expect(primaryError(hostile)).toBe(hostile);
    expect(serializeError(hostile)).toEqual({
      code: 'UNKNOWN_ERROR',
      message: 'A value that cannot be printed was thrown',
    });
  });
});

it('ERR-2: of meta that is too large for a record, what decides about what follows is kept', () => {
  const facts = { class: 'rate-limit', inDoubt: true, retryAfterMs: 5, sent: false, statusCode: 429 };

  expect(serializeError(coded({ ...facts, body: 'x'.repeat(20_000) })).meta).toEqual(facts);
  expect(serializeError(coded({ ...facts, class: 'x'.repeat(20_000) })).meta).toEqual({ ...facts, class: undefined });
  expect(serializeError(coded({ ...facts, ring: Symbol('x') as never, statusCode: Number.NaN })).meta).toEqual({
    class: 'rate-limit',
    inDoubt: true,
    retryAfterMs: 5,
    sent: false,
  });
  expect(serializeError(coded({ body: 'x'.repeat(20_000) }))).not.toHaveProperty('meta');
});
