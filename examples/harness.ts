// The typed assembly: definitions by name, a person's decision at the root of the tree, one disposal.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStore } from '@prusik/store-sqlite';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { z } from 'zod';

const folder = mkdtempSync(join(tmpdir(), 'harness-'));
const path = join(folder, 'runs.db');
// #region usage
import { defineHarness } from '@prusik/harness';

const greet = defineWorkflow({
  name: 'greet',
  input: z.object({ name: z.string() }),
  run: async (ctx, { name }) => {
    const polite = await ctx.ask('polite', { text: `Be polite to ${name}?`, answer: z.boolean() });
    return polite ? `Good day, ${name}` : `Hi ${name}`;
  },
});

const harness = defineHarness({ store: sqliteStore({ path }), workflows: { greet } });

const waiting = await harness.run('greet', { name: 'Ada' }, { id: 'greeting-1' });
// Later, in any process: an inbox over all runs.
const { items } = await harness.requests({ kind: ['question'] });
for (const question of items) await harness.answer(question.run, question.id, true, { by: 'bob' });
// The same id and input is the same run, which goes on.
const greeted = await harness.run('greet', { name: 'Ada' }, { id: 'greeting-1' });

await harness[Symbol.asyncDispose](); // gives running runs back, closes the store
// #endregion usage
assert.equal(waiting.status, 'waiting');
assert.equal(greeted.status === 'completed' && greeted.output, 'Good day, Ada');
rmSync(folder, { recursive: true });
