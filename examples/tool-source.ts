// Tools that are known only while the program runs: an agent is offered what a desk has today, and calls by what is on record.
import assert from 'node:assert/strict';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';

const model = scriptedModel([{ call: 'desk_book', input: { day: 'Monday' } }, 'It is booked.']);
const desk = {
  procedures: async () => [{ name: 'book', about: 'Books a day.', takes: ['day'] }],
  run: async (name: string, input: JsonObject, _key: string) => `${name} ${String(input['day'])}: done`,
};
// #region usage
import { hashJson, PrusikError, type JsonObject, type SourcedTool, type ToolSource } from '@prusik/core';
import { defineAgent } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';

async function tools(): Promise<readonly SourcedTool[]> {
  const found = (await desk.procedures()).map(({ name, about, takes }) => {
    const properties = Object.fromEntries(takes.map((field) => [field, { type: 'string' }]));
    const said = { description: about, inputSchema: { type: 'object', properties, required: takes } };
    const hash = hashJson(said); // of all that an approval is about: another hash is another tool
    const rest = { effect: 'once', approval: 'never', timeoutMs: 30_000, maxOutputBytes: 20_000 } as const;
    return { name: `desk_${name}`, ...said, hash, ...rest };
  });
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

const source: ToolSource = {
  name: 'desk',
  async list({ signal }) {
    signal.throwIfAborted();
    try {
      return { tools: await tools(), withheld: [] };
    } catch {
      // It costs its tools, not the run, and the record says why.
      return { tools: [], withheld: [{ code: 'DESK_AWAY', reason: 'Nobody is at the desk.' }] };
    }
  },
  async call({ name, hash, input }, { signal, idempotencyKey }) {
    signal.throwIfAborted();
    const tool = (await tools()).find((one) => one.name === name);
    if (tool?.hash !== hash) throw new PrusikError('DESK_TOOL_CHANGED', `${name} is another tool by now`);
    try {
      return { type: 'outcome', parts: [await desk.run(name.slice('desk_'.length), input, idempotencyKey)] };
    } catch (cause) {
      // It was sent, and nobody knows what became of it: in doubt, and never sent again by itself.
      throw new PrusikError('DESK_CALL_LOST', 'The desk did not answer', { cause, meta: { inDoubt: true } });
    }
  },
};

const clerk = defineAgent({ name: 'clerk', instructions: 'You book days.', model, sources: [source] });
// #endregion usage
const harness = defineHarness({ store: memoryStore(), ephemeral: true, agents: { clerk } });
const result = await harness.run('clerk', 'Book Monday');
assert.equal(result.status === 'completed' && result.output, 'It is booked.');
assert.match(JSON.stringify(model.requests[1]?.prompt), /book Monday: done/);
await harness[Symbol.asyncDispose]();
