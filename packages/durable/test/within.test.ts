import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { within } from '@prusik/core';

describe('I9: code that was passed in has so long', () => {
  it('gives what it gave in time, and sets no timer that outlives it', async () => {
    const clock = fakeClock();
    expect(await within(clock, 10, () => 7)).toBe(7);
    await expect(within(clock, 10, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(clock.pending).toBe(0);
  });

  it('is TIMED_OUT after that, and a late rejection is nobody’s surprise', async () => {
    const clock = fakeClock();
    const { promise, reject } = Promise.withResolvers<never>();
    const waiting = within(clock, 10, () => promise);
    clock.advance(10);
    await expect(waiting).rejects.toMatchObject({ code: 'TIMED_OUT' });
    reject(new Error('too late'));
    await new Promise(setImmediate);
  });
});
