import { PrusikError } from '@prusik/core';
import { fakeClock, recordingObserver } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { driven, eventsOf } from './observed-calls.ts';
import { checkTold } from './observed-rules.ts';
import { order, patient } from './observed-runs.ts';
import { STORES } from './stores.ts';
import { durable, engineOn, entriesOf, gate, hurried, key, turns, untilCalled } from './support.ts';

describe.each(Object.entries(STORES))('observers of an engine (%s)', (_store, create) => {
  it('TEL-1: tell the whole life of a run, in order, each entry once and after its commit', async () => {
    await using opened = create();
    const { store } = opened;
    const observer = recordingObserver();
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
    expect(observer.entriesOf('r')).toEqual(await driven(store, 'r'));
  });

  it('TEL-1, I3: a run that parks and goes on elsewhere is told on from there: a replay tells nothing again', async () => {
    await using opened = create();
    const { store } = opened;
    const [first, second] = [recordingObserver({ traces: true }), recordingObserver()];
    await using one = engineOn(store, [patient], { observers: [first] });
    await one.run('patient', null, { id: 'r' });
    await using other = engineOn(store, [patient], { observers: [second] });

    await other.signal(key('r'), 'go', null);
    await other.drive(key('r'));

    expect(second.story('r')).toEqual([
      'drive 2',
      'committed run-claim wait-end',
      'step b',
      'inside b',
      'committed step-end',
      'step-over b true',
      'committed run-end',
      'over ended',
    ]);
    expect([...first.entriesOf('r'), ...second.entriesOf('r')]).toEqual(await driven(store, 'r'));
    await checkTold(store, { told: [first, second] });
  });

  it('TEL-1: executions that are made again are told of one step: what they failed with and when the next one is', async () => {
    const clock = fakeClock();
    await using opened = create({ clock });
    const { store } = opened;
    const observer = recordingObserver();
    const busy = durable('busy', (ctx) =>
      ctx.step(
        's',
        ({ attempt }) => {
          if (attempt === 1) throw new PrusikError('SHAKY', 'text', { retryable: true });
          if (attempt === 2) throw new PrusikError('FULL', 'text', { retryable: true, meta: { retryAfterMs: 60_000 } });
          return attempt;
        },
        { retry: { attempts: 3, backoffMs: 100 } },
      ),
    );
    await using engine = engineOn(store, [busy], { observers: [observer], clock });

    await hurried(
      clock,
      (async () => {
        for (let n = 0; n < 9; n += 1)
          if ((await engine.run('busy', null, { id: 'r' })).status === 'completed') return;
          else clock.advance(120_000);
      })(),
    );

    const story = observer.story('r').map((told) => told.replace(/SHAKY \d+/, 'SHAKY'));
    expect(story).toEqual([
      'drive 1',
      'step s',
      'inside s',
      'retry s SHAKY',
      'inside s',
      'committed run-claim step-pause',
      'step-over s true',
      'committed run-park',
      'over parked',
      'drive 2',
      'step s',
      'inside s',
      'committed run-claim step-end',
      'step-over s true',
      'committed run-end',
      'over ended',
    ]);
    const steps = observer.calls.flatMap((call) => (call.type === 'step' ? [call.step] : []));
    expect(steps.map(({ attempt }) => attempt)).toEqual([1, 3]);
  });

  it('TEL-1: the facts that a step tells are recorded with its outcome, also where it fails, and what is told last holds', async () => {
    await using opened = create();
    const { store } = opened;
    const tells = durable('tells', async (ctx) => {
      await ctx.step('ok', async ({ tell }) => {
        tell({ of: 'tool', callId: 'c0' });
        tell({ of: 'tool', callId: 'c1', source: 's'.repeat(300) });
        setImmediate(() => tell({ of: 'tool', callId: 'late' }));
      });
      await turns(2);
      await ctx.step('plain', () => 1);
      return ctx.step('failed', ({ tell }) => {
        tell({ of: 'model', finish: 'error' });
        throw new Error('no');
      });
    });
    await using engine = engineOn(store, [tells]);

    await engine.run('tells', null, { id: 'r' });

    const facts = (await entriesOf(store, key('r'))).flatMap((entry) =>
      entry.type === 'step-end' ? [entry.facts] : [],
    );
    expect(facts).toEqual([
      { of: 'tool', callId: 'c1', source: 's'.repeat(200) },
      undefined,
      { of: 'model', finish: 'error' },
    ]);
  });

  it('TEL-1: a run that is given back in the middle of a step leaves nothing open, and the step is told again where it is done', async () => {
    await using opened = create();
    const { store } = opened;
    const [first, second] = [recordingObserver(), recordingObserver()];
    const begun = untilCalled();
    const long = durable('long', (ctx) =>
      ctx.step('s', async ({ signal }) => {
        begun.call();
        if (signal.aborted || observing === first)
          await new Promise((_, reject) => signal.addEventListener('abort', reject));
        return 1;
      }),
    );
    let observing = first;
    const engine = engineOn(store, [long], { observers: [first] });
    await engine.start('long', null, { id: 'r' });
    const worker = engine.worker();
    await begun.called;
    await worker[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
    observing = second;
    await using other = engineOn(store, [long], { observers: [second] });
    await other.drive(key('r'));

    expect(first.story('r')).toEqual([
      'drive 1',
      'step s',
      'inside s',
      'step-over s false',
      'committed run-claim',
      'over released',
    ]);
    expect(second.story('r').filter((told) => told.startsWith('step'))).toEqual(['step s', 'step-over s true']);
    await checkTold(store, { told: [first, second] });
    expect(eventsOf(first)).toMatchObject([
      { type: 'worker', did: 'start', slots: 16 },
      { type: 'commit' },
      { type: 'worker', did: 'stop' },
    ]);
  });

  it('I7, DUR-20: a run that is cancelled, or whose time is up, is told to its end', async () => {
    const clock = fakeClock();
    await using opened = create({ clock });
    const { store } = opened;
    const observer = recordingObserver();
    const begun = untilCalled();
    const long = durable('long', (ctx) =>
      ctx.step('s', ({ signal }) => {
        begun.call();
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('told'))));
      }),
    );
    await using engine = engineOn(store, [long, patient], {
      observers: [observer],
      clock,
      limits: { cancelGraceMs: 50 },
    });
    const running = engine.run('long', null, { id: 'r' });
    await begun.called;
    await engine.cancel(key('r'), 'enough');
    const timed = engine.run('patient', null, { id: 't', timeoutMs: 1_000 });
    await hurried(clock, running);
    await timed;
    clock.advance(60_000);
    await hurried(clock, engine.drive(key('t')));

    expect(observer.story('r').at(-1)).toBe('over ended');
    expect(observer.entriesOf('r').map(({ type }) => type)).toEqual(expect.arrayContaining(['run-cancel', 'run-end']));
    expect(observer.entriesOf('t').map(({ type }) => type)).toEqual(
      expect.arrayContaining(['run-deadline', 'run-end']),
    );
    await checkTold(store, { told: [observer] });
  });

  it('TEL-1: a run that another one takes over is told by the step of that one, and has no drive', async () => {
    await using opened = create();
    const { store } = opened;
    const observer = recordingObserver();
    const [begun, release] = [untilCalled(), gate()];
    const talker = durable(
      'talker',
      (ctx, input) =>
        ctx.step('model', async (step) => {
          begun.call();
          if (input === 'one') await release.opened;
          return (await step.absorb()).length;
        }),
      { openingMessages: (input) => [said(String(input))] },
    );
    await using engine = engineOn(store, [talker], { observers: [observer] });
    const session = { id: 'chat', whenBusy: 'steer' } as const;
    const first = engine.run('talker', 'one', { id: 'r1', session });
    await begun.called;
    await engine.start('talker', 'two', { id: 'r2', session });
    release.open();
    await first;

    const ends = observer.entriesOf('r1').flatMap((entry) => (entry.type === 'step-end' ? [entry.absorbed] : []));
    expect(ends).toEqual([['r2']]);
    expect(await store.run(key('r2'))).toMatchObject({ status: 'completed', absorbedBy: 'r1' });
    expect(observer.story('r2')).toEqual([]);
  });
});

const said = (text: string) =>
  ({ v: 1, id: `user ${text}`, role: 'user', kind: 'user', content: [{ type: 'text', text }] }) as const;
