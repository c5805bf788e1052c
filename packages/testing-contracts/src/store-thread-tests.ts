import assert from 'node:assert/strict';
import type { Message, Store, ThreadKey } from '@prusik/core';
import { message } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const thread: ThreadKey = { tenant: 'acme', of: 'run', id: 'r' };

const items = (from: number, to: number): readonly Message[] =>
  Array.from({ length: to - from + 1 }, (_, n) => message(`m${from + n}`));

async function page(store: Store, range: { after: number } | { before: number }, limit: number): Promise<number[]> {
  return (await store.messages(thread, { ...range, limit })).map(({ n }) => n);
}

export const STORE_THREAD_TESTS: readonly StoreTest[] = [
  {
    title: 'SES-3: messages are numbered from 1 without a gap, in the order they came',
    async run({ store, running, commit }) {
      const held = await running('r', { messages: items(1, 2) });
      await commit(held, { messages: { from: 3, items: items(3, 5) } });

      const kept = await store.messages(thread, { after: 0, limit: 10 });

      assert.deepEqual(
        kept,
        items(1, 5).map((item, index) => ({ n: index + 1, message: item })),
      );
      assert.equal(await store.threadHead(thread), 5);
    },
  },
  {
    title: 'SES-3: a commit that counts on another number is refused with THREAD_MOVED and writes nothing',
    async run({ store, running, tryCommit, journal }) {
      const held = await running('r', { messages: items(1, 2) });
      for (const from of [1, 2, 4]) {
        const refused = await tryCommit(held, {
          entries: [{ type: 'note', name: 'x', data: null }],
          messages: { from, items: items(3, 3) },
        });
        assert.equal(refused.outcome === 'refused' && refused.code, 'THREAD_MOVED');
      }
      assert.equal(await store.threadHead(thread), 2);
      assert.deepEqual(await journal('r'), ['run-start']);
    },
  },
  {
    title: 'SES-3: pages after a number go up, pages before one end at it, both oldest first',
    async run({ store, running }) {
      await running('r', { messages: items(1, 9) });
      assert.deepEqual(await page(store, { after: 0 }, 3), [1, 2, 3]);
      assert.deepEqual(await page(store, { after: 7 }, 3), [8, 9]);
      assert.deepEqual(await page(store, { after: 9 }, 3), []);
      assert.deepEqual(await page(store, { before: 10 }, 3), [7, 8, 9]);
      assert.deepEqual(await page(store, { before: 3 }, 3), [1, 2]);
      assert.deepEqual(await page(store, { before: 1 }, 3), []);
      assert.deepEqual(await page(store, { before: 100 }, 2), [8, 9]);
    },
  },
  {
    title: 'SES-3: a thread that nobody wrote is empty',
    async run({ store, start }) {
      await start('r');
      assert.equal(await store.threadHead(thread), 0);
      assert.equal(await store.threadHead({ ...thread, id: 'nobody' }), 0);
      assert.deepEqual(await store.messages({ ...thread, of: 'session', id: 'nobody' }, { after: 0, limit: 5 }), []);
    },
  },
  {
    title: 'SES-7: the thread of a run, of a session and of another tenant are different threads',
    async run({ store, start, take, commit }) {
      await start('r', { messages: [message('of-the-run')] });
      await start('r2', { session: { id: 'r', whenBusy: 'refuse' }, messages: [message('of-the-session')] });
      await commit(await take('r2'), { messages: { from: 2, items: [message('answer')] } });

      const read = async (key: ThreadKey): Promise<string[]> =>
        (await store.messages(key, { after: 0, limit: 10 })).map((stored) => stored.message.id);

      assert.deepEqual(await read(thread), ['of-the-run']);
      assert.deepEqual(await read({ ...thread, of: 'session' }), ['of-the-session', 'answer']);
      assert.deepEqual(await read({ ...thread, tenant: 'other' }), []);
      assert.deepEqual(await read({ ...thread, id: 'r2' }), []);
    },
  },
  {
    title: 'SES-3: the next run of a session goes on with its thread',
    async run({ store, start, take, commit, end }) {
      const session = { id: 's', whenBusy: 'refuse' } as const;
      await start('a', { session, messages: [message('ask-a')] });
      const first = await take('a');
      await commit(first, { messages: { from: 2, items: [message('answer-a')] } });
      await end(first);
      await start('b', { session, messages: [message('ask-b')] });

      assert.equal((await take('b')).claim.threadHead, 3);
      const [entry] = await store.entries({ tenant: 'acme', run: 'b' }, { after: 0, limit: 1 });
      assert.deepEqual(entry?.type === 'run-start' && entry.messages, { from: 3, count: 1 });
    },
  },
];
