// A service that drives runs until it is told to stop, and hands over what it has not finished.
import assert from 'node:assert/strict';
import { memoryStore } from '@prusik/store-memory';

const greet = { name: 'greet', kind: 'function', version: '1', run: async () => 'hello' } as const;
const store = memoryStore();
// What a platform does before it takes a container away.
setTimeout(() => process.emit('SIGTERM', 'SIGTERM'), 200);
// #region usage
import { once } from 'node:events';
import { createEngine } from '@prusik/durable';

const engine = createEngine({ store, definitions: [greet] });
engine.worker();
await engine.start('greet', null, { id: 'greeting-1' });

await once(process, 'SIGTERM');
// Steps that may be repeated stop at once, `once` steps may end within `cancelGraceMs`; the runs are given back, and another
// worker takes them up.
await engine[Symbol.asyncDispose]();
// #endregion usage
const run = await store.run({ tenant: 'default', run: 'greeting-1' });
assert.equal(run?.status, 'completed');
await store[Symbol.asyncDispose]();
