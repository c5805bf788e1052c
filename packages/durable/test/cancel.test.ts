import { memoryStore } from '@prusik/store-memory';
import { isFinal, PrusikError, type Run, type Store } from '@prusik/core';
import { fakeClock, type FakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import type { Engine } from '../src/index.ts';
import { durable, engineOn, entriesOf, key, turns } from './support.ts';
import { deaf, definitionsOf, inWork, situationsOf, type Scene, type Situation } from './run-situations.ts';

const start = ({ engine }: Scene): Promise<unknown> => engine.start('work', null, { id: 'r' });

const situations: Record<string, Situation> = {
  ...situationsOf(start),
  "in a session's queue": {
    status: 'queued',
    code: (ctx) => ctx.receive('never'),
    async reach({ engine }) {
      await engine.run('work', null, { id: 'ahead', session: { id: 's' } });
      await engine.start('work', null, { id: 'r', session: { id: 's', whenBusy: 'queue' } });
    },
  },
  'waiting for capacity': {
    status: 'waiting',
    code: (ctx) =>
      ctx.step('s', () => {
        throw new PrusikError('BUSY', 'no room', { meta: { retryAfterMs: 60_000 } });
      }),
  },
  blocked: {
    status: 'blocked',
    code: (ctx) => ctx.step('pay', () => null, { effect: 'once' }),
    async reach({ store, engine }) {
      await engine.start('work', null, { id: 'r' });
      // Its worker dies after the intent.
      const { claims } = await store.claim({
        worker: 'dead',
        leaseMs: 1_000,
        limit: 1,
        suspects: { room: 0, alone: 1 },
        definitions: [{ name: 'work', versions: ['1'] }],
      });
      expect(claims).toHaveLength(1);
      const intent = {
        type: 'step-intent',
        key: 'pay',
        kind: 'step',
        fingerprint: '',
        effect: 'once',
        attempt: 1,
      } as const;
      await store.commit({
        run: key('r'),
        epoch: 1,
        entries: [intent],
        progress: false,
        transition: { type: 'release' },
      });
      await engine.drive(key('r'));
    },
    inDoubt: ['pay'],
  },
};

const askers: Record<string, (scene: Scene, code: Situation['code']) => Engine> = {
  'the same engine': ({ engine }) => engine,
  'another engine with the definition': ({ store, clock }, code) => engineOn(store, definitionsOf(code), { clock }),
  'an engine without any definition': ({ store, clock }) => engineOn(store, [], { clock }),
};

const cases = Object.entries(situations).flatMap(([state, situation]) =>
  Object.entries(askers).map(([who, asker]) => [state, who, situation, asker] as const),
);

async function untilEnded(store: Store, clock: FakeClock): Promise<Run> {
  for (let turn = 0; turn < 200; turn += 1) {
    const run = await store.run(key('r'));
    if (run !== undefined && isFinal(run.status)) return run;
    await turns(5);
    clock.advance(500);
  }
  throw new Error('The run did not end');
}

describe('a run that is asked to cancel', () => {
  it.each(cases)(
    'DUR-14, I7: %s, by %s: it is cancelled once, its tree before it, and nothing of it is left',
    async (_, __, situation, asker) => {
      const clock = fakeClock();
      const store = memoryStore({ clock });
      const engine = engineOn(store, definitionsOf(situation.code), { clock, limits: { cancelGraceMs: 1_000 } });
      const scene: Scene = { store, clock, engine };
      await (situation.reach ?? (() => engine.run('work', null, { id: 'r' })))(scene);
      expect(await store.run(key('r'))).toMatchObject({ status: situation.status });

      const other = asker(scene, situation.code);
      other.worker();
      expect(await other.cancel(key('r'), 'enough')).toMatchObject({ outcome: 'delivered' });
      expect(await other.cancel(key('r'), 'again')).toMatchObject({
        outcome: expect.stringMatching(/duplicate|closed/),
      });
      const ended = await untilEnded(store, clock);

      expect(ended).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED' } });
      const { items } = await store.listRuns({ tenant: 'default', root: 'r', limit: 10 });
      for (const run of items) {
        const entries = await entriesOf(store, run.key);
        expect(entries.filter(({ type }) => type === 'run-end')).toHaveLength(1);
        expect(entries.at(-1)).toMatchObject({ type: 'run-end', status: 'cancelled' });
        // Whoever is deeper has ended before.
        for (const inner of items.filter(({ depth }) => depth > run.depth))
          expect(inner.endedAt).toBeLessThanOrEqual(run.endedAt ?? 0);
      }
      const entries = await entriesOf(store, key('r'));
      const doubts = entries.flatMap((entry) =>
        entry.type === 'step-end' && entry.settledBy === 'doubt' ? [entry.key] : [],
      );
      expect(doubts).toEqual(situation.inDoubt ?? []);
      const intents = entries.filter(({ type }) => type === 'step-intent').length;
      expect(entries.filter(({ type }) => type === 'step-end').length).toBeGreaterThanOrEqual(intents);
      expect((await store.listRequests({ tenant: 'default', root: 'r', status: ['open'], limit: 10 })).items).toEqual(
        [],
      );
      expect(await engine.cancel(key('r'))).toEqual({ outcome: 'closed' });
      await Promise.all([engine, other].map((one) => one[Symbol.asyncDispose]()));
    },
  );

  it('DUR-14: whose holder is dead is ended by an engine without its definition, its once step in doubt on record', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    const { code, reach } = inWork(start, (begin) => deaf(begin, { effect: 'once' }));
    const frozen = { ...clock, after: () => ({ [Symbol.dispose]: () => {} }) };
    await reach({ store, clock, engine: engineOn(store, definitionsOf(code), { clock: frozen }) });
    const other = engineOn(store, [], { clock });
    await other.cancel(key('r'));
    clock.advance(30_000);

    expect(await other.drive(key('r'))).toMatchObject({ status: 'cancelled' });
    expect((await entriesOf(store, key('r'))).slice(-2)).toMatchObject([
      { type: 'step-end', key: 'deaf', settledBy: 'doubt', outcome: { error: { code: 'STEP_IN_DOUBT' } } },
      { type: 'run-end', status: 'cancelled' },
    ]);
  });

  it('DUR-14, I2: at any instant of its life ends exactly once, as whichever was first', async () => {
    const work = durable('work', async (ctx) => {
      const [a] = await Promise.all([ctx.step('a', () => 1), ctx.step('b', () => 2, { effect: 'once' })]);
      const { output } = await ctx.child<number>('c', 'inner', a);
      return ctx.step('last', () => output);
    });
    const inner = durable('inner', (ctx, n) => ctx.step('s', () => n));
    const seen = new Set<string>();
    for (let after = 0; ; after += 1) {
      const store = memoryStore();
      const engine = engineOn(store, [work, inner], { limits: { cancelGraceMs: 1_000 } });
      const driving = engine.run('work', null, { id: 'r' });
      // Some microtasks in each turn of the event loop, so that no instant is passed over and nothing starves.
      for (let i = 0; i < after; i += 1)
        await (i % 12 === 11 ? new Promise<void>((resolve) => setImmediate(resolve)) : Promise.resolve());
      const asked = await engine.cancel(key('r'));
      const result = await driving;

      const possible = asked.outcome === 'closed' ? ['completed'] : ['completed', 'cancelled'];
      expect(possible).toContain(result.status);
      for (const run of (await store.listRuns({ tenant: 'default', root: 'r', limit: 10 })).items) {
        expect(isFinal(run.status)).toBe(true);
        expect((await entriesOf(store, run.key)).filter(({ type }) => type === 'run-end')).toHaveLength(1);
      }
      seen.add(`${asked.outcome} ${result.status}`);
      if (asked.outcome === 'closed') break;
    }
    expect([...seen].toSorted()).toContain('delivered cancelled');
    expect([...seen].toSorted()).toContain('closed completed');
  }, 60_000);
});
