import { withChildren, type DurableContext, type DurableDefinition, type PrusikError } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { dyingStore, fakeClock } from '@prusik/testing-contracts';
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

const LOST = /^second (CALL_ABORTED|CHILD_CANCELLED)$/;

/**
 * A race of three with a place for one, whose process dies at its write number `at`; another brings it to a wait, and a third one from there to the end.
 * What the function was told, by each drive.
 */
async function racedAcrossDeath(
  at: number,
  when: 'before' | 'after',
): Promise<{ readonly died: boolean; readonly told: readonly (readonly string[])[] }> {
  const clock = fakeClock();
  const store = memoryStore({ clock });
  const told: string[][] = [];
  const workflow = defineWorkflow({
    name: 'racing',
    input: z.null(),
    agents: { patient, quick },
    delegation: { parallel: 1 },
    run: async (ctx) => {
      const hears: string[] = [];
      told.push(hears);
      const notes = async (key: string, call: Promise<string>): Promise<string> => {
        const tell = (what: string): void => void hears.push(`${key} ${what}`);
        call.then(
          () => tell('ok'),
          (error: PrusikError) => tell(error.code),
        );
        return call;
      };
      await ctx.race([
        (signal) => notes('first', ctx.agents.quick.run('first', null, { signal })),
        (signal) => notes('second', ctx.agents.patient.run('second', null, { signal })),
        (signal) => notes('third', ctx.agents.patient.run('third', null, { signal })),
      ]);
      await ctx.receive('on');
    },
  });
  const dying = dyingStore(store, at, when);
  const dead = createEngine({
    store: dying.store,
    definitions: withChildren(workflow),
    limits: { parkAfterMs: 0 },
  });
  const parent = { tenant: 'default', run: 'parent' };
  const died = await Promise.race([
    dying.died.then(() => true),
    dead.run('racing', null, { id: parent.run }).then(() => false),
  ]);
  // What is dead answers nobody, so nobody waits for it.
  void dead[Symbol.asyncDispose]();
  if (died) {
    // Its leases run out.
    clock.advance(60_000);
    const heir = engineFor([workflow], { store });
    await heir.run('racing', null, { id: parent.run });
  }
  const last = engineFor([workflow], { store });
  await last.signal(parent, 'on', null);
  expect(await last.drive(parent)).toMatchObject({ status: 'completed' });
  return { died, told };
}

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

  it('WFL-5, WFL-7, DUR-9: tells of its losers in one order, those in the queue too, wherever a process dies and however often it is replayed', async () => {
    for (const when of ['before', 'after'] as const) {
      for (let at = 1; ; at += 1) {
        const { died, told } = await racedAcrossDeath(at, when);
        const [dead = [], ...replays] = told;
        const whole = replays.at(-1) ?? dead;
        const where = `${when} write ${at}`;
        expect(whole.slice(0, 1), where).toEqual(['first ok']);
        expect(whole.toSorted(), where).toEqual(['first ok', expect.stringMatching(LOST), 'third CALL_ABORTED']);
        expect(dead, where).toEqual(whole.slice(0, dead.length));
        for (const replay of replays) expect(replay, where).toEqual(whole);
        if (!died) break;
        expect(at).toBeLessThan(100);
      }
    }
  });
});
