import { systemClock, type Clock } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { expect, it } from 'vitest';
import type { EngineWarning } from '../src/index.ts';
import { durable, engineOn } from './support.ts';

it('ERR-1: a step whose outcome the engine itself cannot tell to the journal blocks its run, and its effect is not repeated', async () => {
  let isBroken = false;
  let effects = 0;
  const clock: Clock = {
    ...systemClock,
    // As a defect would: once, right after the body has ended.
    monotonic() {
      if (!isBroken) return systemClock.monotonic();
      isBroken = false;
      throw new Error('A clock that stands still');
    },
  };
  const warnings: EngineWarning[] = [];
  const work = durable('work', (ctx) =>
    ctx.step('pay', () => {
      effects += 1;
      isBroken = true;
    }),
  );
  await using engine = engineOn(memoryStore(), [work], { clock, warnings });

  expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'blocked', code: 'STEP_NOT_RECORDED' });
  expect(warnings).toMatchObject([{ code: 'STEP_NOT_RECORDED', cause: { message: 'A clock that stands still' } }]);
  expect(effects).toBe(1);
});
