import { expect, it } from 'vitest';
import { fakeClock } from '../src/index.ts';

it('I10: a fake clock stands still until it is moved', () => {
  const clock = fakeClock(1_000);
  expect([clock.now(), clock.monotonic()]).toEqual([1_000, 0]);
  clock.advance(50);
  expect([clock.now(), clock.monotonic()]).toEqual([1_050, 50]);
});

it('I10: a jump moves the wall clock only, and calls no timer', () => {
  const clock = fakeClock(1_000);
  let called = 0;
  clock.after(10, () => (called += 1));
  clock.jump(-500);
  clock.jump(10_000);
  expect([clock.now(), clock.monotonic(), called]).toEqual([10_500, 0, 0]);
});

it('I10: timers are called in order, each at its own time, also those that timers set', () => {
  const clock = fakeClock(0);
  const calls: [string, number][] = [];
  const log = (name: string): void => void calls.push([name, clock.now()]);
  clock.after(20, () => log('second'));
  clock.after(20, () => log('third'));
  clock.after(10, () => {
    log('first');
    clock.after(15, () => log('set by the first'));
  });
  clock.after(-5, () => log('at once'));
  clock.after(100, () => log('not yet'));

  clock.advance(30);

  expect(calls).toEqual([
    ['at once', 0],
    ['first', 10],
    ['second', 20],
    ['third', 20],
    ['set by the first', 25],
  ]);
  expect([clock.pending, clock.now()]).toEqual([1, 30]);
});

it('I8: a timer that was disposed is not called and not kept', () => {
  const clock = fakeClock();
  let called = 0;
  const timer = clock.after(10, () => (called += 1));
  timer[Symbol.dispose]();
  timer[Symbol.dispose]();
  clock.advance(20);
  expect([called, clock.pending]).toEqual([0, 0]);
});
