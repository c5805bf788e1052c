import assert from 'node:assert/strict';
import {
  FORK_LIMIT,
  SESSION_CUT_LIMIT,
  type Message,
  type NewRun,
  type PageAfter,
  type PageBefore,
  type Store,
} from '@prusik/core';
import { message, newRun, type StoreScenario } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const s1 = { tenant: 'acme', session: 's1' } as const;
const thread = { tenant: 'acme', of: 'session', id: 's1' } as const;
const inSession = (cut?: NonNullable<NewRun['session']>['cut'], whenBusy: 'refuse' | 'queue' = 'refuse') => ({
  session: { id: 's1', whenBusy, ...(cut === undefined ? {} : { cut }) },
});
const items = (ids: string): readonly Message[] => ids.split(' ').map((id) => message(id));

type Page = (PageAfter | PageBefore) & { readonly hidden?: boolean };
const ALL: Page = { after: 0, limit: 100 };

/** Numbers and ids, as `3 c`. */
async function shown(store: Store, page: Page = ALL, of: string = 's1'): Promise<string> {
  const found = await store.messages({ ...thread, id: of }, page);
  return found.map(({ n, message: { id } }) => `${n} ${id}`).join(', ');
}

/** A run that says these messages and ends, so that its session is free. */
async function say({ start, take, end }: StoreScenario, ids: string): Promise<void> {
  const run = `says ${ids.slice(0, 100)}`;
  await start(run, { ...inSession(), messages: items(ids) });
  await end(await take(run));
}

const cutsOf = async (store: Store): Promise<unknown> =>
  (await store.session(s1))?.cuts.map(({ from, to }) => [from, to]);

export const STORE_BRANCH_TESTS: readonly StoreTest[] = [
  {
    title:
      'SES-10: a cut hides what follows a message and keeps it on record, and the thread goes on with higher numbers',
    async run({ store, ...bed }) {
      await say(bed, 'a b c d');

      const answer = await store.cutMessages(s1, 2, 4);

      assert.deepEqual(answer, { outcome: 'cut', session: await store.session(s1) });
      assert.equal(await shown(store), '1 a, 2 b');
      assert.equal(await shown(store, { ...ALL, hidden: true }), '1 a, 2 b, 3 c, 4 d');
      assert.equal(await store.threadHead(thread), 4);
      await say(bed, 'e');
      assert.equal(await shown(store), '1 a, 2 b, 5 e');
      assert.deepEqual(await cutsOf(store), [[3, 4]]);
    },
  },
  {
    title: 'SES-10: cuts that touch are one, and those that do not stay apart',
    async run({ store, ...bed }) {
      await say(bed, 'a b c');
      await store.cutMessages(s1, 2, 3);
      await say(bed, 'd e f');
      await store.cutMessages(s1, 5, 6);
      assert.deepEqual(await cutsOf(store), [
        [3, 3],
        [6, 6],
      ]);

      // Nothing follows the last one: there is nothing to hide.
      await store.cutMessages(s1, 6, 6);
      await store.cutMessages(s1, 3, 6);
      assert.deepEqual(await cutsOf(store), [[3, 6]]);
      await say(bed, 'g');
      await store.cutMessages(s1, 0, 7);
      assert.deepEqual([await cutsOf(store), await shown(store)], [[[1, 7]], '']);
    },
  },
  {
    title: 'SES-10: pages join over what is hidden without a gap or a repeat, in both directions',
    async run({ store, ...bed }) {
      for (const [ids, keep, head] of [
        ['a b', 1, 2],
        ['c d e', 4, 5],
        ['f', 5, 6],
        ['g h i', 8, 9],
      ] as const) {
        await say(bed, ids);
        await store.cutMessages(s1, keep, head);
      }
      await say(bed, 'j');
      assert.equal(await shown(store), '1 a, 3 c, 4 d, 7 g, 8 h, 10 j');

      const forward: string[] = [];
      for (let after = 0; ;) {
        const page = await store.messages(thread, { after, limit: 2 });
        forward.push(...page.map((one) => one.message.id));
        if (page.length < 2) break;
        after = page.at(-1)?.n ?? 0;
      }
      const backward: string[] = [];
      for (let before = 11; ;) {
        const page = await store.messages(thread, { before, limit: 2 });
        backward.unshift(...page.map((one) => one.message.id));
        if (page.length < 2) break;
        before = page[0]?.n ?? 0;
      }

      assert.deepEqual([forward.join(' '), backward.join(' ')], ['a c d g h j', 'a c d g h j']);
      assert.equal(await shown(store, { after: 4, limit: 1 }), '7 g');
      assert.equal(await shown(store, { before: 7, limit: 1 }), '4 d');
    },
  },
  {
    title:
      'SES-10: a cut is refused while a run holds the session or waits for it, when a message has come, and when it ends',
    async run({ store, start, take, end, run, signal, ...bed }) {
      assert.deepEqual(await store.cutMessages(s1, 0, 0), { outcome: 'unknown' });
      await say({ start, take, end, run, signal, ...bed }, 'a b');
      assert.deepEqual(await store.cutMessages(s1, 1, 1), { outcome: 'moved', head: 2 });
      await start('holder', inSession());
      assert.deepEqual(await store.cutMessages(s1, 1, 2), { outcome: 'busy', run: await run('holder') });
      await end(await take('holder'));
      assert.equal((await store.cutMessages(s1, 1, 2)).outcome, 'cut');
      await store.moveSession(s1, 'closing');
      assert.deepEqual(await store.cutMessages(s1, 0, 2), { outcome: 'closed' });
      assert.equal(await shown(store), '1 a');
    },
  },
  {
    title: 'I9: a session has 100 cuts that do not touch; one more is refused',
    async run({ store, ...bed }) {
      for (let n = 0; n < SESSION_CUT_LIMIT; n += 1) {
        await say(bed, `kept-${n} cut-${n}`);
        assert.equal((await store.cutMessages(s1, 2 * n + 1, 2 * n + 2)).outcome, 'cut');
      }
      await say(bed, 'kept cut');
      const head = 2 * SESSION_CUT_LIMIT + 2;

      assert.deepEqual(await store.cutMessages(s1, head - 1, head), { outcome: 'full' });
      const refused = await store.start(newRun('again', inSession({ after: head - 1, head })));
      assert.deepEqual(refused, { outcome: 'refused', code: 'SESSION_CUTS_FULL', session: await store.session(s1) });

      assert.equal(await shown(store, { before: head + 1, limit: 2 }), `${head - 1} kept, ${head} cut`);
      // One that takes in others makes room.
      assert.equal((await store.cutMessages(s1, 1, head)).outcome, 'cut');
      assert.deepEqual(await cutsOf(store), [[2, head]]);
    },
  },
  {
    title: 'SES-10: a run may cut what it goes on from in the write that starts it, once',
    async run({ store, start, take, end, ...bed }) {
      await say({ start, take, end, ...bed }, 'a b c');
      const again = newRun('again', { ...inSession({ after: 1, head: 3 }), messages: items('B') });

      assert.equal((await store.start(again)).outcome, 'created');
      assert.equal(await shown(store), '1 a, 4 B');
      const [entry] = await store.entries(again.key, { after: 0, limit: 1 });
      assert.deepEqual(entry?.type === 'run-start' && entry.messages, { from: 4, count: 1 });

      await end(await take('again'));
      assert.equal((await store.start(again)).outcome, 'existing');
      assert.equal(await shown(store), '1 a, 4 B');
    },
  },
  {
    title: 'SES-10: a run that cuts is refused whole when a message has come, and never waits for its turn',
    async run({ store, start, run, ...bed }) {
      await say({ start, run, ...bed }, 'a b c');
      const moved = await store.start(newRun('late', { ...inSession({ after: 1, head: 2 }), messages: items('B') }));
      assert.deepEqual(moved, { outcome: 'refused', code: 'THREAD_MOVED', head: 3 });
      const nowhere = await store.start(
        newRun('new', { session: { id: 's2', whenBusy: 'refuse', cut: { after: 1, head: 1 } } }),
      );
      assert.deepEqual(nowhere, { outcome: 'refused', code: 'THREAD_MOVED', head: 0 });
      await start('holder', inSession());

      const busy = await store.start(newRun('next', { ...inSession({ after: 1, head: 3 }, 'queue') }));

      const expected = { outcome: 'refused', code: 'SESSION_BUSY', run: await run('holder'), requestIds: [] };
      assert.deepEqual(busy, expected);
      assert.deepEqual([await shown(store), await cutsOf(store)], ['1 a, 2 b, 3 c', []]);
    },
  },
  {
    title: 'SES-10: a message is found by its id, unless it is hidden or was replaced',
    async run({ store, ...bed }) {
      await say(bed, 'a b c');
      const find = async (id: string): Promise<number | undefined> => (await store.message(thread, id))?.n;
      assert.deepEqual(await store.message(thread, 'b'), { n: 2, message: message('b') });
      assert.deepEqual([await find('nobody'), await find("' or 1"), await find('c')], [undefined, undefined, 3]);
      assert.equal(await store.message({ ...thread, tenant: 'other' }, 'a'), undefined);

      await store.cutMessages(s1, 2, 3);
      assert.deepEqual([await find('c'), await find('b')], [undefined, 2]);
      await store.replaceMessages(s1, items('c d'), 3);
      assert.deepEqual([await find('a'), await find('c')], [undefined, 4]);
    },
  },
  {
    title: 'SES-10: no two messages of a conversation are started under one id, be they shown or waiting',
    async run({ store, start, take, end, ...bed }) {
      await say({ start, take, end, ...bed }, 'a b');
      const saying = (id: string, ids: string, cut?: NonNullable<NewRun['session']>['cut']) =>
        store.start(newRun(id, { ...inSession(cut, 'queue'), messages: items(ids) }));
      const taken = (id: string): unknown => ({ outcome: 'refused', code: 'MESSAGE_ID_TAKEN', message: id });
      assert.deepEqual(await saying('r1', 'b'), taken('b'));
      assert.deepEqual(await saying('r2', 'c c'), taken('c'));
      // What it cuts off may come back in its place.
      assert.equal((await saying('r3', 'b', { after: 1, head: 2 })).outcome, 'created');
      assert.equal((await saying('r4', 'c')).outcome, 'created');
      assert.deepEqual(await saying('r5', 'c'), taken('c'));
      const other = newRun('r6', { session: { id: 's2', whenBusy: 'refuse' }, messages: items('a') });
      assert.equal((await store.start(other)).outcome, 'created');

      await end(await take('r3'));
      assert.equal(await shown(store), '1 a, 3 b, 4 c');
    },
  },
  {
    title:
      'SES-10: a fork is a conversation of its own with what was shown up to a message, under its ids and from 1 on',
    async run({ store, clock, start, take, end, ...bed }) {
      await say({ start, take, end, ...bed }, 'a b');
      await store.cutMessages(s1, 1, 2);
      await say({ start, take, end, ...bed }, 'c d');

      const answer = await store.forkSession(s1, 's2', 3);

      const s2 = { tenant: 'acme', session: 's2' } as const;
      assert.deepEqual(answer, { outcome: 'forked', session: await store.session(s2) });
      assert.deepEqual(await store.session(s2), {
        key: s2,
        state: 'open',
        queue: [],
        createdAt: clock.now(),
        cuts: [],
        forkedFrom: { session: 's1', n: 3 },
      });
      assert.equal(await shown(store, ALL, 's2'), '1 a, 2 c');
      await start('r', { session: { id: 's2', whenBusy: 'refuse' }, messages: items('e') });
      assert.equal(await shown(store, ALL, 's2'), '1 a, 2 c, 3 e');
      assert.equal(await shown(store), '1 a, 3 c, 4 d');
    },
  },
  {
    title:
      'SES-10: the same fork again is the one that was made; another of that name, and one of nothing, are refused',
    async run({ store, ...bed }) {
      assert.deepEqual(await store.forkSession(s1, 's2', 1), { outcome: 'unknown' });
      await say(bed, 'a b');
      await store.forkSession(s1, 's2', 1);

      const again = await store.forkSession(s1, 's2', 1);
      const other = await store.forkSession(s1, 's2', 2);
      const itself = await store.forkSession(s1, 's1', 1);

      assert.deepEqual([again.outcome, other.outcome, itself.outcome], ['existing', 'taken', 'taken']);
      assert.equal(await shown(store, ALL, 's2'), '1 a');
    },
  },
  {
    title: 'I9: a fork copies 10,000 messages, and not one more',
    async run({ store, ...bed }) {
      await say(bed, 'first');
      for (let n = 1; n <= FORK_LIMIT.messages; n += 500) {
        const many = Array.from({ length: 500 }, (_, index) => `m${n + index}`).join(' ');
        await say(bed, many);
      }

      assert.deepEqual(await store.forkSession(s1, 's2', FORK_LIMIT.messages + 1), { outcome: 'too-large' });
      assert.equal(await store.session({ tenant: 'acme', session: 's2' }), undefined);
      assert.equal((await store.forkSession(s1, 's2', FORK_LIMIT.messages)).outcome, 'forked');
      assert.equal(await store.threadHead({ ...thread, id: 's2' }), FORK_LIMIT.messages);
    },
  },
  {
    title: 'SES-10: a fork uses the blobs of its messages, and keeps them when the first conversation is gone',
    async run({ store, start, take, end }) {
      const { hash } = await store.putBlob('acme', new TextEncoder().encode('rope'));
      const file = { type: 'file', mediaType: 'text/plain', data: { blob: hash } } as const;
      await start('r', { ...inSession(), messages: [{ ...message('m'), content: [file] }], blobs: [hash] });
      await end(await take('r'));
      await store.forkSession(s1, 's2', 1);
      for (const life of ['closing', 'closed'] as const) await store.moveSession(s1, life);
      await store.remove({ tenant: 'acme', session: 's1' });

      await store.sweepBlobs({ graceMs: 0 });

      assert.equal((await store.blob('acme', hash))?.size, 4);
      assert.equal(await shown(store, ALL, 's2'), '1 m');
    },
  },
  {
    title: 'REC-4: what is removed with a session are all its messages, also those that were hidden',
    async run({ store, ...bed }) {
      await say(bed, 'a b c');
      await store.cutMessages(s1, 1, 3);
      for (const life of ['closing', 'closed'] as const) await store.moveSession(s1, life);

      const answer = await store.remove({ tenant: 'acme', session: 's1' });

      assert.equal(answer.outcome === 'removed' && answer.removed.messages, 3);
      await say(bed, 'd');
      assert.deepEqual([await shown(store, { ...ALL, hidden: true }), await cutsOf(store)], ['1 d', []]);
    },
  },
  {
    title: 'I9: ids of messages that can name nothing, and numbers that are none, are wrong arguments',
    async run({ store, start }) {
      for (const id of ['', 'x'.repeat(201), 'a\nb'])
        await assert.rejects(store.start(newRun('r', { ...inSession(), messages: [message(id)] })), TypeError);
      await start('r', { ...inSession(), messages: [message('x'.repeat(200))] });
      await assert.rejects(store.message(thread, ''), TypeError);
      await assert.rejects(store.cutMessages(s1, -1, 1), TypeError);
      await assert.rejects(store.cutMessages(s1, 1, 0.5), TypeError);
      await assert.rejects(store.forkSession(s1, '', 1), TypeError);
      await assert.rejects(store.forkSession(s1, 's2', Number.NaN), TypeError);
      await assert.rejects(store.start(newRun('q', inSession({ after: -1, head: 0 }))), TypeError);
    },
  },
  {
    title: 'SES-10: what is hidden and what was copied is so after the store was disposed and opened',
    needs: 'durable',
    async run({ store, open, ...bed }) {
      await say(bed, 'a b c');
      await store.cutMessages(s1, 1, 3);
      await store.forkSession(s1, 's2', 3);
      const before = await store.session({ tenant: 'acme', session: 's2' });
      await store[Symbol.asyncDispose]();

      const opened = await open();

      assert.equal(await shown(opened), '1 a');
      assert.equal(await shown(opened, ALL, 's2'), '1 a');
      assert.deepEqual(await opened.session({ tenant: 'acme', session: 's2' }), before);
    },
  },
];
