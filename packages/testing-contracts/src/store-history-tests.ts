import assert from 'node:assert/strict';
import { FORK_LIMIT, type Message, type MessagePart, type NewRun, type Store, type ThreadKey } from '@prusik/core';
import { key, message, newChild, newRun, type HeldRun, type StoreScenario } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

const items = (ids: string): readonly Message[] => ids.split(' ').map((id) => message(id));
const threadOf = (id: string, of: ThreadKey['of'] = 'run'): ThreadKey => ({ tenant: 'acme', of, id });

const seeing = (id: string, upTo: number, more: Partial<NewRun> = {}, parent: string = 'p'): NewRun =>
  newChild(id, parent, { history: { upTo }, ...more });

/** Numbers and ids, as `3 c`. */
async function shown(store: Store, thread: ThreadKey): Promise<string> {
  const found = await store.messages(thread, { after: 0, limit: 100 });
  return found.map(({ n, message: { id } }) => `${n} ${id}`).join(', ');
}

const said = (id: string, role: Message['role'], ...content: readonly MessagePart[]): Message => ({
  v: 1,
  id,
  role,
  kind: role === 'tool' ? 'tool' : 'assistant',
  content,
});
const asks = (id: string, ...calls: readonly string[]): Message =>
  said(id, 'assistant', ...calls.map((callId) => ({ type: 'tool-call', callId, tool: 'look', input: null }) as const));
const answers = (callId: string): Message =>
  said(`of-${callId}`, 'tool', { type: 'tool-result', callId, tool: 'look', output: { type: 'text', text: 'x' } });

/** A session in which `p` runs, after `c` and `d` were cut off and what came before `x` was replaced. */
async function inSession({ store, start, take, end }: StoreScenario & { readonly store: Store }): Promise<HeldRun> {
  const session = { id: 's1', whenBusy: 'refuse' } as const;
  const s1 = { tenant: 'acme', session: 's1' };
  await start('first', { session, messages: items('old') });
  await end(await take('first'));
  await store.replaceMessages(s1, items('x a b c d'), 1);
  await store.cutMessages(s1, 4, 6);
  await start('p', { session, messages: items('e') });
  return take('p');
}

export const STORE_HISTORY_TESTS: readonly StoreTest[] = [
  {
    title:
      'WFL-8: a child’s thread begins with its parent’s up to a number, with the same ids, and its own messages come after it',
    async run({ store, running, commit, take, run }) {
      const parent = await running('p', { messages: items('a b') });
      await commit(parent, { messages: { from: 3, items: items('c d') } });
      await commit(parent, { children: [seeing('c', 3, { messages: items('own') })] });
      await commit(await take('c'), { messages: { from: 5, items: items('said') } });
      await commit(parent, { children: [newChild('fresh', 'p', { messages: items('own') })] });

      assert.equal(await shown(store, threadOf('c')), '1 a, 2 b, 3 c, 4 own, 5 said');
      assert.equal(await shown(store, threadOf('p')), '1 a, 2 b, 3 c, 4 d');
      assert.equal(await shown(store, threadOf('fresh')), '1 own');
      const [entry] = await store.entries(key('c'), { after: 0, limit: 1 });
      assert.ok(entry?.type === 'run-start');
      assert.deepEqual(
        [entry.history, entry.messages],
        [
          { from: 1, count: 3 },
          { from: 4, count: 1 },
        ],
      );
      assert.equal((await run('c')).session, undefined);
    },
  },
  {
    title:
      'WFL-8: of a session a child has what is shown of it: nothing that was cut off or replaced, and the session stays as it is',
    async run({ store, ...bed }) {
      const parent = await inSession({ store, ...bed });
      const before = await shown(store, threadOf('s1', 'session'));
      await bed.commit(parent, { children: [seeing('c', 7)] });
      await bed.commit(await bed.take('c'), { messages: { from: 5, items: items('said') } });

      assert.equal(await shown(store, threadOf('c')), '1 x, 2 a, 3 b, 4 e, 5 said');
      assert.equal(before, '2 x, 3 a, 4 b, 7 e');
      assert.equal(await shown(store, threadOf('s1', 'session')), before);
    },
  },
  {
    title:
      'WFL-8: an exchange of tool calls that is open is no part of what a child has, and neither is what came after it',
    async run({ store, running, commit }) {
      const parent = await running('p', { messages: items('a') });
      const thread = [asks('b', '1', '2'), answers('1'), answers('2'), asks('c', '3', '4'), answers('3'), message('d')];
      await commit(parent, { messages: { from: 2, items: thread } });
      await commit(parent, { children: [seeing('open', 7), seeing('closed', 4), seeing('cut', 3)] });

      assert.equal(await shown(store, threadOf('open')), '1 a, 2 b, 3 of-1, 4 of-2');
      assert.equal(await shown(store, threadOf('closed')), '1 a, 2 b, 3 of-1, 4 of-2');
      assert.equal(await shown(store, threadOf('cut')), '1 a');
    },
  },
  {
    title:
      'I9: what the children of one commit copy is bounded in all; a commit that would copy more is refused and writes nothing',
    async run({ store, running, commit, tryCommit, journal }) {
      const half = 'x'.repeat(FORK_LIMIT.bytes / 2);
      const parent = await running('p', { messages: [message('large', half)] });
      const codeOf = async (children: readonly NewRun[]): Promise<string> => {
        const answer = await tryCommit(parent, { children });
        return answer.outcome === 'refused' ? answer.code : answer.outcome;
      };

      assert.equal(await codeOf([seeing('one', 1), seeing('two', 1)]), 'HISTORY_TOO_LARGE');
      assert.equal(await codeOf([seeing('one', 1, { messages: items('a large') })]), 'MESSAGE_ID_TAKEN');
      assert.equal(await store.run(key('one')), undefined);
      assert.deepEqual(await journal('p'), ['run-start']);
      await commit(parent, { children: [seeing('one', 1)] });
      // It exists: nothing is copied again.
      await commit(parent, { children: [seeing('one', 1), seeing('two', 1)] });
      await commit(parent, { messages: { from: 2, items: [message('more', half)] } });
      assert.equal(await codeOf([seeing('three', 2)]), 'HISTORY_TOO_LARGE');

      await assert.rejects(store.start(newRun('root', { history: { upTo: 1 } })), TypeError);
      await assert.rejects(tryCommit(parent, { children: [seeing('bad', -1)] }), TypeError);
    },
  },
  {
    title: 'WFL-8: a child uses the blobs of what it copied, and keeps them when the conversation is another',
    async run({ store, start, take, end, commit }) {
      const { hash } = await store.putBlob('acme', new TextEncoder().encode('rope'));
      const file = { type: 'file', mediaType: 'text/plain', data: { blob: hash } } as const;
      const session = { id: 's1', whenBusy: 'refuse' } as const;
      await start('first', { session, messages: [{ ...message('m'), content: [file] }], blobs: [hash] });
      await end(await take('first'));
      await start('p', { session, messages: items('n') });
      const parent = await take('p');
      await commit(parent, { children: [seeing('c', 2)] });
      await end(await take('c'));
      await end(parent);
      await store.remove({ tenant: 'acme', run: 'first' });
      await store.replaceMessages({ tenant: 'acme', session: 's1' }, [], 2);

      await store.sweepBlobs({ graceMs: 0 });

      assert.equal((await store.blob('acme', hash))?.size, 4);
      assert.equal(await shown(store, threadOf('c')), '1 m, 2 n');
    },
  },
];
