import assert from 'node:assert/strict';
import type { DurableContext } from '@prusik/core';
import { begun, KEY, all, entries, inTime, pull } from './stream-reading.ts';
import type { StreamTest } from './stream-test.ts';

/** Entries of every kind that come often, some of them one by one. */
async function busy(ctx: DurableContext): Promise<number> {
  for (let n = 0; n < 3; n += 1) await ctx.step(`one-${n}`, () => n);
  await Promise.all([0, 1, 2].map((n) => ctx.step(`many-${n}`, () => n, { effect: 'once' })));
  ctx.emit('noted', 1);
  return 1;
}

const seqs = (count: number, after = 0): readonly number[] =>
  Array.from({ length: count - after }, (_, n) => after + n + 1);

export const STREAM_ORDER_TESTS: readonly StreamTest[] = [
  {
    title: 'EVT-1: entries come in the order of their numbers, each once, over many pages, and end with the run',
    async run({ open }) {
      const engine = await open(async (ctx) => {
        await Promise.all(Array.from({ length: 700 }, (_, n) => ctx.step(`s${n}`, () => n)));
      });
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);

      const journal = entries(await inTime(all(engine.events(KEY)), 20_000));

      assert.deepEqual(
        journal.map(({ seq }) => seq),
        seqs(703),
      );
      assert.deepEqual([journal[0]?.type, journal.at(-1)?.type], ['run-start', 'run-end']);
    },
  },
  {
    title: 'EVT-2: after every cursor come the entries that follow it, and nothing else',
    async run({ open }) {
      const engine = await open(busy);
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);
      const journal = entries(await inTime(all(engine.events(KEY))));
      assert.ok(journal.length > 10);

      for (let after = 0; after <= journal.length; after += 1) {
        const rest = entries(await inTime(all(engine.events(KEY, { after }))));
        assert.deepEqual(rest, journal.slice(after));
      }
    },
  },
  {
    title: 'EVT-2: whoever reads while the run is written gets what whoever reads it afterwards gets',
    async run({ open }) {
      const engine = await open(async (ctx) => {
        await busy(ctx);
        await ctx.receive('go');
      });
      await engine.start('work', null, { id: 'r' });
      const readers = [engine.events(KEY), engine.events(KEY, { after: 1 })].map((events) => begun(all(events)));
      await engine.drive(KEY);
      await engine.signal(KEY, 'go', null);
      await engine.drive(KEY);
      const [whole, rest] = await inTime(Promise.all(readers));

      const journal = entries(await inTime(all(engine.events(KEY))));

      assert.equal(journal.at(-1)?.type, 'run-end');
      assert.deepEqual(entries(whole ?? []), journal);
      assert.deepEqual(entries(rest ?? []), journal.slice(1));
    },
  },
  {
    title: 'EVT-4: a reader goes on with its cursor on another handle, which hears of the end',
    async run({ open }) {
      const waits = async (ctx: DurableContext): Promise<void> => {
        await busy(ctx);
        await ctx.receive('go');
      };
      const engine = await open(waits);
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);
      const reader = engine.events(KEY);
      const first = await pull(reader, (seen) => seen.length === 4);
      await reader.return?.();

      const other = await open(waits);
      const rest = all(other.events(KEY, { after: entries(first).at(-1)?.seq ?? 0 }));
      await engine.signal(KEY, 'go', null);
      await engine.drive(KEY);

      const journal = entries(await inTime(all(engine.events(KEY))));
      assert.deepEqual([...entries(first), ...entries(await inTime(rest))], journal);
      assert.equal(journal.at(-1)?.type, 'run-end');
    },
  },
  {
    title: 'EVT-2: a cursor that is none, or past the end of the journal, is an error',
    async run({ open }) {
      const engine = await open(busy);
      await engine.start('work', null, { id: 'r' });
      for (const after of [-1, 0.5, Number.NaN, { r: -1 }])
        assert.throws(() => engine.events(KEY, { after }), TypeError, `after ${JSON.stringify(after)}`);
      await assert.rejects(inTime(engine.events(KEY, { after: 9 }).next()), { code: 'CURSOR_AHEAD' });
    },
  },
];
