import { PrusikError, type Commit, type DurableContext, type Entry, type StepOptions, type Store } from '@prusik/core';
import { fakeClock, recordingObserver } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, gate, key, turns, untilCalled } from './support.ts';
import { STORES } from './stores.ts';

/** The store, and what is committed to it. */
function watched(inner: Store): { readonly store: Store; readonly commits: Commit[] } {
  const commits: Commit[] = [];
  const commit: Store['commit'] = (given) => {
    commits.push(given);
    return inner.commit(given);
  };
  return { store: { ...inner, commit }, commits };
}

const typesOf = (entries: readonly Pick<Entry, 'type'>[]): readonly string[] => entries.map(({ type }) => type);
const ofOnce = (entries: readonly Entry[]): readonly Entry[] =>
  entries.filter((entry) => 'key' in entry && entry.key === 'once');

/** A step that leads to one of effect once, and the one. */
const lead = (ctx: DurableContext): Promise<number> =>
  ctx.step('lead', () => 1, { leadsTo: () => [{ key: 'once', name: 'act' }] });
const act = (ctx: DurableContext, effect: () => unknown): Promise<unknown> =>
  ctx.step('once', effect, { effect: 'once', name: 'act' });

describe.each(Object.entries(STORES))('a once step whose intent goes ahead (%s)', (_, open) => {
  it('DUR-5: has it in the commit of the outcome that leads to it, and is executed when it is asked for', async () => {
    await using opened = open();
    const { store, commits } = watched(opened.store);
    const told: string[] = [];
    const work = durable('work', async (ctx) => {
      await lead(ctx);
      told.push('asked');
      return act(ctx, () =>
        told.push(`executed after ${typesOf(commits.flatMap(({ entries }) => entries)).join(' ')}`),
      );
    });

    expect(await engineOn(store, [work]).run('work', null, { id: 'r' })).toMatchObject({ status: 'completed' });
    expect(told).toEqual(['asked', 'executed after run-claim step-end step-intent']);
    expect(commits.map(({ entries }) => typesOf(entries))).toEqual([
      ['run-claim', 'step-end', 'step-intent'],
      ['step-end'],
      ['run-end'],
    ]);
    expect(ofOnce(await entriesOf(store, key('r')))).toMatchObject([
      { type: 'step-intent', kind: 'step', name: 'act', effect: 'once', attempt: 1 },
      { type: 'step-end', attempt: 1, outcome: { ok: true } },
    ]);
  });

  it('DUR-5, I4: is in doubt where its process was lost before it was asked for', async () => {
    const clock = fakeClock();
    await using opened = open({ clock });
    const lost = untilCalled();
    let executed = 0;
    const before = durable('work', async (ctx) => {
      await lead(ctx);
      lost.call();
      await new Promise(() => {});
    });
    const after = durable('work', async (ctx) => {
      await lead(ctx);
      return act(ctx, () => (executed += 1));
    });
    // Nothing of it is written any more from the moment on at which its process would be gone.
    let gone = false;
    const dead: Store = {
      ...opened.store,
      commit: (given) => (gone ? new Promise(() => {}) : opened.store.commit(given)),
      renew: (...held) => (gone ? new Promise(() => {}) : opened.store.renew(...held)),
    };
    void engineOn(dead, [before], { clock, limits: { parkAfterMs: 60_000 } }).run('work', null, { id: 'r' });
    await lost.called;
    gone = true;
    clock.advance(120_000);

    expect(await engineOn(opened.store, [after], { clock }).drive(key('r'))).toMatchObject({
      status: 'blocked',
      code: 'STEP_IN_DOUBT',
    });
    expect(executed).toBe(0);
  });

  it('DUR-14: is on record as not executed where its run is cancelled before', async () => {
    await using opened = open();
    const led = untilCalled();
    const work = durable('work', async (ctx) => {
      await lead(ctx);
      led.call();
      await new Promise(() => {});
    });
    const engine = engineOn(opened.store, [work], { limits: { parkAfterMs: 60_000 } });
    const running = engine.run('work', null, { id: 'r' });
    await led.called;
    await engine.cancel(key('r'));

    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(ofOnce(await entriesOf(opened.store, key('r'))).at(-1)).toMatchObject({
      type: 'step-end',
      outcome: { ok: false, error: { code: 'RUN_ENDED' } },
    });
    expect(ofOnce(await entriesOf(opened.store, key('r'))).at(-1)).not.toHaveProperty('settledBy');
  });

  it('DUR-18: is executed by whoever takes up a run that was given back before', async () => {
    await using opened = open();
    const led = untilCalled();
    let executed = 0;
    const held = gate();
    const before = durable('work', async (ctx) => {
      await lead(ctx);
      led.call();
      await held.opened;
      return act(ctx, () => (executed += 1));
    });
    const after = durable('work', async (ctx) => {
      await lead(ctx);
      return act(ctx, () => (executed += 1));
    });
    const first = engineOn(opened.store, [before], { limits: { parkAfterMs: 60_000 } });
    const running = first.run('work', null, { id: 'r' }).catch(() => undefined);
    await led.called;
    await first[Symbol.asyncDispose]();
    await running;
    held.open();
    await turns();

    expect(await engineOn(opened.store, [after]).drive(key('r'))).toMatchObject({ status: 'completed' });
    expect(executed).toBe(1);
    expect(typesOf(ofOnce(await entriesOf(opened.store, key('r'))))).toEqual([
      'step-intent',
      'step-pause',
      'step-intent',
      'step-end',
    ]);
  });

  it('DUR-10: is executed once its function comes to it, where that waits for something first', async () => {
    await using opened = open();
    const engine = engineOn(opened.store, [
      durable('work', async (ctx) => {
        await lead(ctx);
        await ctx.receive('go');
        return act(ctx, () => 'done');
      }),
    ]);
    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'waiting' });
    await engine.signal(key('r'), 'go', null);

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'done' });
  });

  it('DUR-6: is on record as not executed where the function ends without it', async () => {
    await using opened = open();
    const work = durable('work', async (ctx) => {
      await lead(ctx);
      return 'no more';
    });

    expect(await engineOn(opened.store, [work]).run('work', null, { id: 'r' })).toMatchObject({ output: 'no more' });
    expect(ofOnce(await entriesOf(opened.store, key('r')))).toMatchObject([
      { type: 'step-intent' },
      { type: 'step-end', outcome: { ok: false, error: { code: 'RUN_ENDED' } } },
    ]);
  });

  it('I4: is in doubt where it is asked for as another step than was announced', async () => {
    await using opened = open();
    let executed = 0;
    const work = durable('work', async (ctx) => {
      await lead(ctx);
      return ctx.step('once', () => (executed += 1));
    });

    expect(await engineOn(opened.store, [work]).run('work', null, { id: 'r' })).toMatchObject({
      status: 'blocked',
      code: 'STEP_IN_DOUBT',
    });
    expect(executed).toBe(0);
  });

  it.each([0, 1])(
    'REQ-4: uses up the approval that it turns out to need, %i workers having been lost',
    async (lost) => {
      const clock = fakeClock();
      await using opened = open({ clock });
      const { store } = opened;
      const definitions = [{ name: 'work', versions: ['1'] }];
      const work = durable('work', async (ctx) => {
        await lead(ctx);
        const { request } = await ctx.request('may-i', { kind: 'approval', body: null });
        return ctx.step('once', () => 'done', { effect: 'once', name: 'act', claimRequest: request });
      });
      const engine = engineOn(store, [work], { clock });
      await engine.start('work', null, { id: 'r' });
      for (let claimed = 0; claimed < lost; claimed += 1) {
        await store.claim({ worker: 'lost', leaseMs: 1_000, limit: 1, suspects: { room: 1, alone: 9 }, definitions });
        clock.advance(2_000);
      }
      const waiting = await engine.drive(key('r'));
      if (waiting.status !== 'waiting') throw new Error(waiting.status);
      const [{ request = '' } = {}] = waiting.requests;
      await engine.decide(key('r'), request, { status: 'approved' });

      expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'done' });
      expect(await store.request(key('r'), request)).toMatchObject({ status: 'approved', claimed: true });
    },
  );

  it('REQ-4: leaves an approval that another step has used up used up', async () => {
    await using opened = open();
    const work = durable('work', async (ctx) => {
      await lead(ctx);
      const { request } = await ctx.request('may-i', { kind: 'approval', body: null });
      const gated = { effect: 'once', name: 'act', claimRequest: request } as const;
      await ctx.step('other', () => 'done', gated);
      return ctx.step('once', () => 'done', gated);
    });
    const engine = engineOn(opened.store, [work]);
    const waiting = await engine.run('work', null, { id: 'r' });
    if (waiting.status !== 'waiting') throw new Error(waiting.status);
    await engine.decide(key('r'), waiting.requests[0]?.request ?? '', { status: 'approved' });

    expect(await engine.drive(key('r'))).toMatchObject({ status: 'failed', error: { code: 'REQUEST_CLAIMED' } });
  });

  it('DUR-5: is executed after its intent is on record, where it is asked for while that is on its way', async () => {
    await using opened = open();
    const sent = gate();
    const held = gate();
    let onRecord = false;
    const commit: Store['commit'] = async (given) => {
      const intends = given.entries.some(({ type }) => type === 'step-intent');
      if (intends) {
        sent.open();
        await held.opened;
      }
      const answer = await opened.store.commit(given);
      if (intends) onRecord = true;
      return answer;
    };
    const seen: boolean[] = [];
    const work = durable('work', async (ctx) => {
      const other = ctx
        .step('other', () => 1)
        .then(async () => {
          await sent.opened;
          return act(ctx, () => seen.push(onRecord));
        });
      // Its outcome, and the intent with it, are on their way while the other branch asks.
      await ctx.step('lead', () => turns(4), { leadsTo: () => [{ key: 'once', name: 'act' }] });
      return other;
    });
    const running = engineOn({ ...opened.store, commit }, [work]).run('work', null, { id: 'r' });
    await sent.opened;
    await turns();
    expect(seen).toEqual([]);
    held.open();

    expect(await running).toMatchObject({ status: 'completed' });
    expect(seen).toEqual([true]);
    expect(typesOf(ofOnce(await entriesOf(opened.store, key('r'))))).toEqual(['step-intent', 'step-end']);
  });

  it('DUR-5: costs its outcome nothing where the two do not fit into one commit', async () => {
    await using opened = open();
    const { store, commits } = watched(opened.store);
    const commit: Store['commit'] = async (given) =>
      given.entries.length > 2
        ? Promise.reject(new PrusikError('WRITE_TOO_LARGE', 'It has no room for more than two'))
        : store.commit(given);
    const work = durable('work', async (ctx) => {
      await lead(ctx);
      return act(ctx, () => 'done');
    });

    expect(await engineOn({ ...store, commit }, [work]).run('work', null, { id: 'r' })).toMatchObject({
      output: 'done',
    });
    expect(commits.flatMap(({ entries }) => typesOf(entries))).toEqual([
      'run-claim',
      'step-end',
      'step-intent',
      'step-end',
      'run-end',
    ]);
  });

  it('DUR-5: has one intent, however often it is named', async () => {
    await using opened = open();
    const work = durable('work', async (ctx) => {
      await ctx.step('lead', () => 1, {
        leadsTo: () => Array.from({ length: 3 }, () => ({ key: 'once', name: 'act' })),
      });
      return act(ctx, () => 'done');
    });

    expect(await engineOn(opened.store, [work]).run('work', null, { id: 'r' })).toMatchObject({ output: 'done' });
    expect(typesOf(ofOnce(await entriesOf(opened.store, key('r'))))).toEqual(['step-intent', 'step-end']);
  });

  it('DUR-5: is let go of with its run, however many there are', async () => {
    await using opened = open();
    const engine = engineOn(opened.store, [
      durable('work', async (ctx) => {
        await Promise.all(
          Array.from({ length: 15 }, (_one, at) =>
            ctx.step(`lead${at}`, () => 1, {
              leadsTo: () => Array.from({ length: 100 }, (__, of) => ({ key: `once${at}.${of}` })),
            }),
          ),
        );
        return ctx.receive('go');
      }),
    ]);

    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'waiting' });
    await engine.signal(key('r'), 'go', 'on');
    expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: { value: 'on' } });
  });

  it.each([false, true])(
    'I4, DUR-18: is no doubt where its run is given back before it begins (approved: %s)',
    async (isGated) => {
      await using opened = open();
      const sent = gate();
      const held = gate();
      const slow: Store['commit'] = async (given) => {
        if (given.entries.some(({ type }) => type === 'step-intent')) {
          sent.open();
          await held.opened;
        }
        return opened.store.commit(given);
      };
      let executed = 0;
      const work = durable('work', async (ctx) => {
        const decision = isGated ? await ctx.request('may-i', { kind: 'approval', body: null }) : undefined;
        const approved = decision === undefined ? {} : { claimRequest: decision.request };
        return ctx.step('once', () => (executed += 1), { effect: 'once', name: 'act', ...approved });
      });
      const first = engineOn({ ...opened.store, commit: slow }, [work], { limits: { parkAfterMs: 60_000 } });
      await first.start('work', null, { id: 'r' });
      const running = first.drive(key('r')).catch(() => undefined);
      for (let turn = 0; isGated && turn < 100; turn += 1) {
        await turns(2);
        const [request] = (await opened.store.listRequests({ tenant: 'default', run: 'r', limit: 1 })).items;
        if (request === undefined) continue;
        await first.decide(key('r'), request.id, { status: 'approved' });
        break;
      }
      await sent.opened;
      const disposed = first[Symbol.asyncDispose]();
      await turns();
      held.open();
      await disposed;
      await running;
      expect(executed).toBe(0);

      expect(await engineOn(opened.store, [work]).drive(key('r'))).toMatchObject({ status: 'completed', output: 1 });
      expect(typesOf(ofOnce(await entriesOf(opened.store, key('r'))))).toEqual([
        'step-intent',
        'step-pause',
        'step-intent',
        'step-end',
      ]);
    },
  );

  it('TEL-1: is not told to begin once its drive is over', async () => {
    const clock = fakeClock();
    await using opened = open({ clock });
    const observer = recordingObserver();
    const sent = gate();
    const held = gate();
    const commit: Store['commit'] = async (given) => {
      const answer = await opened.store.commit(given);
      if (given.entries.some(({ type }) => type === 'step-intent')) {
        sent.open();
        await held.opened;
      }
      return answer;
    };
    const renew: Store['renew'] = () => Promise.reject(new PrusikError('STORE_UNAVAILABLE', 'It is away'));
    const work = durable('work', async (ctx) => act(ctx, () => 1));
    const engine = engineOn({ ...opened.store, commit, renew }, [work], {
      clock,
      observers: [observer],
      limits: { parkAfterMs: 60_000 },
    });
    void engine.run('work', null, { id: 'r' }).catch(() => undefined);
    await sent.opened;
    for (let second = 0; second < 40 && observer.story('r').length > 0; second += 1) {
      clock.advance(1_000);
      await turns(2);
    }
    held.open();
    await turns();

    expect(observer.story('r').at(-1)).toBe('over unavailable');
  });

  const hints: Record<string, NonNullable<StepOptions['leadsTo']>> = {
    'it throws': () => {
      throw new Error('no idea');
    },
    'the step is on its way already': () => [{ key: 'beside' }],
    'it names none': () => [{ key: '' }],
    'it is no list': () => ({ length: 1, 0: { key: 'once' } }) as never,
    'a key is no text': () => [{ key: 5 as never }],
    'a name is no text': () => [{ key: 'once', name: 5n as never }],
  };
  it.each(Object.entries(hints))('DUR-5: writes its own where the hint says nothing: %s', async (_why, leadsTo) => {
    await using opened = open();
    const work = durable('work', async (ctx) => {
      const beside = ctx.step('beside', () => turns(2), { effect: 'once' });
      await ctx.step('lead', () => 1, { leadsTo });
      await beside;
      return act(ctx, () => 'done');
    });

    expect(await engineOn(opened.store, [work]).run('work', null, { id: 'r' })).toMatchObject({ output: 'done' });
    const intents = (await entriesOf(opened.store, key('r'))).filter(({ type }) => type === 'step-intent');
    expect(intents).toMatchObject([{ key: 'beside' }, { key: 'once' }]);
  });
});
