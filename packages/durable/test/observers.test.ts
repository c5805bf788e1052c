import { recordingObserver } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';

import { STORES } from './stores.ts';
import { durable, engineOn, entriesOf, key } from './support.ts';

describe.each(Object.entries(STORES))('observers of an engine (%s)', (_, create) => {
  it('TEL-1: tell the whole life of a run, in order, each entry once and after its commit', async () => {
    await using opened = create();
    const { store } = opened;
    const observer = recordingObserver();
    const order = durable('order', async (ctx) => {
      await ctx.step('a', () => 1);
      return ctx.step('b', () => 2);
    });
    await using engine = engineOn(store, [order], { observers: [observer] });

    await engine.run('order', null, { id: 'r' });

    expect(observer.story('r')).toEqual([
      'drive 1',
      'step a',
      'inside a',
      'committed run-claim step-end',
      'step-over a true',
      'step b',
      'inside b',
      'committed step-end',
      'step-over b true',
      'committed run-end',
      'over ended',
    ]);
    const [, ...driven] = await entriesOf(store, key('r'));
    expect(observer.entriesOf('r')).toEqual(driven);
  });
});
