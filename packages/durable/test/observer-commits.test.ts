import type { PrusikError, Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock, recordingObserver } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import type { EngineWarning } from '../src/index.ts';
import { driven, drivesOf, eventsOf } from './observed-calls.ts';
import { checkTold } from './observed-rules.ts';
import { order, patient } from './observed-runs.ts';
import { durable, engineOn, gate, hurried, key, turns, untilCalled } from './support.ts';

describe('what became of a commit', () => {
  it('TEL-1: one whose answer was lost and that is found written is told once', async () => {
    const clock = fakeClock();
    const inner = memoryStore({ clock });
    const observer = recordingObserver();
    let lost = 0;
    const store: Store = {
      ...inner,
      async commit(commit) {
        const answer = await inner.commit(commit);
        lost += 1;
        if (lost <= 2) throw new Error('the answer was lost');
        return answer;
      },
    };
    await using engine = engineOn(store, [order], { observers: [observer], clock });

    await hurried(clock, engine.run('order', null, { id: 'r' }));

    expect(observer.entriesOf('r')).toEqual(await driven(inner, 'r'));
    await checkTold(inner, { told: [observer] });
  });

  it('TEL-1: a commit that was on its way when the lease was thought lost is told before the drive is over', async () => {
    const clock = fakeClock();
    const inner = memoryStore({ clock });
    const observer = recordingObserver();
    const [asked, answer] = [untilCalled(), gate()];
    let claims = 0;
    const store: Store = {
      ...inner,
      async commit(commit) {
        const result = await inner.commit(commit);
        asked.call();
        await answer.opened;
        return result;
      },
      renew: () => Promise.reject(new Error('away')),
      // Nobody takes the run again.
      claim: (query) => inner.claim({ ...query, limit: claims++ === 0 ? query.limit : 0 }),
    };
    const warnings: EngineWarning[] = [];
    await using engine = engineOn(store, [durable('one', (ctx) => ctx.step('s', () => 1))], {
      observers: [observer],
      clock,
      warnings,
    });
    await engine.start('one', null, { id: 'r' });
    const worker = engine.worker();
    await asked.called;
    for (let n = 0; n < 8 && warnings.length === 0; n += 1) {
      clock.advance(10_000);
      await turns(5);
    }
    expect(warnings.map(({ code }) => code)).toContain('STORE_UNAVAILABLE');
    expect(observer.story('r')).toEqual(['drive 1', 'step s', 'inside s']);
    answer.open();
    await turns(5);
    await worker[Symbol.asyncDispose]();

    expect(observer.story('r').slice(3)).toEqual([
      'committed run-claim step-end',
      'step-over s true',
      'over unavailable',
    ]);
    expect(eventsOf(observer)).toContainEqual({ type: 'warning', code: 'STORE_UNAVAILABLE', run: key('r') });
  });

  it('DUR-10, TEL-1: a park without an entry whose answer was lost is a park', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const observer = recordingObserver();
    const commit: Store['commit'] = async (asked) => {
      const answer = await store.commit(asked);
      if (asked.entries.length === 0) throw new Error('the answer was lost');
      return answer;
    };
    const work = durable('work', (ctx) => ctx.receive('never'));
    await using engine = engineOn({ ...store, commit }, [work], { observers: [observer], clock });
    await engine.run('work', null, { id: 'r' });
    await engine.wake(key('r'));
    expect(await hurried(clock, engine.drive(key('r')))).toMatchObject({ status: 'waiting' });

    expect(observer.story('r').at(-1)).toBe('over parked');
  });

  it('I2, TEL-1: a drive whose run another worker has taken is told that, and its commit is none', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const [first, second] = [recordingObserver(), recordingObserver()];
    const [begun, release] = [untilCalled(), gate()];
    const slow = (name: string) =>
      durable('slow', (ctx) =>
        ctx.step('s', async () => {
          if (name === 'first') {
            begun.call();
            await release.opened;
          }
          return name;
        }),
      );
    // It hears of nothing before it commits.
    const deaf: Store = { ...store, watchRun: () => ({ [Symbol.dispose]() {} }), renew: () => new Promise(() => {}) };
    const one = engineOn(deaf, [slow('first')], { observers: [first], clock });
    const worker = (await one.start('slow', null, { id: 'r' }), one.worker());
    await begun.called;
    clock.advance(60_000);
    await using other = engineOn(store, [slow('second')], { observers: [second], clock });
    await other.drive(key('r'));
    release.open();
    await turns(10);
    await worker[Symbol.asyncDispose]();
    await one[Symbol.asyncDispose]();

    expect(first.story('r')).toEqual(['drive 1', 'step s', 'inside s', 'step-over s false', 'over superseded']);
    expect(eventsOf(first)).toContainEqual(expect.objectContaining({ type: 'commit', outcome: 'stale' }));
    expect(drivesOf(second)).toMatchObject([{ drive: { epoch: 2, attempt: 2 } }]);
    await checkTold(store, { told: [first, second] });
  });

  it('TEL-4: each answer of the store is told with how long it took, and what reaches a reader with how late it is', async () => {
    const clock = fakeClock();
    const inner = memoryStore({ clock });
    const observer = recordingObserver();
    const store: Store = {
      ...inner,
      async commit(commit) {
        clock.advance(7);
        return inner.commit(commit);
      },
    };
    await using engine = engineOn(store, [patient], { observers: [observer], clock });
    await engine.start('patient', null, { id: 'r' });
    const old = engine.events(key('r'));
    clock.advance(40);
    await old.next();
    const running = engine.drive(key('r'));
    await old.next();
    await running;
    await old.return?.();
    const late = engine.events(key('r'));
    await late.next();
    await late.return?.();

    expect(eventsOf(observer)).toContainEqual({ type: 'commit', run: key('r'), ms: 7, outcome: 'committed' });
    expect(eventsOf(observer).filter(({ type }) => type === 'event-lag')).toEqual([{ type: 'event-lag', ms: 40 }]);
  });
});

it('TEL-4: a commit that the store refuses is told as refused, and what it held is not', async () => {
  const store = memoryStore();
  const observer = recordingObserver();
  const child = durable('child', () => 1);
  const parent = durable('parent', (ctx) => ctx.child('c', 'child', null).catch((error: PrusikError) => error.code));
  await using engine = engineOn(store, [parent, child], { observers: [observer] });

  const result = await engine.run('parent', null, { id: 'r', budget: { runs: 0 } });

  expect(result).toMatchObject({ output: 'BUDGET_EXCEEDED' });
  expect(eventsOf(observer).filter((event) => event.type === 'commit' && event.outcome === 'refused')).toHaveLength(1);
  expect(observer.entriesOf('r').map(({ type }) => type)).not.toContain('wait-start');
  await checkTold(store, { told: [observer] });
});
