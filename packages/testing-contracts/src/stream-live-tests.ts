import assert from 'node:assert/strict';
import { PrusikError, type DurableContext, type LiveBlock } from '@prusik/core';
import { KEY, all, begun, deltas, entries, inTime, live, pull, types } from './stream-reading.ts';
import type { StreamTest } from './stream-test.ts';

const textOf = (events: Parameters<typeof deltas>[0]): string =>
  deltas(events)
    .map(({ text }) => text)
    .join('');

export const STREAM_LIVE_TESTS: readonly StreamTest[] = [
  {
    title: 'I3: what a step says comes before the entry that ends it, marked as live, with its place',
    async run({ open }) {
      const engine = await open(async (ctx) => {
        for (const key of ['a', 'b'])
          await ctx.step(key, async ({ delta }) => {
            delta(`${key} says`);
            await new Promise((resolve) => setImmediate(resolve));
            delta(' this');
          });
      });
      await engine.start('work', null, { id: 'r' });
      const reading = begun(all(engine.events(KEY)));
      await engine.drive(KEY);
      const seen = await inTime(reading);

      for (const key of ['a', 'b']) {
        const end = seen.findIndex(
          (event) => !event.live && event.entry.type === 'step-end' && event.entry.key === key,
        );
        const said = seen
          .slice(0, end)
          .filter((event) => event.live && event.event.type !== 'gap' && event.event.key === key);
        assert.equal(types(said)[0], 'step-start');
        assert.equal(textOf(said), `${key} says this`);
        let offset = 0;
        for (const delta of deltas(said)) {
          assert.deepEqual([delta.offset, delta.epoch, delta.attempt], [offset, 1, 1]);
          offset += delta.text.length;
        }
        assert.equal(deltas(seen.slice(end)).filter((delta) => delta.key === key).length, 0);
      }
      assert.deepEqual(
        seen.filter((event) => !event.live).map((event) => !event.live && event.entry.type),
        ['run-start', 'run-claim', 'step-end', 'step-end', 'run-end'],
      );
    },
  },
  {
    title: 'EVT-5: a repeated attempt begins with a reset, and what follows is its own text from the beginning',
    async run({ open }) {
      const engine = await open((ctx) =>
        ctx.step(
          'talk',
          ({ delta, attempt }) => {
            delta(attempt === 1 ? 'wrong' : 'right');
            if (attempt === 1) throw new PrusikError('BROKEN', 'The first attempt fails', { retryable: true });
          },
          { retry: { attempts: 2, backoffMs: 1 } },
        ),
      );
      await engine.start('work', null, { id: 'r' });
      const reading = begun(all(engine.events(KEY)));
      await engine.drive(KEY);

      const told = live(await inTime(reading));

      const reset = told.findIndex(({ type }) => type === 'step-reset');
      assert.deepEqual(told[reset], { type: 'step-reset', key: 'talk', epoch: 1, attempt: 2 });
      const textBy = (events: typeof told): readonly unknown[] =>
        events.flatMap((event) => (event.type === 'step-delta' ? [[event.attempt, event.offset, event.text]] : []));
      assert.deepEqual(textBy(told.slice(0, reset)), [[1, 0, 'wrong']]);
      assert.deepEqual(textBy(told.slice(reset)), [[2, 0, 'right']]);
    },
  },
  {
    title: 'EVT-4: text in progress reaches a reader on another handle within a second, all of it and once',
    async run({ open, gate }) {
      const asked = gate();
      const over = gate();
      const talk = (ctx: DurableContext): unknown =>
        ctx.step('talk', async ({ delta }) => {
          delta('once upon');
          await asked.opened;
          delta(' a time');
          await over.opened;
        });
      const engine = await open(talk);
      const other = await open(talk);
      await engine.start('work', null, { id: 'r' });
      const driving = begun(engine.drive(KEY));
      const reader = other.events(KEY);

      const first = await pull(reader, (seen) => textOf(seen) === 'once upon');
      asked.open();
      const saidAt = performance.now();
      const more = await pull(reader, (seen) => textOf(seen) === ' a time');
      assert.ok(performance.now() - saidAt < 1_000);
      // One that comes in the middle gets what was said before.
      const late = other.events(KEY);
      await pull(late, (seen) => textOf(seen) === 'once upon a time');
      over.open();
      await driving;

      const rest = await inTime(all(reader));
      assert.equal(textOf([...first, ...more, ...rest]), 'once upon a time');
      assert.deepEqual(
        types(first).filter((type) => type.startsWith('step')),
        ['step-start', 'step-delta'],
      );
      await late.return?.();
    },
  },
  {
    title: 'EVT-4: a reader that comes in the middle of a text is told all of it, in the process that says it too',
    async run({ open, gate }) {
      const saying = gate();
      const over = gate();
      const engine = await open((ctx) =>
        ctx.step('talk', async ({ delta }) => {
          delta('so far');
          saying.open();
          await over.opened;
          delta(' and further');
        }),
      );
      await engine.start('work', null, { id: 'r' });
      const driving = begun(engine.drive(KEY));
      await saying.opened;

      const reader = engine.events(KEY, { after: 1 });
      const first = await pull(reader, (seen) => textOf(seen).length >= 6);
      over.open();
      await driving;
      const rest = await inTime(all(reader));

      assert.equal(textOf([...first, ...rest]), 'so far and further');
      assert.equal(types(first)[0], 'step-start');
    },
  },
  {
    title: 'EVT-4: blocks that a step says side by side reach every reader, each whole, once and as what it is',
    async run({ open, gate }) {
      const over = gate();
      const thought: LiveBlock = { id: 'r', kind: 'reasoning' };
      const call: LiveBlock = { id: 'c1', kind: 'tool-input', tool: 'search' };
      const talk = (ctx: DurableContext): unknown =>
        ctx.step('talk', async ({ delta }) => {
          for (const [text, block] of [
            ['hm', thought],
            ['{"q"', call],
            ['m', thought],
            [':1}', call],
          ] as const) {
            delta(text, block);
            await new Promise((resolve) => setImmediate(resolve));
          }
          await over.opened;
        });
      const engine = await open(talk);
      const other = await open(talk);
      await engine.start('work', null, { id: 'r' });
      const here = engine.events(KEY);
      await pull(here, (seen) => seen.length === 1);
      const driving = begun(engine.drive(KEY));

      for (const reader of [here, engine.events(KEY), other.events(KEY)]) {
        const seen = await pull(reader, (events) => textOf(events).length >= 10);
        const blocks = new Map<string, { block: LiveBlock; text: string }>();
        for (const { block, offset, text } of deltas(seen)) {
          const known = blocks.get(block.id) ?? { block, text: '' };
          assert.equal(offset, known.text.length);
          blocks.set(block.id, { block, text: known.text + text });
        }
        assert.deepEqual(
          [...blocks.values()],
          [
            { block: thought, text: 'hmm' },
            { block: call, text: '{"q":1}' },
          ],
        );
        await reader.return?.();
      }
      over.open();
      await driving;
    },
  },
  {
    title: 'EVT-3: a slow reader loses live events within bounds, is told how many, and never loses an entry',
    async run({ open }) {
      const steps = 1_500;
      const text = 'x'.repeat(4_000);
      const engine = await open(async (ctx) => {
        // In portions, so that a reader that held everything could have kept up.
        for (let first = 0; first < steps; first += 100)
          await Promise.all(
            Array.from({ length: 100 }, (_, n) => ctx.step(`s${first + n}`, ({ delta }) => delta(text))),
          );
      });
      await engine.start('work', null, { id: 'r' });
      const reader = engine.events(KEY);
      await pull(reader, (seen) => seen.length === 1);
      await engine.drive(KEY);

      const seen = await inTime(all(reader), 20_000);

      const told = live(seen);
      const sum = (of: (event: (typeof told)[number]) => number): number =>
        told.reduce((all_, event) => all_ + of(event), 0);
      const held = told.filter(({ type }) => type !== 'gap');
      assert.ok(held.length <= 1_024, `${held.length} events were held`);
      assert.ok(textOf(seen).length <= 1_048_576, `${textOf(seen).length} characters were held`);
      assert.ok(held.length > 500);
      assert.equal(
        sum((event) => (event.type === 'step-delta' ? event.joined : event.type === 'gap' ? event.dropped : 1)),
        2 * steps,
      );
      assert.equal(
        sum((event) => (event.type === 'step-delta' ? event.text.length : event.type === 'gap' ? event.characters : 0)),
        text.length * steps,
      );
      assert.equal(entries(seen).filter(({ type }) => type === 'step-end').length, steps);
    },
  },
  {
    title: 'EVT-3: deltas of one step are joined while the reader is behind, and nothing of them is lost',
    async run({ open }) {
      const words = 5_000;
      const engine = await open((ctx) =>
        ctx.step('talk', ({ delta }) => {
          for (let n = 0; n < words; n += 1) delta(`${n} `);
        }),
      );
      await engine.start('work', null, { id: 'r' });
      const reader = engine.events(KEY);
      await pull(reader, (seen) => seen.length === 1);
      await engine.drive(KEY);

      const seen = await inTime(all(reader));

      assert.equal(textOf(seen), Array.from({ length: words }, (_, n) => `${n} `).join(''));
      assert.equal(
        deltas(seen).reduce((sum, { joined }) => sum + joined, 0),
        words,
      );
      assert.ok(deltas(seen).length < 1_024);
    },
  },
];
