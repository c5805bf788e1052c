import type { Commit, DurableContext, Effect, Store } from '@prusik/core';
import {
  acknowledgingStore,
  dyingStore,
  fakeClock,
  inspectStore,
  type DiesAt,
  type EffectLine,
  type FakeClock,
  type WriteLine,
} from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { STORAGES, withStores } from '../storages.ts';
import { durable, engineOn, entriesOf, gate, key, untilCalled } from '../support.ts';

const LEASE_MS = 30_000;

/** A body that says what it does, outside of every store. */
function step(ctx: DurableContext, write: WriteLine, name: string, effect: Effect, result: string): Promise<unknown> {
  return ctx.step(
    name,
    ({ idempotencyKey }) => {
      write({ type: 'effect', run: ctx.run.key, step: name, effect, idempotencyKey });
      return result;
    },
    { effect },
  );
}

const pay = (effect: Effect) => (write: WriteLine) => [
  durable('work', (ctx) => step(ctx, write, 'pay', effect, 'paid')),
];

const family = (write: WriteLine) => [
  durable('work', async (ctx) => (await ctx.child('c', 'child', null)).output),
  durable('child', (ctx) => step(ctx, write, 'pay', 'keyed', 'paid')),
];

const ends = (name: string): DiesAt =>
  commitWhere(({ entries }) => entries.some((entry) => entry.type === 'step-end' && entry.key === name));
const startsChild = commitWhere(({ children = [] }) => children.length > 0);

function commitWhere(is: (commit: Commit) => boolean): DiesAt {
  return (method, [commit]) => method === 'commit' && is(commit as Commit);
}

interface Scene {
  readonly store: Store;
  readonly clock: FakeClock;
  readonly lines: readonly EffectLine[];
  readonly write: WriteLine;
}

/** Runs `work` until its process dies where it is told to; then the lease is past, and `next` finds what is left. */
async function afterDeath(
  create: (typeof STORAGES)[string],
  definitions: (write: WriteLine) => readonly ReturnType<typeof durable>[],
  dies: DiesAt,
  when: 'before' | 'after',
  next: (scene: Scene) => Promise<void>,
): Promise<void> {
  const clock = fakeClock();
  await withStores(create, clock, async (first, second) => {
    const lines: EffectLine[] = [];
    const write: WriteLine = (line) => void lines.push(line);
    const dying = dyingStore(first, dies, when);
    void engineOn(dying.store, definitions(write), { clock }).run('work', null, { id: 'r' });
    await dying.died;
    clock.advance(LEASE_MS);
    await next({ store: acknowledgingStore(second, write), clock, lines, write });
    expect((await inspectStore(second, { lines })).violations).toEqual([]);
  });
}

const effects = (lines: readonly EffectLine[]) => lines.filter((line) => line.type === 'effect');

async function stepEnds(store: Store, run = 'r'): Promise<number> {
  return (await entriesOf(store, key(run))).filter(({ type }) => type === 'step-end').length;
}

describe.each(Object.entries(STORAGES))('a process that dies (%s)', (_, create) => {
  it('fault 1, DUR-12: after its claim, before a step: another worker runs it, with one commit', () =>
    afterDeath(
      create,
      pay('repeatable'),
      (method) => method === 'claim',
      'after',
      async ({ store, lines, write }) => {
        const engine = engineOn(store, pay('repeatable')(write));

        expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'paid' });
        expect(effects(lines)).toHaveLength(1);
        expect(await stepEnds(store)).toBe(1);
      },
    ));

  it('fault 2, DUR-5: after an effect, before its commit: a keyed step acts again under the same key', () =>
    afterDeath(create, pay('keyed'), ends('pay'), 'before', async ({ store, lines, write }) => {
      expect(await engineOn(store, pay('keyed')(write)).drive(key('r'))).toMatchObject({ output: 'paid' });
      expect(effects(lines)).toHaveLength(2);
      expect(new Set(effects(lines).map(({ idempotencyKey }) => idempotencyKey)).size).toBe(1);
    }));

  it('fault 2, DUR-5: after an effect, before its commit: a once step is in doubt and does not act again', () =>
    afterDeath(create, pay('once'), ends('pay'), 'before', async ({ store, lines, write }) => {
      const engine = engineOn(store, pay('once')(write));
      const blocked = await engine.drive(key('r'));
      expect(blocked).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
      expect(effects(lines)).toHaveLength(1);

      const request = blocked.status === 'blocked' ? blocked.request : '';
      const value = { choice: 'happened', output: 'was paid' };
      await engine.decide(key('r'), request, { status: 'answered', value });

      expect(await engine.drive(key('r'))).toMatchObject({ status: 'completed', output: 'was paid' });
      expect(effects(lines)).toHaveLength(1);
    }));

  it('fault 3, I4: after its commit, before the answer: the stored outcome is used, and nothing acts again', () =>
    afterDeath(create, pay('once'), ends('pay'), 'after', async ({ store, lines, write }) => {
      expect(await engineOn(store, pay('once')(write)).drive(key('r'))).toMatchObject({ output: 'paid' });
      expect(effects(lines)).toHaveLength(1);
      expect(await stepEnds(store)).toBe(1);
    }));

  it.each(['before', 'after'] as const)(
    'fault 4, WFL-6: %s the commit that starts a child: there is one child, under the same id',
    (when) =>
      afterDeath(create, family, startsChild, when, async ({ store, lines, write }) => {
        const found = (await store.listRuns({ tenant: 'default', parent: 'r', limit: 10 })).items;
        expect(found).toHaveLength(when === 'before' ? 0 : 1);

        expect(await engineOn(store, family(write)).drive(key('r'))).toMatchObject({ output: 'paid' });

        const { items } = await store.listRuns({ tenant: 'default', parent: 'r', limit: 10 });
        expect(items).toHaveLength(1);
        for (const one of found) expect(items[0]?.key).toEqual(one.key);
        expect(effects(lines)).toHaveLength(1);
      }),
  );

  it('fault 5, WFL-6: as a parent, while its child runs elsewhere: the child goes on, and its result comes once', () =>
    afterDeath(create, family, startsChild, 'after', async ({ store, clock, lines, write }) => {
      const begun = untilCalled();
      const paid = gate<string>();
      const elsewhere = engineOn(store, [
        durable('child', (ctx) =>
          ctx.step(
            'pay',
            ({ idempotencyKey }) => {
              write({ type: 'effect', run: ctx.run.key, step: 'pay', effect: 'keyed', idempotencyKey });
              begun.call();
              return paid.opened;
            },
            { effect: 'keyed' },
          ),
        ),
      ]);
      const [child] = (await store.listRuns({ tenant: 'default', parent: 'r', limit: 10 })).items;
      const driving = elsewhere.drive(child?.key ?? key('r'));
      await begun.called;
      const parent = engineOn(store, family(write), { clock }).drive(key('r'));
      paid.open('paid');

      expect(await driving).toMatchObject({ status: 'completed', output: 'paid' });
      expect(await parent).toMatchObject({ status: 'completed', output: 'paid' });
      expect(effects(lines)).toHaveLength(1);
      const waits = (await entriesOf(store, key('r'))).filter(({ type }) => type === 'wait-end');
      expect(waits).toHaveLength(1);
    }));

  it('fault 6, WFL-6: as a parent, and its child ends before it is back: the result waits', () =>
    afterDeath(create, family, startsChild, 'after', async ({ store, lines, write }) => {
      const [child] = (await store.listRuns({ tenant: 'default', parent: 'r', limit: 10 })).items;
      const alone = engineOn(store, family(write).slice(1));
      expect(await alone.drive(child?.key ?? key('r'))).toMatchObject({ status: 'completed' });
      await alone[Symbol.asyncDispose]();

      expect(await engineOn(store, family(write)).drive(key('r'))).toMatchObject({ output: 'paid' });
      expect(effects(lines)).toHaveLength(1);
    }));
});
