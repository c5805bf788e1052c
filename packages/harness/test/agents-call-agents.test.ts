import { agentTool, defineAgent, modelRegistry } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { clerk } from './clerk.ts';

const writer = defineAgent({
  name: 'writer',
  description: 'Writes and has it published.',
  instructions: 'Write.',
  model: 'fast',
  tools: [agentTool(clerk)],
  delegation: {},
});
const lead = defineAgent({
  name: 'lead',
  instructions: 'Lead.',
  model: 'careful',
  tools: [agentTool(writer)],
  delegation: { depth: 2, calls: 4 },
});

describe('WFL-9: agents that call agents, in a harness', () => {
  it('REQ-7: a request of the third level shows at the root with its lineage, is decided there, and acts in its child', async () => {
    const careful = scriptedModel([{ call: 'writer', input: { prompt: 'A note' } }, 'All done.']);
    const fast = scriptedModel([
      { call: 'clerk', input: { prompt: 'the note' } },
      { call: 'publish', input: { text: 'the note' } },
      'It is out.',
      'Written and out.',
    ]);
    const harness = defineHarness({
      store: memoryStore(),
      ephemeral: true,
      agents: { lead },
      models: modelRegistry({ fast, careful }),
      limits: { parkAfterMs: 0 },
    });
    onTestFinished(() => Promise.resolve(harness[Symbol.asyncDispose]()));

    expect(await harness.run('lead', 'Go', { id: 'r' })).toMatchObject({ status: 'waiting' });
    const { items } = await harness.requests({ kind: ['approval'] });
    expect(items).toMatchObject([{ root: 'r', definition: 'clerk', body: { tool: 'publish' } }]);

    await harness.approve('r', items[0]!.id, { by: 'ada' });

    expect(await harness.drive('r')).toMatchObject({ status: 'completed', output: 'All done.' });
    fast.assertFinished();
    careful.assertFinished();
  });

  it('WFL-2: a tool may name another model for its agent, which the policy lists', async () => {
    const models = {
      fast: scriptedModel([]),
      careful: scriptedModel([{ call: 'clerk', input: { prompt: 'x' } }, 'Done.']),
      large: scriptedModel(['by large']),
    };
    const picky = defineAgent({
      name: 'picky',
      instructions: '',
      model: 'careful',
      tools: [agentTool(clerk, { model: 'large' })],
      delegation: { models: ['large'] },
    });
    const harness = defineHarness({
      store: memoryStore(),
      ephemeral: true,
      agents: { picky },
      models: modelRegistry(models),
    });
    onTestFinished(() => Promise.resolve(harness[Symbol.asyncDispose]()));

    expect(await harness.run('picky', 'Go', { id: 'r' })).toMatchObject({ status: 'completed' });

    const children = await harness.engine.store.listRuns({ tenant: 'default', parent: 'r', limit: 10 });
    expect(await Promise.all(children.items.map(({ key }) => harness.engine.store.run(key)))).toMatchObject([
      { definition: 'clerk@large', output: 'by large' },
    ]);
  });

  it('DEF-4: inspect() says what it may call, under which policy, and which tools are agents', () => {
    const models = modelRegistry({ fast: scriptedModel([]), careful: scriptedModel([]) });
    const { definitions } = defineHarness({
      store: memoryStore(),
      ephemeral: true,
      agents: { lead },
      models,
    }).inspect();

    expect(definitions.map(({ name }) => name)).toEqual(['lead', 'writer', 'clerk']);
    expect(definitions[0]).toMatchObject({
      agents: ['writer'],
      delegation: { depth: 2, calls: 4 },
      tools: [{ name: 'writer', agent: 'writer', approval: 'never' }],
    });
    expect(definitions[0]?.tools[0]).not.toHaveProperty('timeoutMs');
  });

  it('DEF-3: an agent whose children would be lost with the process is refused unless that is meant', () => {
    const models = modelRegistry({ fast: scriptedModel([]), careful: scriptedModel([]) });

    expect(() => defineHarness({ store: memoryStore(), agents: { lead }, models })).toThrow(
      /lead: runs of writer would be lost[\s\S]*clerk: approvals of publish would be lost/,
    );
  });
});
