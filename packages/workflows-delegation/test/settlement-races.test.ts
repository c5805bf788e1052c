import {
  isFinal,
  PrusikError,
  type DurableContext,
  type DurableDefinition,
  type RunSummary,
  type Store,
} from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock, inspectStore } from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { claimingOnly } from './claiming-only.ts';
import { childrenOf, engineFor, journalOf } from './engines.ts';

const OWNER = { tenant: 'default', run: 'owner' };

const turns = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n += 1) await new Promise((resolve) => setImmediate(resolve));
};

const patient: DurableDefinition<null, null> = {
  name: 'patient',
  kind: 'function',
  version: '1',
  async run(ctx: DurableContext) {
    await ctx.receive('never');
    return null;
  },
};

/** A store that takes its time, as one on a disk does. */
function slow(inner: Store): Store {
  return {
    ...inner,
    async commit(commit) {
      await turns(1);
      const answer = await inner.commit(commit);
      await turns(1);
      return answer;
    },
  };
}

async function violationsOf(store: Store): Promise<readonly string[]> {
  const { violations } = await inspectStore(store);
  return violations.map(({ rule, run, message }) => `${rule}: ${run}: ${message}`);
}

const errorOf = async (store: Store): Promise<unknown> => (await store.run(OWNER))?.error?.code;
const outcomes = (runs: readonly RunSummary[]): readonly string[] => runs.map(({ status }) => status);

describe('an owner that ends in two ways', () => {
  it.each(['returned', 'thrown'])(
    'WFL-7, DUR-14: that has %s is cancelled while its children have not ended: it is cancelled, after them',
    async (how) => {
      const store = memoryStore();
      const order: string[] = [];
      const noted: Store = {
        ...store,
        async commit(commit) {
          const answer = await store.commit(commit);
          if (answer.outcome === 'committed' && commit.transition?.type === 'end') order.push(commit.run.run);
          return answer;
        },
      };
      const done = Promise.withResolvers<null>();
      let ended = false;
      // Takes its time to end when it is told to.
      const deaf: DurableDefinition<null, null> = {
        name: 'deaf',
        kind: 'function',
        version: '1',
        run: (ctx: DurableContext) => ctx.step('work', () => done.promise),
      };
      const workflow = defineWorkflow({
        name: 'owner',
        input: z.null(),
        agents: { deaf },
        delegation: {},
        async run(ctx) {
          void ctx.agents.deaf.run('c', null);
          await ctx.step('a while', () => turns(3));
          ended = true;
          if (how === 'thrown') throw new PrusikError('OWNER_GAVE_UP', 'it had enough');
        },
      });
      const engine = engineFor([workflow], { store: noted, cancelGraceMs: 60_000 });
      const driving = engine.run('owner', null, { id: OWNER.run });
      const told = async (): Promise<boolean> => (await childrenOf(store, OWNER.run))[0]?.cancelRequested === true;
      while (!ended || (how === 'thrown' && !(await told()))) await turns(1);
      await engine.cancel(OWNER);
      while (!(await told())) await turns(1);
      await turns(10);
      expect(order).toEqual([]);
      done.resolve(null);

      expect(await driving).toMatchObject({ status: 'cancelled', error: { code: 'RUN_CANCELLED' } });
      const [child] = await childrenOf(store, OWNER.run);
      expect(child?.status).toBe('cancelled');
      expect(order).toEqual([child?.key.run, OWNER.run]);
      expect(await violationsOf(store)).toEqual([]);
    },
  );

  it('WFL-7: that throws keeps its error when another of its calls fails while its children wind down', async () => {
    const failing = (name: string, code: string): DurableDefinition<null, null> => ({
      name,
      kind: 'function',
      version: '1',
      async run(ctx: DurableContext) {
        await ctx.receive('go');
        throw new PrusikError(code, 'over a root');
      },
    });
    const workflow = defineWorkflow({
      name: 'owner',
      input: z.null(),
      agents: { first: failing('first', 'FIRST'), second: failing('second', 'SECOND') },
      delegation: {},
      run: (ctx) => Promise.all([ctx.agents.first.run('a', null), ctx.agents.second.run('b', null)]),
    });
    const store = memoryStore();
    const engine = engineFor([workflow], { store });
    await engine.run('owner', null, { id: OWNER.run });
    const [a, b] = await childrenOf(store, OWNER.run);
    for (const child of [b, a]) {
      await engine.signal(child!.key, 'go', null);
      // The owner does not hear of the one before both have ended.
      await engineFor([workflow], { store: claimingOnly(store, 'first', 'second') }).drive(child!.key);
    }

    expect(await engine.drive(OWNER)).toMatchObject({ status: 'failed', error: { code: 'SECOND' } });
    const ends = (await journalOf(store, OWNER.run)).flatMap((entry) => (entry.type === 'wait-end' ? [entry.key] : []));
    expect(ends).toEqual(['b', 'a']);
    expect(await violationsOf(store)).toEqual([]);
  });
});

describe('an owner that throws', () => {
  it('WFL-7, I2: while a child finishes, at any instant of both: each ends once, the child as whichever was first', async () => {
    const seen = new Set<string>();
    for (let wait = 0; wait < 36; wait += 1) {
      const store = memoryStore();
      const child: DurableDefinition<null, null> = {
        name: 'child',
        kind: 'function',
        version: '1',
        run: (ctx: DurableContext) => ctx.step('work', () => turns(wait).then(() => null)),
      };
      const workflow = defineWorkflow({
        name: 'owner',
        input: z.null(),
        agents: { child },
        delegation: {},
        async run(ctx) {
          void ctx.agents.child.run('c', null);
          await ctx.step('a while', () => turns(14));
          throw new PrusikError('OWNER_GAVE_UP', 'it had enough');
        },
      });
      const engine = engineFor([workflow], { store: slow(store), cancelGraceMs: 1_000 });
      const { status } = await engine.run('owner', null, { id: OWNER.run });
      const children = outcomes(await childrenOf(store, OWNER.run));
      expect(status).toBe('failed');
      expect(await errorOf(store)).toBe('OWNER_GAVE_UP');
      expect(children, `after ${wait} turns`).toHaveLength(1);
      expect(await violationsOf(store), `after ${wait} turns`).toEqual([]);
      seen.add(children.join());
      await engine[Symbol.asyncDispose]();
    }

    expect([...seen].toSorted()).toEqual(['cancelled', 'completed']);
  });

  it.each(['happened', 'fail'])(
    'WFL-7, DUR-5: while a once step of its own ends in doubt: a person is asked, who says %s, and then it fails',
    async (choice) => {
      const clock = fakeClock();
      const store = memoryStore({ clock });
      const done = Promise.withResolvers<void>();
      const thrown = Promise.withResolvers<void>();
      const workflow = defineWorkflow({
        name: 'owner',
        input: z.null(),
        agents: { patient },
        delegation: {},
        async run(ctx) {
          void ctx.agents.patient.run('p', null);
          // What cannot be stored has happened, and nobody knows how.
          const paid = ctx.step('pay', () => done.promise.then(() => Symbol('receipt')), { effect: 'once' });
          void paid.catch(() => {});
          await ctx.step('a while', () => turns(3));
          thrown.resolve();
          throw new PrusikError('OWNER_GAVE_UP', 'it had enough');
        },
      });
      const engine = engineFor([workflow], { store });
      const driving = engine.run('owner', null, { id: OWNER.run });
      await thrown.promise;
      let child: RunSummary | undefined;
      while (child === undefined || !isFinal(child.status)) {
        await turns(1);
        [child] = await childrenOf(store, OWNER.run);
      }
      expect((await store.run(OWNER))?.status).toBe('running');
      done.resolve();

      const blocked = await driving;
      expect(blocked).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
      const request = blocked.status === 'blocked' ? blocked.request : '';
      await engine.decide(OWNER, request, { status: 'answered', value: { choice } });
      expect(await engine.drive(OWNER)).toMatchObject({ status: 'failed', error: { code: 'OWNER_GAVE_UP' } });
      expect(child.status).toBe('cancelled');
      expect(await violationsOf(store)).toEqual([]);
    },
  );
});
