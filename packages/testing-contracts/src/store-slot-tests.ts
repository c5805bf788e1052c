import assert from 'node:assert/strict';
import { SLOT_LIMIT, type SlotChange, type Store, type ThreadKey } from '@prusik/core';
import { message } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const s1 = { tenant: 'acme', session: 's1' } as const;
const inSession = { session: { id: 's1', whenBusy: 'refuse' } } as const;
const ofSession: ThreadKey = { tenant: 'acme', of: 'session', id: 's1' };
const ofRun = (id: string): ThreadKey => ({ tenant: 'acme', of: 'run', id });

const held = async (store: Store, owner: ThreadKey = ofSession): Promise<Record<string, unknown>> =>
  Object.fromEntries((await store.slots(owner)).map(({ name, value }) => [name, value]));

const change = (name: string, value: NonNullable<SlotChange['value']>): SlotChange => ({ name, value });

export const STORE_SLOT_TESTS: readonly StoreTest[] = [
  {
    title: 'SES-9: slots are written by a commit, hold what was written last, and are empty again when that is said',
    async run({ store, running, commit }) {
      const run = await running('r', inSession);
      assert.deepEqual(await store.slots(ofSession), []);

      await commit(run, { slots: [change('b', { rope: 1 }), change('a', 'x')] });
      await commit(run, { slots: [change('b', { rope: 2 }), { name: 'c', value: null }, { name: 'nobody' }] });

      assert.deepEqual(await store.slots(ofSession), [
        { name: 'a', value: 'x' },
        { name: 'b', value: { rope: 2 } },
        { name: 'c', value: null },
      ]);
      await commit(run, { slots: [{ name: 'a' }] });
      assert.deepEqual(Object.keys(await held(store)), ['b', 'c']);
    },
  },
  {
    title: 'SES-9: slots belong to the session, and outlast its runs; those of a run in no session are its own',
    async run({ store, running, commit, end }) {
      const first = await running('first', inSession);
      const alone = await running('alone');
      await commit(first, { slots: [change('a', 1)] });
      await commit(alone, { slots: [change('a', 2)] });
      await end(first);

      assert.deepEqual([await held(store), await held(store, ofRun('alone'))], [{ a: 1 }, { a: 2 }]);
      assert.deepEqual(await held(store, ofRun('first')), {});
      assert.deepEqual(await store.slots({ ...ofSession, tenant: 'other' }), []);
    },
  },
  {
    title: 'I1: a commit that is stale or refused changes no slot',
    async run({ store, running, commit, tryCommit }) {
      const run = await running('r', inSession);
      await commit(run, { slots: [change('a', 1)] });

      const messages = { from: 7, items: [message('m')] };
      assert.equal((await tryCommit(run, { messages, slots: [change('a', 2)] })).outcome, 'refused');
      assert.equal((await tryCommit({ ...run, epoch: 9 }, { slots: [change('a', 2)] })).outcome, 'stale');

      assert.deepEqual(await held(store), { a: 1 });
    },
  },
  {
    title:
      'I9: 64 slots hold something; one more refuses the commit with TOO_MANY_SLOTS, and a place that is emptied is free',
    async run({ store, running, commit, tryCommit }) {
      const run = await running('r', inSession);
      await commit(run, { slots: Array.from({ length: SLOT_LIMIT }, (_, n) => change(`s${n}`, n)) });

      const refused = await tryCommit(run, { slots: [change('more', 1)] });

      assert.equal('code' in refused && refused.code, 'TOO_MANY_SLOTS');
      await commit(run, { slots: [change('s0', 'again')] });
      await commit(run, { slots: [{ name: 's1' }, change('more', 1)] });
      assert.equal((await store.slots(ofSession)).length, SLOT_LIMIT);
    },
  },
  {
    title: 'SES-10: a fork has what the slots of its session hold, and changes only its own',
    async run({ store, running, commit, end }) {
      const run = await running('r', { ...inSession, messages: [message('m')] });
      await commit(run, { slots: [change('a', 1)] });
      await end(run);
      await store.forkSession(s1, 's2', 1);
      const other = await running('other', { session: { id: 's2', whenBusy: 'refuse' } });

      await commit(other, { slots: [change('b', 2)] });

      assert.deepEqual([await held(store), await held(store, { ...ofSession, id: 's2' })], [{ a: 1 }, { a: 1, b: 2 }]);
    },
  },
  {
    title: 'REC-4: slots are removed with their session, or with their run, and counted',
    async run({ store, running, commit, end }) {
      for (const [id, more] of [
        ['talks', inSession],
        ['alone', {}],
      ] as const) {
        const run = await running(id, more);
        await commit(run, { slots: [change('a', 1), change('b', 2)] });
        await end(run);
      }
      for (const life of ['closing', 'closed'] as const) await store.moveSession(s1, life);

      const session = await store.remove({ tenant: 'acme', session: 's1' });
      const run = await store.remove({ tenant: 'acme', run: 'alone' });

      assert.deepEqual(
        [session, run].map((answer) => answer.outcome === 'removed' && answer.removed.slots),
        [2, 2],
      );
      await running('new', inSession);
      await running('alone');
      assert.deepEqual([await held(store), await held(store, ofRun('alone'))], [{}, {}]);
    },
  },
  {
    title: 'I9: the name of a slot has 1 to 64 characters, and an owner is a session or a run',
    async run({ store, running, tryCommit }) {
      const run = await running('r', inSession);
      await assert.rejects(tryCommit(run, { slots: [change('', 1)] }), TypeError);
      await assert.rejects(tryCommit(run, { slots: [change('x'.repeat(65), 1)] }), TypeError);
      await assert.rejects(store.slots({ ...ofSession, of: 'tenant' as 'run' }), TypeError);
    },
  },
  {
    title: 'SES-9: slots hold the same after the store was disposed and opened',
    needs: 'durable',
    async run({ store, open, running, commit }) {
      const run = await running('r', inSession);
      await commit(run, { slots: [change('a', { deep: ['x'] })] });
      await store[Symbol.asyncDispose]();

      assert.deepEqual(await held(await open()), { a: { deep: ['x'] } });
    },
  },
];
