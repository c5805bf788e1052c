import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { defineAgent, providerTool, type ProviderExecutedTool } from '../src/index.ts';
import { newEngine, newStore, resultsOf, threadOf } from './support.ts';

const search = {
  type: 'provider',
  isProviderExecuted: true,
  id: 'acme.search',
  args: { maxUses: 3 },
  inputSchema: { jsonSchema: {} },
} as unknown as ProviderExecutedTool;

describe('AGT-14: tools at the provider', () => {
  it('are shown to the model as its provider knows them, and what they come to is stored in the reply', async () => {
    const store = newStore();
    const model = scriptedModel([
      [
        { call: 'search', input: { q: 'knots' }, callId: 'p1', providerExecuted: true },
        { result: { hits: 1 }, of: 'p1', tool: 'search' },
        'One hit.',
      ],
    ]);
    const agent = defineAgent({ name: 'finder', instructions: '', model, tools: [providerTool('search', search)] });

    expect(await newEngine([agent], { store }).run('finder', 'Find knots', { id: 'r' })).toMatchObject({
      output: 'One hit.',
    });
    expect(model.requests[0]?.tools).toEqual([
      { type: 'provider', name: 'search', id: 'acme.search', args: { maxUses: 3 } },
    ]);
    expect((await threadOf(store, 'r'))[1]?.content).toMatchObject([
      { type: 'tool-call', callId: 'p1', input: { q: 'knots' }, providerExecuted: true },
      { type: 'tool-result', callId: 'p1', output: { type: 'json', value: { hits: 1 } } },
      { type: 'text' },
    ]);
  });

  it('are asked to go on where they have said nothing yet, and keep what they did', async () => {
    const model = scriptedModel([
      [{ call: 'search', input: {}, callId: 'p1', providerExecuted: true }, { finish: 'other' }],
      ({ prompt }) => [{ result: [], of: 'p1', tool: 'search' }, `${prompt.length} messages`],
    ]);
    const agent = defineAgent({ name: 'finder', instructions: '', model, tools: [providerTool('search', search)] });

    expect(await newEngine([agent]).run('finder', 'Find')).toMatchObject({ status: 'completed', output: '2 messages' });
    expect(model.requests[1]?.prompt[1]).toMatchObject({
      role: 'assistant',
      content: [{ type: 'tool-call', toolCallId: 'p1' }],
    });
  });

  it('are not executed here when the provider hands a call over', async () => {
    const store = newStore();
    const model = scriptedModel([{ call: 'search', callId: 'c1' }, 'So be it.']);
    const agent = defineAgent({ name: 'finder', instructions: '', model, tools: [providerTool('search', search)] });

    await newEngine([agent], { store }).run('finder', 'Find', { id: 'r' });

    expect(await resultsOf(store, 'r')).toEqual({
      c1: { type: 'error', code: 'TOOL_OF_PROVIDER', text: expect.any(String) },
    });
  });

  it.each<[string, unknown]>([
    ['a tool that is executed here', { type: 'provider', isProviderExecuted: false, id: 'acme.bash', args: {} }],
    ['an ordinary tool of the AI SDK', { inputSchema: {} }],
    ['nothing', {}],
  ])('are not made of %s', (_, tool) => {
    expect(() => providerTool('search', tool as never)).toThrow(TypeError);
    expect(() => providerTool('no name!', search)).toThrow(TypeError);
  });
});
