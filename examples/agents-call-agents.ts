// An agent that has two others as tools: one researches with a tool of its own, the other may only be asked once a person has said yes.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scriptedModel } from '@prusik/testing-contracts';

const folder = mkdtempSync(join(tmpdir(), 'agents-call-agents-'));
const path = join(folder, 'runs.db');
const fast = scriptedModel([{ call: 'search', input: { words: 'ropes' } }, 'Three kinds of ropes.', 'Ropes, by kind.']);
const large = scriptedModel([
  { call: 'researcher', input: { prompt: 'Which ropes are there?' } },
  { call: 'publisher', input: { title: 'Ropes', text: 'There are three kinds.' } },
  'It is out.',
]);
// #region usage
import { agentTool, defineAgent, defineTool, modelRegistry } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { sqliteStore } from '@prusik/store-sqlite';
import { z } from 'zod';

const search = defineTool({
  name: 'search',
  description: 'Searches the library.',
  input: z.object({ words: z.string() }),
  effect: 'repeatable',
  execute: ({ words }) => `3 books on ${words}`,
});

const researcher = defineAgent({
  name: 'researcher',
  description: 'Answers one question from the library. It knows nothing but the question.',
  instructions: 'Search, then answer in one paragraph.',
  model: 'fast',
  tools: [search],
});

const publisher = defineAgent({
  name: 'publisher',
  description: 'Publishes a text.',
  instructions: 'Give the text its last form.',
  model: 'fast',
  input: z.object({ title: z.string(), text: z.string() }), // what the model that calls it has to give
});

const editor = defineAgent({
  name: 'editor',
  instructions: 'Have things researched, write about them, and have that published.',
  model: 'large',
  tools: [agentTool(researcher), agentTool(publisher, { approval: 'always' })],
  // What it may hand on: at most 10 child runs, and 200,000 tokens for itself and all of them.
  delegation: { calls: 10, tokens: 200_000 },
});

const harness = defineHarness({
  store: sqliteStore({ path }),
  agents: { editor },
  models: modelRegistry({ fast, large }),
});

const waiting = await harness.run('editor', 'A page about ropes', { id: 'ropes' });
// In any process on the same store: a person lets the publisher be called.
const [request] = (await harness.requests({ kind: ['approval'] })).items;
if (request) await harness.approve('ropes', request.id, { by: 'ada' });
const result = await harness.drive('ropes');
// #endregion usage
assert.equal(waiting.status, 'waiting');
assert.equal(result.status === 'completed' && result.output, 'It is out.');
const { store } = harness.engine;
const { items } = await store.listRuns({ tenant: 'default', parent: 'ropes', limit: 10 });
const children = await Promise.all(items.map(({ key }) => store.run(key)));
assert.deepEqual(children.map((child) => [child?.definition, child?.output]).toSorted(), [
  ['publisher', 'Ropes, by kind.'],
  ['researcher', 'Three kinds of ropes.'],
]);
await harness[Symbol.asyncDispose]();
rmSync(folder, { recursive: true });
