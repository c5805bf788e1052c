import assert from 'node:assert/strict';
import type { DurableContext } from '@prusik/core';
import { KEY, all, begun, entries, inTime, pull, types } from './stream-reading.ts';
import type { StreamTest } from './stream-test.ts';

const waits = (ctx: DurableContext): unknown => ctx.receive('go');

export const STREAM_READER_TESTS: readonly StreamTest[] = [
  {
    title: 'EVT-2: a reader that is closed, aborted or throws leaves the run as it is',
    async run({ open }) {
      const engine = await open(waits);
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);
      const closed = engine.events(KEY);
      await pull(closed, (seen) => seen.length === 1);
      await closed.return?.();
      const aborting = new AbortController();
      const aborted = engine.events(KEY, { signal: aborting.signal });
      await pull(aborted, (seen) => seen.length === 1);
      aborting.abort(new Error('enough'));
      await assert.rejects(aborted.next(), { message: 'enough' });
      assert.deepEqual(await aborted.next(), { done: true, value: undefined });
      await assert.rejects(async () => {
        for await (const event of engine.events(KEY)) throw new Error(`a consumer throws at ${String(event.live)}`);
      }, /a consumer throws/);

      await engine.signal(KEY, 'go', null);
      assert.equal((await engine.drive(KEY)).status, 'completed');
      assert.ok(!types(await inTime(all(engine.events(KEY)))).includes('run-cancel'));
    },
  },
  {
    title: 'EVT-2: cancelOnClose asks the run to cancel when its reader is closed or aborted before the end',
    async run({ open }) {
      const engine = await open(waits);
      for (const how of ['closed', 'aborted', 'closed before it read'] as const) {
        const key = { ...KEY, run: how };
        await engine.start('work', null, { id: how });
        await engine.drive(key);
        const aborting = new AbortController();
        const reader = engine.events(key, { cancelOnClose: true, signal: aborting.signal });
        if (how !== 'closed before it read') await pull(reader, (seen) => seen.length === 1);
        if (how === 'aborted') {
          aborting.abort(new Error('enough'));
          await assert.rejects(reader.next(), { message: 'enough' });
        } else await reader.return?.();
        assert.equal((await engine.drive(key)).status, 'cancelled', how);
      }
    },
  },
  {
    title: 'EVT-2: cancelOnClose asks for nothing when the reader has seen the end, or ends with its engine',
    async run({ open }) {
      const engine = await open((ctx) => ctx.receive('go'));
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);
      const other = await open(waits);
      const reader = other.events(KEY, { cancelOnClose: true });
      await pull(reader, (seen) => seen.length === 1);
      await other[Symbol.asyncDispose]();
      await assert.rejects(inTime(pull(reader, () => false)), { code: 'ENGINE_CLOSED' });
      await engine.signal(KEY, 'go', null);
      assert.equal((await engine.drive(KEY)).status, 'completed');
    },
  },
  {
    title: 'I6: a reader is closed while a read is under way, which then ends',
    async run({ open }) {
      const engine = await open(waits);
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);
      const reader = engine.events(KEY);
      await pull(reader, (seen) => seen.some((event) => !event.live && event.entry.type === 'run-park'));
      const read = begun(reader.next());
      await inTime(Promise.resolve(reader.return?.()));
      assert.deepEqual(await inTime(read), { done: true, value: undefined });
      assert.deepEqual(await inTime(reader.next()), { done: true, value: undefined });
    },
  },
  {
    title: 'I6: reads that are under way at once are answered in their order',
    async run({ open }) {
      const engine = await open(() => 1);
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);
      const reader = engine.events(KEY);
      const answers = await inTime(Promise.all([reader.next(), reader.next(), reader.next(), reader.next()]));
      assert.deepEqual(
        answers.map(({ done, value }) => (done === true ? 'done' : value.live ? 'live' : value.entry.seq)),
        [1, 2, 3, 'done'],
      );
    },
  },
  {
    title: 'I6: a thousand readers that were opened and dropped leave nobody watching',
    async run({ open, watching }) {
      const engine = await open(waits);
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);
      const before = watching();
      for (let n = 0; n < 1_000; n += 1) {
        const reader = engine.events(KEY);
        if (n % 3 > 0) await reader.next();
        if (n % 3 > 1) void begun(reader.next());
        await reader.return?.();
      }
      assert.equal(watching(), before);
      await engine.signal(KEY, 'go', null);
      await engine.drive(KEY);
      assert.equal(entries(await inTime(all(engine.events(KEY)))).at(-1)?.type, 'run-end');
      assert.equal(watching(), before);
    },
  },
  {
    title: 'I8: a reader that waits ends with ENGINE_CLOSED when its engine does, since the run has not ended',
    async run({ open, watching }) {
      const engine = await open(waits);
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);
      const reading = begun(all(engine.events(KEY)));
      const rejected = assert.rejects(inTime(reading), { code: 'ENGINE_CLOSED' });
      await new Promise((resolve) => setImmediate(resolve));
      await engine[Symbol.asyncDispose]();
      await rejected;
      assert.equal(watching(), 0);
    },
  },
];
