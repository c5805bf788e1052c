import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { durable, engineOn, gate, turns, untilCalled } from './support.ts';

it('DEF-5: no timer outlives the last drive, so what an engine held can be collected', async () => {
  const clock = fakeClock();
  const engine = engineOn(memoryStore({ clock }), [durable('work', (ctx) => ctx.step('s', () => 1))], { clock });

  expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'completed', output: 1 });

  expect(clock.pending).toBe(0);
});

it('DEF-5: none either where a lease was being renewed when that drive ended', async () => {
  const clock = fakeClock();
  const inner = memoryStore({ clock });
  const renewal = untilCalled();
  const answer = gate();
  const store: typeof inner = {
    ...inner,
    async renew(...asked) {
      renewal.call();
      await answer.opened;
      return inner.renew(...asked);
    },
  };
  const work = gate();
  const engine = engineOn(store, [durable('work', (ctx) => ctx.step('s', () => work.opened.then(() => 1)))], { clock });
  const running = engine.run('work', null, { id: 'r' });
  await turns();
  clock.advance(10_000);
  await renewal.called;

  work.open();
  expect(await running).toMatchObject({ status: 'completed', output: 1 });
  await engine[Symbol.asyncDispose]();
  answer.open();
  await turns();

  expect(clock.pending).toBe(0);
});
