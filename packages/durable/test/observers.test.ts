import { AsyncLocalStorage } from 'node:async_hooks';
import { PrusikError, type Entry, type Observer, type Store, type TraceContext } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { everyDeath, fakeClock, recordingObserver, type RecordingObserver } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { createEngine, type EngineWarning } from '../src/index.ts';
import { bringMainRunToEnd, checkMainRun } from './main-run.ts';
import { checkTold } from './observed-rules.ts';
import { STORAGES } from './storages.ts';
import { STORES } from './stores.ts';
import { durable, engineOn, entriesOf, gate, hurried, key, turns, untilCalled } from './support.ts';

const order = durable('order', async (ctx) => {
  await ctx.step('a', () => 1);
  return ctx.step('b', () => 2);
});
/** Waits for a person between its steps. */
const patient = durable('patient', async (ctx) => {
  await ctx.step('a', () => 1);
  await ctx.receive('go');
  return ctx.step('b', () => 2);
});

const driven = async (store: Store, run: string): Promise<readonly Entry[]> =>
  (await entriesOf(store, key(run))).slice(1);
const drivesOf = (observer: RecordingObserver) =>
  observer.calls.flatMap((call) => (call.type === 'drive' ? [call] : []));
const eventsOf = (observer: RecordingObserver) =>
  observer.calls.flatMap((call) => (call.type === 'event' ? [call.event] : []));

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

  it('TEL-2: a drive is told where the caller of the run and the drives before it stood in the trace, since when it waited and for what', async () => {
    await using opened = create();
    const { store } = opened;
    const observer = recordingObserver({ traces: true });
    const twice = durable('twice', async (ctx) => {
      await ctx.receive('one');
      await ctx.receive('two');
    });
    await using engine = engineOn(store, [twice], { observers: [observer] });
    await engine.run('twice', null, { id: 'r' });
    for (const name of ['one', 'two']) {
      await engine.signal(key('r'), name, null);
      await engine.drive(key('r'));
    }

    const [first, second, third] = drivesOf(observer);
    const caller = observer.calls.find((call) => call.type === 'caller')?.trace;
    const journal = await entriesOf(store, key('r'));
    const [start, ...claims] = journal.flatMap((entry) =>
      entry.type === 'run-start' || entry.type === 'run-claim' ? [entry.trace] : [],
    );
    expect(start).toEqual(caller);
    expect(claims).toEqual([first?.trace, second?.trace, third?.trace]);
    expect(first?.drive).toMatchObject({ epoch: 1, attempt: 1, caller, waits: [] });
    expect(first?.drive).not.toHaveProperty('before');
    expect(first?.drive).not.toHaveProperty('parkedAt');
    const parks = journal.flatMap(({ type, at }) => (type === 'run-park' ? [at] : []));
    const waits = journal.flatMap((entry) => (entry.type === 'wait-start' ? [{ key: entry.key, at: entry.at }] : []));
    const from = { caller, first: first?.trace };
    expect(second?.drive).toMatchObject({
      epoch: 2,
      ...from,
      before: first?.trace,
      parkedAt: parks[0],
      waits: [waits[0]],
    });
    expect(third?.drive).toMatchObject({
      epoch: 3,
      ...from,
      before: second?.trace,
      parkedAt: parks[1],
      waits: [waits[1]],
    });
  });

  it('TEL-2: the caller of a start is asked in its own async context, and steps run inside what the observer gives them', async () => {
    await using opened = create();
    const here = new AsyncLocalStorage<string>();
    const callers: (string | undefined)[] = [];
    const inStep: unknown[] = [];
    const sound = recordingObserver({ traces: true });
    const observer: Observer = {
      ...sound,
      caller() {
        callers.push(here.getStore());
        return sound.caller();
      },
      drive(run, what) {
        const drive = sound.drive(run, what);
        return {
          ...drive,
          step(observed) {
            const step = drive.step(observed);
            return { ...step, inside: (body) => here.run(`step ${observed.key}`, () => step.inside(body)) };
          },
        };
      },
    };
    const look = durable('look', async (ctx) => {
      await ctx.step('s', async ({ trace }) => {
        await turns(1);
        inStep.push([here.getStore(), trace]);
      });
      inStep.push(here.getStore());
    });
    await using engine = engineOn(opened.store, [look], { observers: [observer] });

    await here.run('caller', () => engine.run('look', null, { id: 'r' }));
    await here.run('again', () => engine.startAgain(key('r'), { id: 'r2' }));

    expect(callers).toEqual(['caller', 'again']);
    const [step] = sound.calls.flatMap((call) => (call.type === 'step' ? [call] : []));
    expect(inStep).toEqual([['step s', step?.trace], undefined]);
  });

  it('TEL-2: a child begins where the drive of its parent stands, and is told as a run of its own', async () => {
    await using opened = create();
    const { store } = opened;
    const observer = recordingObserver({ traces: true });
    const child = durable('child', (ctx) => ctx.step('s', () => 1));
    const parent = durable('parent', async (ctx) => (await ctx.child('c', 'child', null)).output);
    await using engine = engineOn(store, [parent, child], { observers: [observer] });

    await engine.run('parent', null, { id: 'r' });

    const drives = drivesOf(observer);
    const ofChild = drives.find(({ of }) => of.definition === 'child');
    const ofParent = drives.find(({ of }) => of.definition === 'parent');
    expect(ofChild).toMatchObject({
      of: { depth: 1, root: 'r', parent: { run: 'r', key: 'c' }, kind: 'function', version: '1' },
      drive: { caller: ofParent?.trace },
    });
    expect(Object.keys(ofChild?.of ?? {})).not.toEqual(expect.arrayContaining(['input', 'context', 'output']));
    await checkTold(store, { told: [observer] });
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

describe('an engine and its observers', () => {
  it('TEL-3: an observer may call the engine, and nothing waits for it', async () => {
    const store = memoryStore();
    const started: Promise<unknown>[] = [];
    const sound = recordingObserver();
    const observer: Observer = {
      ...sound,
      drive(run, what) {
        const drive = sound.drive(run, what);
        return {
          ...drive,
          committed(entries, messages) {
            drive.committed(entries, messages);
            // What it starts is told as well, so it must stop somewhere.
            if (run.key.run === 'r') started.push(engine.run('order', null, { id: `r${entries[0]?.seq}` }));
            if (run.key.run === 'r') started.push(engine.signal(key('r'), 'x', null), engine.cancel(key('none')));
          },
        };
      },
    };
    await using engine = engineOn(store, [order], { observers: [observer] });

    const result = await engine.run('order', null, { id: 'r' });

    expect(result.status).toBe('completed');
    const results = await Promise.all(started);
    expect(results.filter((one) => (one as { status?: string }).status === 'completed')).toHaveLength(3);
    await checkTold(store, { told: [sound] });
  });

  it('TEL-1: several are told alike, and the first that knows where something stands is heeded', async () => {
    const store = memoryStore();
    const [plain, traced, other] = [
      recordingObserver(),
      recordingObserver({ traces: true }),
      recordingObserver({ traces: true }),
    ];
    const traces: (TraceContext | undefined)[] = [];
    const look = durable('look', (ctx) => ctx.step('s', ({ trace }) => void traces.push(trace)));
    await using engine = engineOn(store, [look], { observers: [plain, traced, other] });

    await engine.run('look', null, { id: 'r' });

    expect(plain.story('r')).toEqual(traced.story('r'));
    expect(other.story('r')).toEqual(traced.story('r'));
    expect(traces).toEqual(traced.calls.flatMap((call) => (call.type === 'step' ? [call.trace] : [])));
    expect((await entriesOf(store, key('r'))).flatMap((entry) => ('trace' in entry ? [entry.trace] : []))).toEqual([
      traced.calls[0]?.type === 'caller' ? traced.calls[0].trace : undefined,
      drivesOf(traced)[0]?.trace,
    ]);
  });

  it('TEL-3: an engine without observers reads and records nothing for them', async () => {
    const inner = memoryStore();
    let reads = 0;
    const store: Store = {
      ...inner,
      entries(run, query) {
        reads += 1;
        return inner.entries(run, query);
      },
    };
    await using engine = createEngine({ store, definitions: [order], observers: [] });

    await engine.run('order', null, { id: 'r' });

    expect(reads).toBe(0);
    expect(JSON.stringify(await entriesOf(inner, key('r')))).not.toContain('trace');
  });
});

describe.each(Object.entries(STORAGES))('observers of processes that die (%s)', (name, create) => {
  it('I3, TEL-1, TST-3: what was told is on record and was told once, whatever write a process dies at', async () => {
    let lives: RecordingObserver[] = [];
    const points = await everyDeath({
      create,
      async live(life) {
        if (life.number === 1) lives = [];
        const observer = recordingObserver({ traces: true });
        lives.push(observer);
        await bringMainRunToEnd(life, 0, [observer]);
      },
      async check({ store, lines }) {
        await checkMainRun(store, lines);
        const last = lives.at(-1);
        const told = await checkTold(store, { told: last ? [last] : [], died: lives.slice(0, -1) });
        expect(told.size).toBeGreaterThan(2);
      },
      every: name === 'memory' ? 3 : 17,
    });

    expect(points.size).toBeGreaterThan(3);
  }, 60_000);
});
