import { fakeClock } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { createReconnects } from '../src/reconnects.ts';

/** When each of so many reconnects takes place, if each is asked for as soon as the last one was made. */
function storm(times: number, delayMs: number): readonly number[] {
  const clock = fakeClock();
  const reconnects = createReconnects(clock);
  const at: number[] = [];
  const again = (): void => {
    at.push(clock.monotonic());
    if (at.length < times) reconnects.schedule(again, delayMs);
  };
  reconnects.schedule(again, delayMs);
  clock.advance(1e9);
  return at;
}

it('I9: who wants to reconnect at once is slowed down, the more the longer it goes on', () => {
  const at = storm(130, 0);

  expect(at[19]).toBe(20 * 100);
  expect(at[99]).toBe(20 * 100 + 80 * 1_000);
  expect(at[129]).toBe(20 * 100 + 80 * 1_000 + 30 * 30_000);
});

it('MCP-2: a server that says when is heard, up to five minutes', () => {
  expect(storm(3, 5_000)).toEqual([5_000, 10_000, 15_000]);
  expect(storm(1, 1e12)).toEqual([300_000]);
});

it('MCP-2: after five quiet minutes all is forgiven', () => {
  const clock = fakeClock();
  const reconnects = createReconnects(clock);
  let made = 0;
  for (let times = 0; times < 50; times += 1) reconnects.schedule(() => (made += 1), 0);
  clock.advance(300_001);
  expect(made).toBe(50);

  reconnects.schedule(() => (made += 1), 0);
  clock.advance(100);

  expect(made).toBe(51);
});

it('I8: what waits can be taken back, one or all, and leaves no timer', () => {
  const clock = fakeClock();
  const reconnects = createReconnects(clock);
  let made = 0;
  const count = (): void => void (made += 1);
  reconnects.schedule(count, 100)();
  reconnects.schedule(count, 100);
  reconnects.schedule(count, 100);

  reconnects.stop();
  reconnects.schedule(count, 100);
  clock.advance(1_000_000);

  expect([made, clock.pending]).toEqual([0, 0]);
});
