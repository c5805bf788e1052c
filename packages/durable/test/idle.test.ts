import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { durable, engineOn } from './support.ts';

it('DEF-5: no timer outlives the last drive, so what an engine held can be collected', async () => {
  const clock = fakeClock();
  const engine = engineOn(memoryStore({ clock }), [durable('work', (ctx) => ctx.step('s', () => 1))], { clock });

  expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'completed', output: 1 });

  expect(clock.pending).toBe(0);
});
