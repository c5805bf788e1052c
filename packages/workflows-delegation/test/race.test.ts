import type { DurableContext, DurableDefinition, PrusikError } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { childrenOf, engineFor } from './engines.ts';

const patient: DurableDefinition<null, string> = {
  name: 'patient',
  kind: 'function',
  version: '1',
  run: async (ctx: DurableContext) => {
    await ctx.receive('go');
    return 'patient';
  },
};
const quick: DurableDefinition<null, string> = {
  ...patient,
  name: 'quick',
  run: (ctx: DurableContext) => ctx.step('s', () => 'quick'),
};

describe('ctx.race', () => {
  it('WFL-7, DUR-9: settles as the first does, cancels the losers, and has the same winner when it is replayed', async () => {
    const store = memoryStore();
    const workflow = defineWorkflow({
      name: 'racing',
      input: z.null(),
      agents: { patient, quick },
      delegation: {},
      run: async (ctx) => {
        const first = await ctx.race([
          (signal) => ctx.agents.patient.run('patient', null, { signal }),
          (signal) => ctx.agents.quick.run('quick', null, { signal }),
          async (signal) => {
            await ctx.ask('person', { text: 'Who?', answer: z.string(), signal });
            return 'person';
          },
        ]);
        await ctx.receive('on');
        return first;
      },
    });
    const engine = engineFor([workflow], { store });
    expect(await engine.run('racing', null, { id: 'parent' })).toMatchObject({ status: 'waiting' });
    const parent = { tenant: 'default', run: 'parent' };
    expect((await childrenOf(store, 'parent')).map((run) => [run.parent?.key, run.status]).toSorted()).toEqual([
      ['patient', 'cancelled'],
      ['quick', 'completed'],
    ]);
    expect((await store.listRequests({ tenant: 'default', limit: 9 })).items).toMatchObject([{ status: 'withdrawn' }]);
    const again = engineFor([workflow], { store });
    await again.signal(parent, 'on', null);

    expect(await again.drive(parent)).toMatchObject({ status: 'completed', output: 'quick' });
  });

  it('WFL-7: rejects where the first one fails, and one without racers is refused', async () => {
    const workflow = defineWorkflow({
      name: 'losing',
      input: z.null(),
      agents: { patient },
      delegation: {},
      run: async (ctx) => {
        const failed = await ctx
          .race([
            (signal) => ctx.agents.patient.run('patient', null, { signal }),
            () => {
              throw new TypeError('fell over');
            },
          ])
          .catch((error: PrusikError) => error.message);
        const nobody = await ctx.race([]).catch((error: TypeError) => error.message);
        return [failed, nobody];
      },
    });
    const engine = engineFor([workflow]);

    expect(await engine.run('losing', null, { id: 'parent' })).toMatchObject({
      output: ['fell over', expect.stringContaining('nobody runs')],
    });
    // Given up before it had started.
    expect(await childrenOf(engine.store, 'parent')).toEqual([]);
  });
});
