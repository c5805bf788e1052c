import assert from 'node:assert/strict';
import {
  LIVE_BLOCKS_LIMIT,
  LIVE_TEXT_LIMIT,
  PLAIN_TEXT,
  type Lease,
  type LiveBlock,
  type LiveText,
  type LiveTextMark,
  type NewLiveText,
  type Store,
} from '@prusik/core';
import { key, note } from './store-scenario.ts';
import type { StoreTest } from './store-test.ts';

/** A text that ends where its step has come to. */
function said(step: string, text: string, offset = 0, attempt = 1): NewLiveText {
  return { step, kind: 'model', attempt, block: PLAIN_TEXT, offset, text, head: offset + text.length };
}

const write = (store: Store, { run, epoch }: Lease, texts: readonly NewLiveText[], ended: readonly string[] = []) =>
  store.writeLiveText([{ run, epoch, texts, ended }]);

/** Steps of run `r` and what stands of them beyond the marks. */
async function read(store: Store, have: readonly LiveTextMark[] = []): Promise<readonly (readonly [string, string])[]> {
  return (await store.liveText(key('r'), have)).map(({ step, text }) => [step, text] as const);
}

/** Waits, in real time, for what another handle's write brings about. */
async function until(what: () => boolean, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!what()) {
    assert.ok(performance.now() < deadline, `It did not happen within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const STORE_LIVE_TEXT_TESTS: readonly StoreTest[] = [
  {
    title: 'EVT-4: text in progress is read from where the reader stands, with what its step is',
    async run({ store, running }) {
      const held = await running('r');
      await write(store, held, [{ ...said('a', 'once '), name: 'writer' }, said('b', 'other')]);
      await write(store, held, [{ ...said('a', 'upon a time', 5), name: 'writer' }]);

      const whole: LiveText = {
        step: 'a',
        kind: 'model',
        name: 'writer',
        epoch: held.epoch,
        attempt: 1,
        block: PLAIN_TEXT,
        offset: 0,
        text: 'once upon a time',
        head: 16,
      };
      const other: LiveText = { ...said('b', 'other'), epoch: held.epoch };
      assert.deepEqual(await store.liveText(key('r'), []), [whole, other]);
      const mark = { step: 'a', block: PLAIN_TEXT.id, epoch: held.epoch, attempt: 1, offset: 7 };
      assert.deepEqual(await store.liveText(key('r'), [mark]), [{ ...whole, offset: 7, text: 'on a time' }, other]);
      assert.deepEqual(await store.liveText(key('r'), [{ ...mark, offset: 16 }]), [other]);
    },
  },
  {
    title: 'EVT-4: blocks of a step stand side by side, each with what it is, and go together',
    async run({ store, running }) {
      const held = await running('r');
      const thought: LiveBlock = { id: 'r', kind: 'reasoning' };
      const call: LiveBlock = { id: 'c1', kind: 'tool-input', tool: 'search' };
      const blocks = async (have: readonly LiveTextMark[] = []) =>
        (await store.liveText(key('r'), have)).map(({ block, text }) => [block, text]);
      await write(store, held, [
        { ...said('a', 'hm'), block: thought },
        { ...said('a', '{"q"'), block: call },
      ]);
      await write(store, held, [
        { ...said('a', ':1}', 4), block: call },
        { ...said('a', 'm', 2), block: thought },
      ]);
      assert.deepEqual(await blocks(), [
        [thought, 'hmm'],
        [call, '{"q":1}'],
      ]);
      const mark = { step: 'a', epoch: held.epoch, attempt: 1 };
      const have = [
        { ...mark, block: 'r', offset: 3 },
        { ...mark, block: 'c1', offset: 4 },
      ];
      assert.deepEqual(await blocks(have), [[call, ':1}']]);

      await write(store, held, [{ ...said('a', 'again', 0, 2), block: thought }]);
      assert.deepEqual(await blocks(), [[thought, 'again']]);
      await write(store, held, [{ ...said('a', '{}', 0, 2), block: call }]);
      await write(store, held, [], ['a']);
      assert.deepEqual(await blocks(), []);
    },
  },
  {
    title: 'EVT-2: text that is written twice stands once',
    async run({ store, running }) {
      const held = await running('r');
      await write(store, held, [said('a', 'hello')]);
      await write(store, held, [said('a', 'hello')]);
      await write(store, held, [said('a', 'lo world', 3)]);
      assert.deepEqual(await read(store), [['a', 'hello world']]);
    },
  },
  {
    title: 'I1: text of a worker that lost its run is neither kept nor read, and never in the way of the next one’s',
    async run({ store, clock, running, take }) {
      const lost = await running('r');
      await write(store, lost, [said('a', 'of the dead'), said('b', 'left')]);
      clock.advance(60_000);
      const held = await take('r');

      assert.deepEqual(await read(store), []);
      await write(store, lost, [said('a', 'of the undead', 11)], ['a']);
      assert.deepEqual(await read(store), []);
      await write(store, held, [said('a', 'alive')]);
      await write(store, lost, [said('a', 'again')], ['a']);
      assert.deepEqual(await read(store), [['a', 'alive']]);
    },
  },
  {
    title: 'I3: of a run that no worker holds there is no text in progress',
    async run({ store, start, running, take, signal, park, end }) {
      await start('queued');
      await store.writeLiveText([{ run: key('queued'), epoch: 0, texts: [said('a', 'x')], ended: [] }]);
      assert.deepEqual(await store.liveText(key('queued'), []), []);
      assert.deepEqual(await store.liveText(key('unknown'), []), []);
      const held = await running('r');
      await write(store, held, [said('a', 'before the park')]);
      await park(held);
      assert.deepEqual(await read(store), []);
      await signal('r', 'user', 'go');
      const again = await take('r');
      await write(store, again, [said('a', 'before the end')]);
      await end(again);
      assert.deepEqual(await read(store), []);
    },
  },
  {
    title: 'EVT-5: a later attempt’s text takes the place of an earlier one’s, which never comes back',
    async run({ store, running }) {
      const held = await running('r');
      await write(store, held, [said('a', 'first try')]);
      await write(store, held, [said('a', 'second', 0, 2)]);
      await write(store, held, [said('a', ' of the first', 9)]);
      const have = [{ step: 'a', block: PLAIN_TEXT.id, epoch: held.epoch, attempt: 1, offset: 9 }];
      assert.deepEqual(
        (await store.liveText(key('r'), have)).map(({ attempt, offset, text }) => ({ attempt, offset, text })),
        [{ attempt: 2, offset: 0, text: 'second' }],
      );
    },
  },
  {
    title: 'I3: the text of a step that is over is gone, and that of the others is not',
    async run({ store, running }) {
      const held = await running('r');
      await write(store, held, [said('a', 'over'), said('b', 'not over')]);
      await write(store, held, [], ['a']);
      assert.deepEqual(await read(store), [['b', 'not over']]);
    },
  },
  {
    title: 'I9: the beginning of a text is kept, and how far it came is told',
    async run({ store, running }) {
      const held = await running('r');
      const most = 'x'.repeat(LIVE_TEXT_LIMIT - 1);
      await write(store, held, [said('a', most)]);
      await write(store, held, [said('a', '🪢 and more', most.length)]);
      await write(store, held, [said('a', 'y', most.length)]);
      const [text] = await store.liveText(key('r'), []);
      assert.equal(text?.text, most);
      assert.equal(text.head, most.length + 11);
      const mark = { step: 'a', block: PLAIN_TEXT.id, epoch: held.epoch, attempt: 1 };
      const [rest] = await store.liveText(key('r'), [{ ...mark, offset: most.length }]);
      assert.deepEqual([rest?.text, rest?.head], ['', text.head]);
      assert.deepEqual(await store.liveText(key('r'), [{ ...mark, offset: text.head }]), []);
    },
  },
  {
    title: 'I9: what follows a hole in a text is not kept, since nobody could say where it belongs',
    async run({ store, running }) {
      const held = await running('r');
      await write(store, held, [said('a', 'start')]);
      await write(store, held, [said('a', 'later', 9)]);
      await write(store, held, [said('a', 'last', 14)]);
      const [text] = await store.liveText(key('r'), []);
      assert.deepEqual([text?.text, text?.head], ['start', 18]);
    },
  },
  {
    title: 'I9: so many blocks of a run are kept, and when a step is over there is room again',
    async run({ store, running }) {
      const held = await running('r');
      const steps = Array.from({ length: LIVE_BLOCKS_LIMIT + 1 }, (_, index) => said(`s${index}`, 'x'));
      await write(store, held, steps);
      assert.equal((await read(store)).length, LIVE_BLOCKS_LIMIT);
      await write(store, held, [said('one more', 'x')], ['s0']);
      assert.deepEqual((await read(store)).at(-1), ['one more', 'x']);
    },
  },
  {
    title: 'EVT-4: whoever watches a run’s text hears of it, of no other run’s, and not of commits',
    async run({ store, running, commit }) {
      const held = await running('r');
      const other = await running('other');
      const told: string[] = [];
      const watcher = store.watchLiveText(key('r'), () => told.push('text'));
      store.watchRun(key('r'), (why) => told.push(why));
      await write(store, other, [said('a', 'x')]);
      await commit(held, { entries: [note('n')] });
      assert.deepEqual(told, ['commit']);
      await write(store, held, [said('a', 'x')]);
      assert.deepEqual(told, ['commit', 'text']);
      watcher[Symbol.dispose]();
      watcher[Symbol.dispose]();
      await write(store, held, [said('a', 'y', 1)]);
      assert.deepEqual(told, ['commit', 'text']);
    },
  },
  {
    title: 'I3: text in progress is no part of the journal',
    async run({ store, running, run, journal }) {
      const held = await running('r');
      const before = await run('r');
      await write(store, held, [said('a', 'x')]);
      assert.deepEqual(await run('r'), before);
      assert.deepEqual(await journal('r'), ['run-start']);
    },
  },
  {
    title: 'DUR-1: text that is no text, or goes past its head, is a TypeError, and nothing of the write is kept',
    async run({ store, running }) {
      const held = await running('r');
      const good = said('a', 'x');
      for (const wrong of [
        { ...good, text: '\ud83d' },
        { ...good, head: 0 },
        { ...good, offset: -1 },
        { ...good, attempt: 0.5 },
        { ...good, step: '' },
        { ...good, block: { ...PLAIN_TEXT, id: '' } },
      ])
        await assert.rejects(write(store, held, [good, wrong]), TypeError);
      await assert.rejects(write(store, held, [good], ['']), TypeError);
      assert.deepEqual(await read(store), []);
      await assert.rejects(
        store.liveText(key('r'), [{ step: 'a', block: 'text', epoch: 1, attempt: 1, offset: -1 }]),
        TypeError,
      );
    },
  },
  {
    title: 'EVT-4: another handle reads a text, and hears of it within its notice time',
    needs: 'multiProcess',
    async run({ store, capabilities, running, open }) {
      const held = await running('r');
      const other = await open();
      let told = 0;
      const watcher = other.watchLiveText(key('r'), () => (told += 1));
      await write(store, held, [said('a', 'hello')]);
      await until(() => told > 0, capabilities.noticeMs + 1_000);
      watcher[Symbol.dispose]();
      assert.deepEqual(await read(other), [['a', 'hello']]);
      await write(store, held, [], ['a']);
      assert.deepEqual(await read(other), []);
    },
  },
];
