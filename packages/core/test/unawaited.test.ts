import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { unawaited } from '../src/index.ts';

describe('unawaited', () => {
  it.each([
    ['of this realm', () => Promise.reject(new Error('late'))],
    ['of another one', runInNewContext('() => Promise.reject(new Error("late"))') as () => unknown],
  ])('AGT-13: tells of the rejection of a promise %s, and the process hears nothing', async (_, make) => {
    const told: unknown[] = [];

    expect(unawaited(make(), (cause) => told.push(cause))).toBe(true);
    await new Promise(setImmediate);

    expect(told).toMatchObject([{ message: 'late' }]);
  });

  it('leaves alone what only looks like a promise: to ask it for its end may be what begins it', () => {
    let begun = 0;
    // oxlint-disable-next-line unicorn/no-thenable -- it is what the test is about
    const query = { then: () => (begun += 1) };

    expect(unawaited(query)).toBe(false);
    expect(begun).toBe(0);
  });
});
