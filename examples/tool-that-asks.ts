// A tool that finds out on the way that it needs an answer: it asks, and goes on with it, in whichever process.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptedModel } from '@prusik/testing-contracts';

const folder = mkdtempSync(join(tmpdir(), 'tool-that-asks-'));
const path = join(folder, 'runs.db');
const model = scriptedModel([{ call: 'book', input: { day: '2026-07-28' } }, 'The hut is booked.']);
const hut = {
  hold: async (_day: string, _key: string) => 'hold-7',
  confirm: async (_hold: string, beds: number) => `${beds} beds are booked`,
  release: async (_hold: string) => {},
};
// #region usage
import { callNeeds, defineAgent, defineTool } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { sqliteStore } from '@prusik/store-sqlite';
import { z } from 'zod';

const book = defineTool({
  name: 'book',
  description: 'Books the hut.',
  input: z.object({ day: z.iso.date() }),
  effect: 'keyed',
  async execute({ day }, { answers, state, idempotencyKey }) {
    if (answers === undefined) {
      const hold = await hut.hold(day, idempotencyKey);
      const beds = { text: 'How many beds?' };
      return callNeeds({ beds: { kind: 'question', body: beds, schema: { type: 'integer', minimum: 1 } } }, hold);
    }
    // Executed again, with what it handed out: answered, rejected, expired, withdrawn or unavailable.
    const { beds } = answers;
    if (beds?.status === 'answered') return hut.confirm(String(state), Number(beds.value));
    await hut.release(String(state));
    return 'Nobody said how many beds, so nothing is booked.';
  },
});

const guide = defineAgent({ name: 'guide', instructions: 'You plan tours.', model, tools: [book] });
const harness = defineHarness({ store: sqliteStore({ path }), agents: { guide } });

await harness.run('guide', 'Book the hut', { id: 'tour-1' }); // parks, and holds nothing
const [question] = (await harness.requests({ kind: ['question'] })).items; // { text, tool, callId, need: 'beds' }
if (question) await harness.answer('tour-1', question.id, 4); // what does not fit is refused
const result = await harness.drive('tour-1');
// #endregion usage
assert.equal(result.status === 'completed' && result.output, 'The hut is booked.');
assert.equal((question?.body as { need?: string } | undefined)?.need, 'beds');
assert.match(JSON.stringify(model.requests[1]?.prompt), /4 beds are booked/);
await harness[Symbol.asyncDispose]();
rmSync(folder, { recursive: true });
