import { describe, expect, it } from 'vitest';
import { createBreaker, type Breaker, type Health } from '../src/breaker.ts';

const model = { name: 'm' };

function call(breaker: Breaker, now: number, health: Health, retryAfterMs = 0): number | 'called' {
  const passage = breaker.enter(model, now);
  if ('retryInMs' in passage) return passage.retryInMs;
  passage.settle(health, now, retryAfterMs);
  return 'called';
}

describe('AGT-7: the breaker of a model', () => {
  const options = { failures: 3, windowMs: 1_000, openMs: 500 };

  it('opens after so many failures in a row within its window, for its time', () => {
    const breaker = createBreaker(options);

    for (const at of [0, 100, 200]) expect(call(breaker, at, 'down')).toBe('called');

    expect(call(breaker, 300, 'up')).toBe(400);
    expect(call(breaker, 700, 'up')).toBe('called');
    expect(call(breaker, 701, 'up')).toBe('called');
  });

  it('counts no failures that a success parted, or that are further apart than its window', () => {
    const breaker = createBreaker(options);

    for (const at of [0, 100]) call(breaker, at, 'down');
    call(breaker, 150, 'up');
    for (const at of [200, 300, 1_400, 1_500]) call(breaker, at, 'down');

    expect(call(breaker, 1_600, 'up')).toBe('called');
  });

  it('lets one call try when its time is over, and opens again when that fails', () => {
    const breaker = createBreaker(options);
    for (const at of [0, 0, 0]) call(breaker, at, 'down');

    const probe = breaker.enter(model, 500);

    expect(call(breaker, 500, 'up')).toBe(1_000);
    if ('settle' in probe) probe.settle('down', 600);
    expect(call(breaker, 700, 'up')).toBe(400);
    expect(call(breaker, 1_100, 'up')).toBe('called');
    expect(call(breaker, 1_100, 'up')).toBe('called');
  });

  it('lets the next one try after a probe that was told to stop', () => {
    const breaker = createBreaker(options);
    for (const at of [0, 0, 0]) call(breaker, at, 'down');

    expect(call(breaker, 500, 'unknown')).toBe('called');
    expect(call(breaker, 500, 'up')).toBe('called');
  });

  it('stays open as long as the provider asks for', () => {
    const breaker = createBreaker(options);
    for (const at of [0, 0, 0]) call(breaker, at, 'down', 5_000);

    expect(call(breaker, 500, 'up')).toBe(4_500);
  });

  it('is not closed by a call that began before it opened', () => {
    const breaker = createBreaker(options);
    const early = breaker.enter(model, 0);
    for (const at of [0, 0, 0]) call(breaker, at, 'down');

    if ('settle' in early) early.settle('up', 100);

    expect(call(breaker, 100, 'up')).toBe(400);
  });

  it('keeps models apart', () => {
    const breaker = createBreaker(options);
    for (const at of [0, 0, 0]) call(breaker, at, 'down');

    expect(breaker.enter({ name: 'other' }, 0)).toHaveProperty('settle');
  });
});
