import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import type { DurableContext, Store } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import type { EngineWarning } from '../src/index.ts';
import { durable, engineOn, key, turns, untilCalled } from './support.ts';

const away = (): Promise<never> => Promise.reject(new Error('the store is away'));

describe('ERR-3: what a drive that is over is told by', () => {
  /** The codes that the signals of a function fire with. */
  async function codesOf(run: (ctx: DurableContext) => unknown, end: (drive: () => Promise<unknown>) => Promise<void>) {
    const codes: string[] = [];
    const listen = ({ signal }: { readonly signal: AbortSignal }): void =>
      signal.addEventListener('abort', () => codes.push((signal.reason as { code: string }).code));
    const engine = engineOn(memoryStore(), [
      durable('work', (ctx) => {
        listen(ctx);
        return run({
          ...ctx,
          step: (name, body, options) => ctx.step(name, (scope) => (listen(scope), body(scope)), options),
        });
      }),
    ]);
    await end(() => engine.run('work', null, { id: 'r' }));
    await engine[Symbol.asyncDispose]();
    await turns();
    return codes;
  }

  it('is RUN_PARKED where the run waits, and RUN_BLOCKED where it is blocked', async () => {
    const driven = async (drive: () => Promise<unknown>): Promise<void> => void (await drive());

    expect(await codesOf((ctx) => ctx.receive('never'), driven)).toEqual(['RUN_PARKED']);
    const doubt = (ctx: DurableContext) =>
      ctx.step('s', () => new Promise(() => {}), { effect: 'once', timeoutMs: 1, inDoubt: 'ask' });
    expect(await codesOf(doubt, driven)).toContain('RUN_BLOCKED');
  });

  it('is RUN_RELEASED where the run is given back', async () => {
    const begun = untilCalled();
    const work = (ctx: DurableContext) => ctx.step('s', () => (begun.call(), new Promise(() => {})));

    const codes = await codesOf(work, async (drive) => {
      drive().catch(() => {});
      await begun.called;
    });

    expect(new Set(codes)).toEqual(new Set(['RUN_RELEASED']));
  });
});

describe('ERR-3: what no caller is there to hear', () => {
  it('is CHECK_FAILED where the check of a step in doubt throws, and the step stays in doubt', async () => {
    const warnings: EngineWarning[] = [];
    const check = (): never => {
      throw new Error('no idea');
    };
    const work = durable('work', (ctx) =>
      ctx.step('s', () => new Promise(() => {}), { effect: 'once', timeoutMs: 1, check }),
    );

    const result = await engineOn(memoryStore(), [work], { warnings }).run('work', null, { id: 'r' });

    expect(result).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
    expect(warnings).toMatchObject([
      { code: 'CHECK_FAILED', run: key('r'), keys: ['s'], cause: { message: 'no idea' } },
    ]);
  });

  it('is CLAIM_FAILED where the store refuses a worker', async () => {
    const warnings: EngineWarning[] = [];
    const store: Store = { ...memoryStore(), claim: away };

    const worker = engineOn(store, [durable('work', () => 1)], { warnings }).worker();
    await turns();
    await worker[Symbol.asyncDispose]();

    expect(warnings[0]).toMatchObject({ code: 'CLAIM_FAILED', cause: { message: 'the store is away' } });
  });

  it('is EXPIRY_FAILED where a request cannot be closed in time, and it is closed when the store is back', async () => {
    const clock = fakeClock();
    const warnings: EngineWarning[] = [];
    const inner = memoryStore({ clock });
    let broken = true;
    const store: Store = { ...inner, decide: (decision) => (broken ? away() : inner.decide(decision)) };
    const work = durable(
      'work',
      async (ctx) => (await ctx.request('ask', { kind: 'question', body: 'May I?', expiresInMs: 1_000 })).status,
    );
    const engine = engineOn(store, [work], { clock, warnings });
    expect(await engine.run('work', null, { id: 'r' })).toMatchObject({ status: 'waiting' });
    engine.worker();

    clock.advance(1_000);
    await turns(100);
    broken = false;
    expect(warnings[0]).toMatchObject({ code: 'EXPIRY_FAILED', run: key('r') });
    for (let n = 0; n < 50 && (await store.run(key('r')))?.status !== 'completed'; n += 1) {
      clock.advance(1_000);
      await turns();
    }
    expect(await store.run(key('r'))).toMatchObject({ status: 'completed', output: 'expired' });
  });

  it('is CANCEL_FAILED where a reader with cancelOnClose is closed and the store does not take the cancel', async () => {
    const warnings: EngineWarning[] = [];
    const store: Store = { ...memoryStore(), signal: away };
    const engine = engineOn(store, [durable('work', (ctx) => ctx.receive('never'))], { warnings });
    await engine.run('work', null, { id: 'r' });

    const events = engine.events(key('r'), { cancelOnClose: true });
    await events.next();
    await events.return?.();
    await turns();

    expect(warnings).toMatchObject([{ code: 'CANCEL_FAILED', run: key('r') }]);
  });
});

describe('ERR-3: what a function gets wrong, and what others leave out', () => {
  it('CHILD_FAILED: a child whose end says nothing of why', async () => {
    const store = memoryStore();
    const parent = durable('parent', (ctx) => ctx.child('c', 'child', null));
    const engine = engineOn(store, [parent, durable('child', (ctx) => ctx.receive('never'))]);
    await engine.run('parent', null, { id: 'p' });
    const { items } = await store.listRuns({ tenant: 'default', parent: 'p', limit: 1 });
    const child = items[0]?.key ?? key('none');
    await store.signal({ run: child, kind: 'user', key: 'wake', body: null });
    const definitions = [{ name: 'child', versions: ['1'] }];
    const { claims } = await store.claim({
      worker: 'other',
      leaseMs: 1_000,
      limit: 1,
      suspects: { room: 1, alone: 3 },
      definitions,
      only: { run: child },
    });
    const [claim] = claims;
    if (claim === undefined) throw new Error('The child was not claimed');
    await store.commit({
      run: child,
      epoch: claim.run.epoch,
      entries: [{ type: 'run-end', status: 'failed' }],
      progress: true,
      transition: { type: 'end', status: 'failed' },
    });

    expect(await engine.drive(key('p'))).toMatchObject({ status: 'failed', error: { code: 'CHILD_FAILED' } });
  });

  it('STEP_NESTED: the context is not for the body of a step', async () => {
    const work = durable('work', (ctx) => ctx.step('outer', () => ctx.step('inner', () => 1)));

    expect(await engineOn(memoryStore(), [work]).run('work', null)).toMatchObject({
      status: 'failed',
      error: { code: 'STEP_NESTED', message: expect.stringContaining('inner') },
    });
  });
});
