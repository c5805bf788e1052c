// A run that has ended leaves its store as lines, comes into another one as a record, and is drawn.
import assert from 'node:assert/strict';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import type { DurableContext } from '@prusik/core';

const store = memoryStore();
const archive = memoryStore();
const order = {
  name: 'order',
  kind: 'function',
  version: '1',
  run: (ctx: DurableContext, { card }: { card: string }) => ctx.step('charge', () => `charged ${card}`),
} as const;
const engine = createEngine({ store, definitions: [order] });
await engine.run('order', { card: 'password=hunter2-of-ann' }, { id: 'order-1' });
const key = { tenant: 'default', run: 'order-1' };

// #region usage
import { exportRun, flowchart, importRecords, readFlow } from '@prusik/records';

// Lines of JSON, without what looks like credentials: to a file, a ticket, another store.
const lines: string[] = [];
for await (const line of exportRun(store, key)) lines.push(line);

const { outcome, runs } = await importRecords(archive, lines, { into: 'archive' });

// What was when, as data, and as a diagram that GitHub draws.
const flow = await readFlow(store, key);
const picture = flowchart(flow);
// #endregion usage
assert.equal(outcome, 'imported');
assert.equal(runs.imported, 1);
assert.ok(!lines.join('').includes('hunter2'));
assert.equal((await archive.run({ tenant: 'archive', run: 'order-1' }))?.imported?.redacted, true);
assert.deepEqual(
  flow.runs[0]?.nodes.map((node) => node.type),
  ['mark', 'step'],
);
assert.match(picture, /^flowchart TD\n/);
await engine[Symbol.asyncDispose]();
for (const one of [store, archive]) await one[Symbol.asyncDispose]();
