// An agent that asks its user, keeps a basket in its session, and needs a person's yes for what is dear.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptedModel } from '@prusik/testing-contracts';

const folder = mkdtempSync(join(tmpdir(), 'ask-and-remember-'));
const path = join(folder, 'runs.db');
const model = scriptedModel([
  { call: 'ask_user', input: { question: 'Which colour?', choices: ['red', 'blue'] } },
  { call: 'put', input: { item: 'red rope', price: 80 } },
  'A red rope is in the basket.',
]);
// #region usage
import { askTool, defineAgent, defineTool } from '@prusik/agents';
import { defineSlot } from '@prusik/core';
import { defineHarness } from '@prusik/harness';
import { sqliteStore } from '@prusik/store-sqlite';
import { z } from 'zod';

const basket = defineSlot({ name: 'basket', schema: z.object({ items: z.array(z.string()) }), initial: { items: [] } });

const put = defineTool({
  name: 'put',
  description: 'Puts something into the basket.',
  input: z.object({ item: z.string(), price: z.number() }),
  effect: 'repeatable',
  // Asked before a person is, and again right before the call runs.
  approval: ({ input }) => (input.price > 50 ? 'user-approval' : 'approved'),
  async execute({ item }, { slots }) {
    const { items } = await slots.update(basket, (held) => ({ items: [...held.items, item] }));
    return `${items.length} in the basket`;
  },
});

const shop = defineAgent({ name: 'shop', instructions: 'You sell ropes.', model, tools: [askTool(), put] });
const harness = defineHarness({ store: sqliteStore({ path }), agents: { shop } });

const session = await harness.sessions.open('chat-1');
const asked = await session.run(shop, 'I need a rope');

// In any process on the same store: what is open, for an inbox or a page.
const [question] = (await harness.requests({ session: 'chat-1', kind: ['question'] })).items;
if (question) await harness.answer(question.run, question.id, 'red', { by: 'ada' });
await harness.drive(asked.run);

const [gated] = (await harness.requests({ session: 'chat-1', kind: ['approval'] })).items;
if (gated) await harness.approve(gated.run, gated.id, { by: 'bob' });
const result = await harness.drive(asked.run);

const { items } = await session.slot(basket);
// #endregion usage
assert.equal(result.status === 'completed' && result.output, 'A red rope is in the basket.');
assert(gated !== undefined);
assert.equal((gated.body as { tool?: string }).tool, 'put');
assert.deepEqual(items, ['red rope']);
await harness[Symbol.asyncDispose]();
rmSync(folder, { recursive: true });
