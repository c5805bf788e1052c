import { agentTool, defineAgent, defineTool, modelRegistry } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { handleChatTurn, inlineFiles, toUiMessages } from '@prusik/sessions';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';
import { DefaultChatTransport, readUIMessageStream, type UIMessage } from 'ai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

const publish = defineTool({
  name: 'publish',
  description: 'Publishes a text.',
  input: z.object({ text: z.string() }),
  approval: 'always',
  execute: ({ text }) => `published ${text}`,
});
const clerk = defineAgent({
  name: 'clerk',
  description: 'Publishes.',
  instructions: 'Publish.',
  model: 'fast',
  tools: [publish],
});
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
    expect(children.items).toMatchObject([{ definition: 'clerk@large', output: 'by large' }]);
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

  it('EVT-6: a chat shows the call and its result as of any tool, and what is asked below as a request of its own', async () => {
    const careful = scriptedModel([{ call: 'clerk', input: { prompt: 'the note' }, callId: 'call_1' }, 'All done.']);
    // A call of the same id, in the thread of the child: it is none of the chat's.
    const fast = scriptedModel([{ call: 'publish', input: { text: 'x' }, callId: 'call_1' }, 'It is out.']);
    const boss = defineAgent({
      name: 'boss',
      instructions: '',
      model: 'careful',
      tools: [agentTool(clerk)],
      delegation: {},
    });
    const harness = defineHarness({
      store: memoryStore(),
      ephemeral: true,
      agents: { boss },
      models: modelRegistry({ fast, careful }),
      limits: { parkAfterMs: 5 },
    });
    onTestFinished(() => Promise.resolve(harness[Symbol.asyncDispose]()));
    const { engine, sessions } = harness;
    const transport = new DefaultChatTransport({
      api: 'http://localhost/api/chat',
      fetch: (url, init) =>
        handleChatTurn(new Request(url, init), { engine, sessions, definition: boss, access: () => ({}) }),
    });
    const messages: UIMessage[] = [{ id: 'u1', role: 'user', parts: [{ type: 'text', text: 'Go' }] }];
    const stream = await transport.sendMessages({
      chatId: 'c1',
      messages,
      trigger: 'submit-message',
      messageId: undefined,
      abortSignal: undefined,
    });
    let heard: UIMessage | undefined;
    for await (const message of readUIMessageStream({ stream })) heard = message;

    const callOf = (message: UIMessage | undefined) => message?.parts.find(({ type }) => type === 'tool-clerk');
    expect(callOf(heard)).toMatchObject({
      toolCallId: 'call_1',
      state: 'input-available',
      input: { prompt: 'the note' },
    });
    expect(heard?.parts.filter(({ type }) => type === 'data-request')).toMatchObject([{ data: { kind: 'approval' } }]);

    const { items } = await harness.requests({ kind: ['approval'] });
    await harness.approve(items[0]!.run, items[0]!.id);
    await harness.drive(items[0]!.root);
    const session = await sessions.open('c1');
    const { messages: stored } = await session.history();
    const shown = await toUiMessages(
      stored.map(({ message }) => message),
      { fileUrl: inlineFiles(engine.store, 'default') },
    );
    expect(callOf(shown.at(-1) as UIMessage)).toMatchObject({ state: 'output-available', output: 'It is out.' });
    expect(stored.map(({ message: { kind } }) => kind)).toEqual(['user', 'assistant', 'child-result', 'assistant']);
  });
});
