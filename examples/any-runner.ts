// Any runner is called as an agent: here `generateText` of the AI SDK, in one durable step that says what it may take and what it took.
import assert from 'node:assert/strict';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';
import { z } from 'zod';

const model = scriptedModel([
  ['On knots.', { inputTokens: 10, outputTokens: 3 }],
  ['On ropes.', { inputTokens: 10, outputTokens: 3 }],
]);
const store = memoryStore();
// #region usage
import { withChildren, type DurableContext } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { generateText } from 'ai';

const writer = {
  name: 'writer',
  kind: 'agent',
  version: '1',
  run: (ctx: DurableContext, topic: string) =>
    ctx.step(
      'generate',
      async (step) => {
        const { text, usage } = await generateText({
          model,
          prompt: `Write about ${topic}.`,
          maxOutputTokens: 400,
          maxRetries: 0, // The step's own policy counts, and survives the process.
          abortSignal: step.signal,
        });
        step.usage({ inputTokens: usage.inputTokens ?? 0, outputTokens: usage.outputTokens ?? 400 });
        return text;
      },
      { kind: 'model', reserve: { calls: 1, tokens: 500 }, retry: { attempts: 3 } },
    ),
} as const;

const book = defineWorkflow({
  name: 'book',
  input: z.array(z.string()),
  agents: { writer },
  delegation: { tokens: 1_000 },
  run: (ctx, topics) => ctx.fanOut(topics, (topic, { key }) => ctx.agents.writer.run(`chapter ${key}`, topic)),
});
const engine = createEngine({ store, definitions: withChildren(book) });
const result = await engine.run('book', ['knots', 'ropes'], { id: 'book-1' });
// #endregion usage
assert.deepEqual(result.status === 'completed' && result.output, ['On knots.', 'On ropes.']);
assert.equal((await store.ledger({ tenant: 'default', run: 'book-1' }))?.used.tokens, 26);
await engine[Symbol.asyncDispose]();
