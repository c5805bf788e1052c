import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, it } from 'vitest';
import { systemClock } from '../src/index.ts';

const soon = (ms: number): Promise<number> =>
  new Promise((resolve) => systemClock.after(ms, () => resolve(systemClock.monotonic())));

it('the machine’s clock wakes once the time is over, in the order of time, also whoever asks for a time that is over', async () => {
  const started = systemClock.monotonic();
  const woken: string[] = [];

  await Promise.all([soon(20).then(() => woken.push('20')), soon(5).then(() => woken.push('5')), soon(0)]);

  expect(woken).toEqual(['5', '20']);
  // Timers count from the turn of the event loop in which they were asked for, which began a little before.
  expect(systemClock.monotonic() - started).toBeGreaterThanOrEqual(15);
});

it('what is disposed never wakes, whether in the same turn or later', async () => {
  const woken: string[] = [];
  const at = (name: string): Disposable => systemClock.after(5, () => woken.push(name));
  const sameTurn = at('same turn');
  const later = at('later');
  sameTurn[Symbol.dispose]();
  await new Promise(setImmediate);
  later[Symbol.dispose]();

  await soon(20);

  expect(woken).toEqual([]);
});

it('nobody’s async context reaches what somebody else has asked for', async () => {
  const storage = new AsyncLocalStorage<string>();
  const seen = Promise.withResolvers<string | undefined>();

  storage.run('mine', () => systemClock.after(1, () => {}));
  systemClock.after(1, () => seen.resolve(storage.getStore()));

  expect(await seen.promise).toBeUndefined();
});
