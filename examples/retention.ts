// What has ended is let go by a policy: first what it would be, then it is done.
import assert from 'node:assert/strict';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';

const greet = { name: 'greet', kind: 'function', version: '1', run: async () => 'hello' } as const;
const store = memoryStore();
const engine = createEngine({ store, definitions: [greet] });
for (const id of ['a', 'b', 'c']) await engine.run('greet', null, { id });
// #region usage
import { planRetention, prune, type RetentionPolicy } from '@prusik/records';

const DAY_MS = 86_400_000;
const policy: RetentionPolicy = {
  // Nothing is left of what ended more than 90 days ago, nor of all but the last 1,000 greetings.
  records: [
    { tenant: 'default', maxAgeMs: 90 * DAY_MS },
    { tenant: 'default', definition: 'greet', maxCount: 1_000 },
  ],
  // The last two runs can still be read event by event; of the others results and decisions stay.
  resume: [{ tenant: 'default', maxCount: 2 }],
};

for await (const { of, trees } of planRetention(store, policy))
  for (const { root, because } of trees) console.log(of, root.run, because);

const { compacted } = await prune(store, policy);
console.log(`${compacted.entries} entries are gone`);
// #endregion usage
assert.equal(compacted.runs, 1);
const again = await engine.run('greet', null, { id: 'a' });
assert.equal(again.status === 'completed' && again.output, 'hello');
await engine[Symbol.asyncDispose]();
await store[Symbol.asyncDispose]();
