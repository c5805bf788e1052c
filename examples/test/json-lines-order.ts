import type { Clock, DurableContext, Effect, Json, Store, StepScope } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import type { WriteLine } from '@prusik/testing-contracts';

const SESSION = { id: 's', whenBusy: 'queue' } as const;

/** A step of each effect, two at once, a child and a signal, in a session; and a second run that stands in its queue. */
function definitions(write: WriteLine) {
  const act = (ctx: DurableContext, step: StepScope, effect: Effect): void =>
    write({ type: 'effect', run: ctx.run.key, step: step.key, effect, idempotencyKey: step.idempotencyKey });
  return [
    {
      name: 'order',
      kind: 'function',
      version: '1',
      async run(ctx: DurableContext) {
        await Promise.all([
          ctx.step('reserve', (step) => act(ctx, step, 'repeatable')),
          ctx.step('charge', (step) => act(ctx, step, 'keyed'), { effect: 'keyed' }),
        ]);
        await ctx.step('ship', (step) => act(ctx, step, 'once'), { effect: 'once', inDoubt: 'fail' }).catch(() => null);
        const told = await ctx.receive('delivered');
        const { output: thanked } = await ctx.child('thanks', 'thank', null);
        return { told: (told as { value?: Json }).value ?? null, thanked };
      },
    },
    {
      name: 'thank',
      kind: 'function',
      version: '1',
      run: (ctx: DurableContext) => ctx.step('mail', (step) => (act(ctx, step, 'keyed'), 'sent'), { effect: 'keyed' }),
    },
  ] as const;
}

/** Whatever the runs wait for comes, and comes again in every life. */
export async function bringOrderToEnd(store: Store, write: WriteLine, clock?: Clock): Promise<void> {
  const engine = createEngine({
    store,
    definitions: definitions(write),
    limits: { parkAfterMs: 0 },
    ...(clock ? { clock } : {}),
  });
  await engine.start('order', null, { id: 'o-1', session: SESSION });
  await engine.start('thank', null, { id: 'o-2', session: SESSION });
  await engine.signal({ tenant: 'default', run: 'o-1' }, 'delivered', 'yes');
  for (const run of ['o-1', 'o-2']) {
    for (let turn = 0; ; turn += 1) {
      const { status } = await engine.drive({ tenant: 'default', run });
      if (status === 'completed') break;
      if (status !== 'waiting' || turn > 50) throw new Error(`Run ${run} is ${status}`);
    }
  }
  await engine[Symbol.asyncDispose]();
}
