import assert from 'node:assert/strict';
import {
  advanceCursor,
  emptyView,
  foldEvents,
  type DurableContext,
  type EventCursor,
  type RunEvent,
} from '@prusik/core';
import { KEY, all, begun, inTime } from './stream-reading.ts';
import type { StreamTest } from './stream-test.ts';

/** A tree of four runs, three deep. */
const tree = {
  async work(ctx: DurableContext): Promise<void> {
    await ctx.step('before', () => 1);
    await Promise.all([ctx.child('left', 'branch', null), ctx.child('right', 'leaf', null)]);
    await ctx.step('after', () => 1);
  },
  others: {
    async branch(ctx: DurableContext): Promise<void> {
      await ctx.step('own', () => 1);
      await ctx.child('below', 'leaf', null);
    },
    leaf: (ctx: DurableContext): unknown => ctx.step('own', ({ delta }) => delta('leaf')),
  },
};

/** Entries by run, in the order in which they came. */
function byRun(events: readonly RunEvent[]): Readonly<Record<string, readonly number[]>> {
  const runs: Record<string, number[]> = {};
  for (const event of events) if (!event.live) (runs[event.run.run] ??= []).push(event.entry.seq);
  return runs;
}

const committed = (events: readonly RunEvent[]): readonly RunEvent[] => events.filter(({ live }) => !live);

export const STREAM_TREE_TESTS: readonly StreamTest[] = [
  {
    title: 'EVT-2: with tree come all entries of all runs, a child’s before its parent’s end; without it the run’s own',
    async run({ open }) {
      const engine = await open(tree.work, tree.others);
      await engine.start('work', null, { id: 'r' });
      const reading = begun(all(engine.events(KEY, { tree: true })));
      await engine.drive(KEY);
      const during = await inTime(reading, 10_000);
      const afterwards = await inTime(all(engine.events(KEY, { tree: true })));

      for (const events of [during, afterwards]) {
        assert.equal(Object.keys(byRun(events)).length, 4);
        for (const seqs of Object.values(byRun(events)))
          assert.deepEqual(
            seqs,
            seqs.map((_, index) => index + 1),
          );
        const last = events.at(-1);
        assert.deepEqual(last && !last.live && [last.run.run, last.entry.type], ['r', 'run-end']);
        const ended = new Set<string>();
        for (const event of events) {
          if (!event.live && event.entry.type === 'run-end') ended.add(event.run.run);
          else assert.ok(!ended.has(event.run.run), 'Something came after the end of its run');
        }
      }
      assert.deepEqual(Object.keys(byRun(await inTime(all(engine.events(KEY))))), ['r']);
    },
  },
  {
    title: 'EVT-2: the cursor of a tree goes on at every cut, on another handle too, and the views come to the same',
    async run({ open }) {
      const engine = await open(tree.work, tree.others);
      const other = await open(tree.work, tree.others);
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);
      const whole = committed(await inTime(all(engine.events(KEY, { tree: true }))));
      const view = foldEvents(emptyView(KEY), whole);

      let cursor: EventCursor = {};
      for (let cut = 0; cut <= whole.length; cut += 1) {
        const first = foldEvents(emptyView(KEY), whole.slice(0, cut));
        assert.deepEqual(first.cursor, cursor);
        const after = JSON.parse(JSON.stringify(cursor)) as EventCursor;
        const rest = committed(await inTime(all(other.events(KEY, { tree: true, after }))));
        assert.deepEqual(byRun([...whole.slice(0, cut), ...rest]), byRun(whole), `cut at ${cut}`);
        assert.deepEqual(foldEvents(first, rest), view);
        const next = whole[cut];
        if (next !== undefined) cursor = advanceCursor(KEY, cursor, next);
      }
    },
  },
  {
    title:
      'EVT-2: with a number for a cursor, children that were begun before it and not ended come from their first entry',
    async run({ open }) {
      const engine = await open((ctx) => ctx.child('c', 'waits', null), {
        waits: (ctx) => ctx.receive('go'),
      });
      await engine.start('work', null, { id: 'r' });
      await engine.drive(KEY);
      const reader = engine.events(KEY, { tree: true });
      const first: RunEvent[] = [];
      while (!first.some((event) => !event.live && event.entry.type === 'run-park' && event.run.run !== 'r')) {
        const { value } = await inTime(reader.next());
        first.push(value as RunEvent);
      }
      await reader.return?.();
      const after = Math.max(...(byRun(first)['r'] ?? []));
      const child = Object.keys(byRun(first)).find((run) => run !== 'r') ?? '';

      const rest = begun(all(engine.events(KEY, { tree: true, after })));
      await engine.signal({ ...KEY, run: child }, 'go', null);
      await engine.drive(KEY);

      assert.equal(byRun(await inTime(rest))[child]?.[0], 1);
      assert.equal(byRun(await inTime(rest))['r']?.[0], after + 1);
    },
  },
];
