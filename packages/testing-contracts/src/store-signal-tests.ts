import assert from 'node:assert/strict';
import { INBOX_LIMIT } from '@prusik/core';
import { key } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

export const STORE_SIGNAL_TESTS: readonly StoreTest[] = [
  {
    title: 'DUR-8: signals are numbered from 1 without a gap and kept with kind, key, body and time',
    async run({ clock, start, signal, inboxOf }) {
      await start('r');
      const first = await signal('r', 'user', 'colour', { red: true });
      clock.advance(5);
      const second = await signal('r', 'child', 'c', null);

      const expected = [
        { n: 1, kind: 'user', key: 'colour', body: { red: true }, at: clock.now() - 5 },
        { n: 2, kind: 'child', key: 'c', body: null, at: clock.now() },
      ];
      assert.deepEqual(first, { outcome: 'delivered', signal: expected[0] });
      assert.deepEqual(second, { outcome: 'delivered', signal: expected[1] });
      assert.deepEqual(await inboxOf('r'), expected);
    },
  },
  {
    title: 'DUR-8: the first signal of a kind and key wins; a second is told which it was',
    async run({ start, signal, inboxOf }) {
      await start('r');
      const first = await signal('r', 'user', 'answer', 'yes');
      const second = await signal('r', 'user', 'answer', 'no');

      assert.deepEqual(second, { outcome: 'duplicate', signal: 'signal' in first ? first.signal : undefined });
      assert.deepEqual(
        (await inboxOf('r')).map(({ body }) => body),
        ['yes'],
      );
    },
  },
  {
    title: 'DUR-8: of many signals with one key that come at once, one is delivered',
    async run({ start, signal, inboxOf }) {
      await start('r');
      const results = await Promise.all(Array.from({ length: 20 }, (_, n) => signal('r', 'user', 'same', n)));
      assert.equal(results.filter(({ outcome }) => outcome === 'delivered').length, 1);
      assert.equal(results.filter(({ outcome }) => outcome === 'duplicate').length, 19);
      assert.equal((await inboxOf('r')).length, 1);
    },
  },
  {
    title: 'DUR-8: the same key of another kind is another signal',
    async run({ start, signal, inboxOf }) {
      await start('r');
      await signal('r', 'user', 'x', 1);
      assert.equal((await signal('r', 'child', 'x', 2)).outcome, 'delivered');
      assert.deepEqual(
        (await inboxOf('r')).map(({ kind }) => kind),
        ['user', 'child'],
      );
    },
  },
  {
    title: 'DUR-8: a signal to a run that is not there is unknown, and to one that has ended closed',
    async run({ running, end, signal, inboxOf }) {
      await end(await running('ended'));
      assert.deepEqual(await signal('nobody', 'user', 'x'), { outcome: 'unknown' });
      assert.deepEqual(await signal('ended', 'user', 'x'), { outcome: 'closed' });
      assert.deepEqual(await signal('ended', 'cancel'), { outcome: 'closed' });
      assert.deepEqual(await inboxOf('ended'), []);
    },
  },
  {
    title: 'SES-7: a signal goes to the run of its own tenant',
    async run({ store, start, inboxOf }) {
      await start('r');
      const result = await store.signal({ run: key('r', 'other'), kind: 'user', key: 'x', body: 1 });
      assert.deepEqual(result, { outcome: 'unknown' });
      assert.deepEqual(await inboxOf('r'), []);
    },
  },
  {
    title: 'DUR-10: a signal wakes a waiting run, and leaves a held one with its holder',
    async run({ running, park, signal, run, claim }) {
      await park(await running('waiting'));
      await running('held');

      await signal('waiting', 'user', 'x');
      await signal('held', 'user', 'x');

      assert.deepEqual([(await run('waiting')).status, (await run('held')).status], ['queued', 'running']);
      assert.deepEqual(
        (await claim()).claims.map(({ run: { key: woken } }) => woken.run),
        ['waiting'],
      );
    },
  },
  {
    title: 'DUR-10: a run that a signal woke is not woken by its old timer again',
    async run({ clock, running, park, signal, run }) {
      await park(await running('r'), clock.now() + 1_000);
      await signal('r', 'user', 'x');
      assert.equal((await run('r')).wakeAt, null);
    },
  },
  {
    title: 'DUR-14: a cancel marks the run, and once only',
    async run({ running, signal, run, inboxOf }) {
      await running('r');
      await signal('r', 'cancel', 'cancel', { reason: 'changed my mind' });
      const again = await signal('r', 'cancel', 'cancel', { reason: 'really' });

      assert.equal(again.outcome, 'duplicate');
      assert.equal((await run('r')).cancelRequested, true);
      assert.deepEqual(
        (await inboxOf('r')).map(({ body }) => body),
        [{ reason: 'changed my mind' }],
      );
    },
  },
  {
    title: 'I9: a user signal is refused as full while 1,000 are unread; the engine’s own are not',
    async run({ running, commit, signal, run }) {
      const held = await running('r');
      for (let n = 0; n < INBOX_LIMIT; n += 1) await signal('r', 'user', `s${n}`);

      assert.deepEqual(await signal('r', 'user', 'one more'), { outcome: 'full' });
      assert.equal((await signal('r', 'child', 'c')).outcome, 'delivered');
      assert.equal((await signal('r', 'cancel')).outcome, 'delivered');
      assert.equal((await run('r')).inbox, INBOX_LIMIT + 2);

      await commit(held, { seen: INBOX_LIMIT });
      assert.equal((await signal('r', 'user', 'one more')).outcome, 'delivered');
    },
  },
  {
    title: 'DUR-8: what the holder has read stays read, also when a later commit says less',
    async run({ running, commit, signal }) {
      const held = await running('r');
      for (let n = 0; n < INBOX_LIMIT; n += 1) await signal('r', 'user', `s${n}`);
      await commit(held, { seen: INBOX_LIMIT });
      await commit(held, { seen: 0 });
      assert.equal((await signal('r', 'user', 'one more')).outcome, 'delivered');
    },
  },
  {
    title: 'DUR-8: inbox() reads in pages after a number',
    async run({ store, start, signal }) {
      await start('r');
      for (const name of ['a', 'b', 'c', 'd']) await signal('r', 'user', name);
      const page = await store.inbox(key('r'), { after: 1, limit: 2 });
      assert.deepEqual(
        page.map(({ n, key: name }) => [n, name]),
        [
          [2, 'b'],
          [3, 'c'],
        ],
      );
      assert.deepEqual(await store.inbox(key('r'), { after: 4, limit: 2 }), []);
      assert.deepEqual(await store.inbox(key('nobody'), { after: 0, limit: 2 }), []);
    },
  },
];
