import type { DurableContext, Json, Message, StepScope, Store, StoredMessage } from '@prusik/core';
import type { Engine, RunResult } from '@prusik/durable';
import { everyDeath, fakeClock, inspectStore, type Life } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { STORAGES } from './storages.ts';
import { STORES } from './stores.ts';
import { durable, engineOn, entriesOf, gate, key, untilCalled } from './support.ts';

const SESSION = { tenant: 'default', session: 'chat' } as const;
const THREAD = { tenant: 'default', of: 'session', id: 'chat' } as const;
const steer = { id: 'chat', whenBusy: 'steer' } as const;
const withdraw = { id: 'chat', whenBusy: 'withdraw' } as const;
const queue = { id: 'chat', whenBusy: 'queue' } as const;

const said = (role: 'user' | 'assistant', text: string): Message => ({
  v: 1,
  id: `${role} ${text}`,
  role,
  kind: role,
  content: [{ type: 'text', text }],
});
const textOf = ({ content: [part] }: Message): string => (part?.type === 'text' ? part.text : '');
const textsIn = (stored: readonly StoredMessage[]): readonly string[] => stored.map(({ message }) => textOf(message));
const conversation = async (store: Store): Promise<readonly string[]> =>
  textsIn(await store.messages(THREAD, { after: 0, limit: 1_000 }));

/** What one model call of {@link talker} does. */
type Model = (call: {
  readonly run: string;
  readonly n: number;
  readonly attempt: number;
  readonly steered: readonly string[];
}) => Promise<void> | void;

/**
 * As an agent does it: takes over what was steered before it calls its model, and what came while the model answered is a reason to go on. Its first
 * reply calls a tool that a person has to approve where its input is `ask`.
 */
function talker(model: Model = () => {}, beforeEnd: (ctx: DurableContext) => Promise<unknown> = async () => {}) {
  return durable(
    'talker',
    async (ctx, input) => {
      for (let n = 1; ; n += 1) {
        const more = await ctx.step(`model:${n}`, async (step) => {
          const seen = await step.absorb();
          await model({ run: ctx.run.key.run, n, attempt: step.attempt, steered: seen.map(textOf) });
          step.append(said('assistant', `${ctx.run.key.run}/${n}`));
          return (await step.absorb()).length > 0;
        });
        if (input === 'ask' && n === 1) await ctx.request('may-i', { kind: 'approval', body: { n } });
        else if (!more) break;
      }
      await beforeEnd(ctx);
      return textsIn(await ctx.thread.read()).length;
    },
    { openingMessages: (input: Json) => [said('user', String(input))] },
  );
}

const statusOf = async (store: Store, id: string): Promise<readonly unknown[]> => {
  const run = await store.run(key(id));
  return [run?.status, run?.absorbedBy];
};

describe.each(Object.entries(STORES))('a message that is steered (%s)', (_, open) => {
  it('SES-1: enters the conversation in the step that takes it over, and its caller gets the answer of the run that did', async () => {
    await using opened = open();
    const { store } = opened;
    const [begun, release] = [untilCalled(), gate()];
    const definition = talker(async ({ n }) => {
      begun.call();
      if (n === 1) await release.opened;
    });
    await using engine = engineOn(store, [definition]);
    const first = engine.run('talker', 'one', { id: 'first', session: steer });
    await begun.called;

    const second = engine.run('talker', 'two', { id: 'second', session: steer });
    await expect.poll(() => store.session(SESSION)).toMatchObject({ queue: ['second'] });
    release.open();

    expect(await second).toEqual(await first);
    expect(await first).toMatchObject({ run: key('first'), status: 'completed', output: 4 });
    expect(await conversation(store)).toEqual(['one', 'first/1', 'two', 'first/2']);
    expect(await statusOf(store, 'second')).toEqual(['completed', 'first']);
    const absorbed = (await entriesOf(store, key('first'))).flatMap((entry) =>
      entry.type === 'step-end' ? [entry.absorbed] : [],
    );
    expect(absorbed).toEqual([['second'], undefined]);
    expect((await inspectStore(store)).violations).toEqual([]);
  });

  it('SES-7: delivered twice it is taken over once, before and after it was; with other input it is refused', async () => {
    await using opened = open();
    const { store } = opened;
    const [begun, release] = [untilCalled(), gate()];
    await using engine = engineOn(store, [
      talker(async () => {
        begun.call();
        await release.opened;
      }),
    ]);
    const first = engine.run('talker', 'one', { id: 'first', session: steer });
    await begun.called;
    const again = { id: 'second', session: steer };
    await engine.start('talker', 'two', again);
    await engine.start('talker', 'two', again);
    await expect(engine.start('talker', 'three', again)).rejects.toMatchObject({ code: 'RUN_INPUT_MISMATCH' });
    release.open();
    await first;

    expect(await engine.run('talker', 'two', again)).toEqual(await first);
    expect(await conversation(store)).toEqual(['one', 'first/1', 'two', 'first/2']);
  });

  it('SES-1: is not taken over by a step that fails: it has its own turn, in which its messages are new', async () => {
    await using opened = open();
    const { store } = opened;
    const [begun, release] = [untilCalled(), gate()];
    const definition = talker(async ({ run, n }) => {
      begun.call();
      if (n === 1) await release.opened;
      // It has the message in hand.
      if (run === 'first' && n === 2) throw new Error('the model is gone');
    });
    await using engine = engineOn(store, [definition]);
    const first = engine.run('talker', 'ask', { id: 'first', session: steer });
    await begun.called;
    release.open();
    expect(await first).toMatchObject({ status: 'waiting' });

    const second = await engine.run('talker', 'two', { id: 'second', session: withdraw });

    expect(await statusOf(store, 'first')).toEqual(['failed', undefined]);
    expect(second).toMatchObject({ run: key('second'), status: 'completed' });
    expect(await conversation(store)).toEqual(['ask', 'first/1', 'two', 'second/1']);
    expect((await inspectStore(store)).violations).toEqual([]);
  });

  it('DUR-13: that a failed execution had in hand is taken over by the next one of its step', async () => {
    await using opened = open();
    const { store } = opened;
    const attempts: (readonly string[])[] = [];
    const definition = durable(
      'talker',
      async (ctx) => {
        await ctx.request('may-i', { kind: 'approval', body: null });
        const body = async (step: StepScope): Promise<void> => {
          attempts.push((await step.absorb()).map(textOf));
          if (step.attempt === 1) throw new Error('the model is gone');
        };
        return ctx.step('model', body, { retry: { attempts: 2, backoffMs: 1 } });
      },
      { openingMessages: (input) => [said('user', String(input))] },
    );
    await using engine = engineOn(store, [definition]);
    await engine.run('talker', 'one', { id: 'first', session: steer });

    await engine.run('talker', 'two', { id: 'second', session: withdraw });

    expect(attempts).toEqual([['two'], ['two']]);
    expect(await conversation(store)).toEqual(['one', 'two']);
  });

  it('I7: that is cancelled while a step has it in hand is withdrawn: the step is executed again without it', async () => {
    await using opened = open();
    const { store } = opened;
    const calls: (readonly string[])[] = [];
    const [begun, release] = [untilCalled(), gate()];
    const definition = talker(async ({ n, steered }) => {
      if (n === 2) calls.push(steered);
      if (n !== 2 || calls.length > 1) return;
      begun.call();
      await release.opened;
    });
    await using engine = engineOn(store, [definition]);
    await engine.run('talker', 'ask', { id: 'first', session: steer });
    const second = engine.run('talker', 'two', { id: 'second', session: withdraw });
    await begun.called;

    await engine.cancel(key('second'), 'not so');
    release.open();

    expect(await second).toMatchObject({ run: key('second'), status: 'cancelled' });
    expect(await engine.drive(key('first'))).toMatchObject({ status: 'completed' });
    expect(calls).toEqual([['two'], []]);
    expect(await conversation(store)).toEqual(['ask', 'first/1', 'first/2']);
    expect((await inspectStore(store)).violations).toEqual([]);
  });

  it('I7: that was taken over can be cancelled no more', async () => {
    await using opened = open();
    await using engine = engineOn(opened.store, [talker()]);
    await engine.run('talker', 'ask', { id: 'first', session: steer });
    await engine.run('talker', 'two', { id: 'second', session: withdraw });

    expect(await engine.cancel(key('second'))).toEqual({ outcome: 'closed' });
    expect(await statusOf(opened.store, 'second')).toEqual(['completed', 'first']);
  });

  it('SES-1: has its own turn when the run that has it in hand is cancelled, although that ends its step in time', async () => {
    await using opened = open();
    const { store } = opened;
    const [begun, release] = [untilCalled(), gate()];
    const definition = talker(async ({ run, n }) => {
      if (run !== 'first' || n !== 2) return;
      begun.call();
      await release.opened;
    });
    await using engine = engineOn(store, [definition], { limits: { cancelGraceMs: 5_000 } });
    await engine.run('talker', 'ask', { id: 'first', session: steer });
    const second = engine.run('talker', 'two', { id: 'second', session: withdraw });
    await begun.called;

    await engine.cancel(key('first'));
    await expect
      .poll(() => entriesOf(store, key('first')))
      .toContainEqual(expect.objectContaining({ type: 'run-cancel' }));
    release.open();

    expect(await second).toMatchObject({ run: key('second'), status: 'completed' });
    expect(await statusOf(store, 'first')).toEqual(['cancelled', undefined]);
    // What the model said before it was stopped is kept; what it had not answered is.
    expect(await conversation(store)).toEqual(['ask', 'first/1', 'first/2', 'two', 'second/1']);
  });

  it('SES-1: that withdraws what a run asks sets it going here, without a worker, and what it asked is told as superseded', async () => {
    await using opened = open();
    const { store } = opened;
    await using engine = engineOn(store, [talker()]);
    const first = await engine.run('talker', 'ask', { id: 'first', session: steer });
    expect(first).toMatchObject({ status: 'waiting' });

    const second = await engine.run('talker', 'two', { id: 'second', session: withdraw });

    expect(second).toMatchObject({ run: key('first'), status: 'completed' });
    expect(await conversation(store)).toEqual(['ask', 'first/1', 'two', 'first/2']);
    const { items } = await store.listRequests({ tenant: 'default', limit: 10 });
    expect(items.map(({ status, decision }) => [status, decision?.reason])).toEqual([['withdrawn', 'superseded']]);
  });

  it('SES-1: waits for the decision that the run waits for, says so, and lands after it', async () => {
    await using opened = open();
    const { store } = opened;
    await using engine = engineOn(store, [talker()]);
    const first = await engine.run('talker', 'ask', { id: 'first', session: steer });
    const requests = first.status === 'waiting' ? first.requests : [];

    const second = await engine.run('talker', 'two', { id: 'second', session: steer });

    expect(second).toEqual({ run: key('second'), status: 'waiting', requests, wakeAt: null, heldBy: key('first') });
    await engine.decide(key('first'), requests[0]?.request ?? '', { status: 'approved' });
    expect(await engine.drive(key('second'))).toMatchObject({ run: key('first'), status: 'completed' });
    expect(await conversation(store)).toEqual(['ask', 'first/1', 'two', 'first/2']);
  });

  it('SES-1: waits while the run is blocked, and names what would unblock it', async () => {
    await using opened = open();
    const { store } = opened;
    const hangs = (ctx: DurableContext): Promise<unknown> =>
      ctx.step('hangs', () => new Promise(() => {}), { effect: 'once', timeoutMs: 1 });
    await using engine = engineOn(store, [talker(() => {}, hangs)]);
    const first = await engine.run('talker', 'one', { id: 'first', session: steer });
    expect(first).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });

    const second = await engine.run('talker', 'two', { id: 'second', session: withdraw });

    const requests = [{ run: key('first'), request: 'intervention-1' }];
    expect(second).toEqual({ run: key('second'), status: 'waiting', requests, wakeAt: null, heldBy: key('first') });
    expect(await engine.drive(key('first'))).toMatchObject({ status: 'blocked' });
    await engine.decide(key('first'), 'intervention-1', { status: 'answered', value: { choice: 'happened' } });
    expect(await engine.drive(key('first'))).toMatchObject({ status: 'completed' });
    expect(await conversation(store)).toEqual(['one', 'first/1', 'two']);
  });

  it('SES-1: to a run that takes nothing over has its turn', async () => {
    await using opened = open();
    const { store } = opened;
    const release = gate();
    const deaf = durable('talker', (ctx) => ctx.step('work', () => release.opened), {
      openingMessages: (input) => [said('user', String(input))],
    });
    await using engine = engineOn(store, [deaf]);
    const first = engine.run('talker', 'one', { id: 'first', session: steer });
    await expect.poll(() => store.session(SESSION)).toMatchObject({ activeRun: 'first' });
    const second = engine.run('talker', 'two', { id: 'second', session: steer });
    await expect.poll(() => store.session(SESSION)).toMatchObject({ queue: ['second'] });
    release.open();

    expect([await first, await second]).toMatchObject([
      { run: key('first') },
      { run: key('second'), status: 'completed' },
    ]);
    expect(await conversation(store)).toEqual(['one', 'two']);
  });

  it('SES-1: of two that were not taken over the first has its turn and takes over the second', async () => {
    await using opened = open();
    const { store } = opened;
    await using engine = engineOn(store, [talker()]);
    await engine.run('talker', 'ask', { id: 'first', session: steer });
    await engine.start('talker', 'two', { id: 'second', session: steer });
    await engine.start('talker', 'three', { id: 'third', session: steer });
    await engine.cancel(key('first'));

    const second = await engine.run('talker', 'two', { id: 'second', session: steer });

    expect(second).toMatchObject({ run: key('second'), status: 'completed' });
    expect(await statusOf(store, 'third')).toEqual(['completed', 'second']);
    expect(await conversation(store)).toEqual(['ask', 'first/1', 'two', 'three', 'second/1']);
  });

  it('DUR-9: two steps at once do not take over the same, and each message stands where its step recorded it', async () => {
    await using opened = open();
    const { store } = opened;
    const both = gate();
    let waiting = 0;
    const definition = durable(
      'talker',
      async (ctx) => {
        await ctx.request('may-i', { kind: 'approval', body: null });
        const took = await Promise.all(
          ['a', 'b'].map((name) =>
            ctx.step(name, async (step) => {
              const steered = await step.absorb();
              if ((waiting += 1) === 2) both.open();
              await both.opened;
              return steered.map(textOf);
            }),
          ),
        );
        return took.flat();
      },
      { openingMessages: (input) => [said('user', String(input))] },
    );
    await using engine = engineOn(store, [definition]);
    await engine.run('talker', 'one', { id: 'first', session: steer });
    await engine.start('talker', 'two', { id: 'second', session: steer });

    const result = await engine.run('talker', 'three', { id: 'third', session: withdraw });

    expect(result).toMatchObject({ run: key('first'), status: 'completed', output: ['two', 'three'] });
    expect(await conversation(store)).toEqual(['one', 'two', 'three']);
  });

  it.each(['once', 'keyed'] as const)('DUR-4: a step of effect %s takes nothing over', async (effect) => {
    await using opened = open();
    const definition = durable('talker', (ctx) =>
      ctx.step('act', (step) => step.absorb(), { effect, inDoubt: 'fail' }),
    );
    await using engine = engineOn(opened.store, [definition]);

    const result = await engine.run('talker', 'one', { session: steer });

    expect(result).toMatchObject({ status: 'failed' });
  });

  it('SES-1: a run in no session has nothing to take over, and the store is not asked', async () => {
    await using opened = open();
    let asked = 0;
    const store: Store = {
      ...opened.store,
      steered: (holder) => {
        asked += 1;
        return opened.store.steered(holder);
      },
    };
    await using engine = engineOn(store, [talker()]);

    expect(await engine.run('talker', 'one', { id: 'alone' })).toMatchObject({ status: 'completed', output: 2 });
    expect(asked).toBe(0);
    await engine.run('talker', 'one', { id: 'first', session: steer });
    // Once: from then on a signal says when there is something.
    expect(asked).toBe(1);
  });

  it('SES-1: a store that cannot be asked costs no step: the message waits', async () => {
    await using opened = open();
    let fails = true;
    const store: Store = {
      ...opened.store,
      steered: (holder) => (fails ? Promise.reject(new Error('gone')) : opened.store.steered(holder)),
    };
    await using engine = engineOn(store, [talker()]);
    await engine.run('talker', 'ask', { id: 'first', session: steer });

    const second = await engine.run('talker', 'two', { id: 'second', session: withdraw });
    fails = false;

    expect(second).toMatchObject({ run: key('second'), status: 'completed' });
    expect(await conversation(opened.store)).toEqual(['ask', 'first/1', 'first/2', 'two', 'second/1']);
  });

  it('SES-8: to a session that is closing is refused; what was steered before can be cancelled with the queue', async () => {
    await using opened = open();
    const { store } = opened;
    await using engine = engineOn(store, [talker()]);
    await engine.run('talker', 'ask', { id: 'first', session: steer });
    await engine.start('talker', 'two', { id: 'second', session: steer });
    await store.moveSession(SESSION, 'closing');

    await expect(engine.start('talker', 'three', { session: steer })).rejects.toMatchObject({ code: 'SESSION_CLOSED' });
    await engine.cancel(key('second'));
    await engine.cancel(key('first'));
    expect(await engine.drive(key('second'))).toMatchObject({ run: key('second'), status: 'cancelled' });
    expect(await engine.drive(key('first'))).toMatchObject({ status: 'cancelled' });
    expect(await store.moveSession(SESSION, 'closed')).toMatchObject({ outcome: 'moved' });
  });
});

describe('a message that another process steers', () => {
  it('SES-1: is taken over by the process that holds the run, and answered in the one that sent it', async () => {
    const storage = STORAGES['SQLite']?.();
    const clock = { ...fakeClock(), now: () => Date.now() };
    const [ours, theirs] = [await storage?.open({ clock }), await storage?.open({ clock })] as [Store, Store];
    const [begun, release] = [untilCalled(), gate()];
    const engine = engineOn(ours, [
      talker(async ({ n }) => {
        begun.call();
        if (n === 1) await release.opened;
      }),
    ]);
    const other = engineOn(theirs, [talker()]);
    const first = engine.run('talker', 'one', { id: 'first', session: steer });
    await begun.called;

    const second = other.run('talker', 'two', { id: 'second', session: steer });
    await expect.poll(() => ours.run(key('first'))).toMatchObject({ inbox: 1 });
    release.open();

    expect(await second).toMatchObject({ run: key('first'), status: 'completed', output: 4 });
    expect(await second).toEqual(await first);
    expect(await conversation(theirs)).toEqual(['one', 'first/1', 'two', 'first/2']);
    for (const one of [engine, other, ours, theirs]) await one[Symbol.asyncDispose]();
    await storage?.remove?.();
  });
});

/** One conversation in which everything is steered: while a model answers, while a person is asked, and in a queue behind a message that only queues. */
async function converse({ store, clock, write }: Life): Promise<void> {
  const started: Promise<unknown>[] = [];
  const engine: Engine = engineOn(
    store,
    [
      durable(
        'talker',
        async (ctx, input) => {
          for (let n = 1; ; n += 1) {
            const more = await ctx.step(`model:${n}`, async (step) => {
              write({
                type: 'effect',
                run: ctx.run.key,
                step: step.key,
                effect: 'repeatable',
                idempotencyKey: step.idempotencyKey,
              });
              await step.absorb();
              // Comes while the model answers.
              if (n === 1 && ctx.run.key.run === 'first') await begin('third', 'three', steer);
              step.append(said('assistant', `${ctx.run.key.run}/${n}`));
              return (await step.absorb()).length > 0;
            });
            if (input === 'ask' && n === 1) await ctx.request('may-i', { kind: 'approval', body: null });
            else if (!more) return n;
          }
        },
        { openingMessages: (input: Json) => [said('user', String(input))] },
      ),
    ],
    { clock, limits: { leaseMs: 30_000, heartbeatMs: 10_000 } },
  );
  const begin = (id: string, input: string, session: typeof steer | typeof withdraw | typeof queue): Promise<unknown> =>
    engine.start('talker', input, { id, session });
  const drive = (id: string): Promise<RunResult> => engine.drive(key(id));
  await begin('first', 'ask', steer);
  await begin('second', 'two', queue);
  await drive('first');
  await begin('fourth', 'four', steer);
  await begin('fifth', 'five', withdraw);
  for (const id of ['first', 'second', 'third', 'fourth', 'fifth']) started.push(drive(id));
  await Promise.all(started);
  await engine[Symbol.asyncDispose]();
}

describe.each(Object.entries(STORAGES))('a process that dies while messages are steered (%s)', (name, create) => {
  it('TST-3, I1, SES-1: dies before and after every write: each message is in the conversation once, each run ends once', async () => {
    const every = name === 'memory' || process.env['CRASH_POINTS'] === 'all' ? 1 : 2;
    const points = await everyDeath({
      create,
      live: converse,
      async check({ store }) {
        const texts = await conversation(store);
        const user = texts.filter((text) => !text.includes('/'));
        expect(user.toSorted()).toEqual(['ask', 'five', 'four', 'three', 'two']);
        // Whoever was absorbed has said nothing of its own; everybody else has answered.
        for (const id of ['first', 'second', 'third', 'fourth', 'fifth']) {
          const run = await store.run(key(id));
          expect(run?.status).toBe('completed');
          expect(texts.some((text) => text.startsWith(`${id}/`))).toBe(run?.absorbedBy === undefined);
        }
      },
      every,
    });

    expect(points.size * every).toBeGreaterThan(20);
  }, 60_000);
});
