// An agent whose conversation stays within a limit: old results are cut, then the beginning is summarised, and the record stays whole.
import assert from 'node:assert/strict';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';

const pages = Array.from({ length: 12 }, (_, n) => ({ call: 'read_page', input: { page: n } }));
const model = scriptedModel([...pages, 'The rope holds.']);
const cheapModel = scriptedModel(['They read the manual of the rope, page by page.']);
const store = memoryStore();
// #region usage
import { contextManager, defineAgent, defineTool } from '@prusik/agents';
import { createEngine } from '@prusik/durable';
import { z } from 'zod';

const readPage = defineTool({
  name: 'read_page',
  description: 'Reads a page of the manual.',
  input: z.object({ page: z.number() }),
  effect: 'repeatable',
  execute({ page }, { note }) {
    note('todo', { next: page + 1 }); // of the session: it stays in every summary
    return `Page ${page}: ${'the knot slides, and holds when something falls. '.repeat(100)}`;
  },
});

const reader = defineAgent({
  name: 'reader',
  instructions: 'Read the manual and say whether the rope holds.',
  model,
  tools: [readPage],
  context: {
    limit: 14_000, // tokens of a prompt and its reply; by default what the registry says of the model
    manager: contextManager({ recentMessages: 4, resultChars: 500 }),
    summaryModel: cheapModel,
  },
});

const engine = createEngine({ store, definitions: [reader] });
const result = await engine.run('reader', 'Does it hold?', { id: 'reading' });
// #endregion usage
assert.equal(result.status === 'completed' && result.output, 'The rope holds.');
const thread = await store.messages({ tenant: 'default', of: 'run', id: 'reading' }, { after: 0, limit: 100 });
assert.ok(thread.some(({ message }) => message.compaction !== undefined));
assert.equal(thread.filter(({ message }) => JSON.stringify(message).length > 4_000).length, 12);
const { items } = await store.listNotes({ tenant: 'default', run: 'reading', kind: ['todo'], limit: 1 });
assert.deepEqual(items[0]?.data, { next: 12 });
await engine[Symbol.asyncDispose]();
