import { agentTool, defineAgent, modelRegistry } from '@prusik/agents';
import { handleChatTurn, inlineFiles, toUiMessages } from '@prusik/sessions';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';
import { DefaultChatTransport, readUIMessageStream, type UIMessage } from 'ai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { defineHarness } from '../src/index.ts';
import { plain } from './chat-support.ts';
import { clerk } from './clerk.ts';

describe('WFL-9, REQ-7: a chat with an agent that calls another', () => {
  it('EVT-6: shows the call and its result as of any tool, and what is asked below as a request of its own', async () => {
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

    const resumed = async () => {
      let last: UIMessage | undefined;
      const again = await transport.reconnectToStream({ chatId: 'c1' });
      if (again !== null) for await (const message of readUIMessageStream({ stream: again })) last = message;
      return last;
    };
    // What is asked below stands in no entry of the turn's own run.
    expect(plain([await resumed()])).toEqual(plain([heard]));

    const { items } = await harness.requests({ kind: ['approval'] });
    await harness.approve(items[0]!.run, items[0]!.id);
    await harness.drive(items[0]!.root);
    expect((await resumed())?.parts).toMatchObject([
      { type: 'step-start' },
      { type: 'tool-clerk', state: 'output-available', output: 'It is out.' },
      { type: 'data-request', data: { kind: 'approval', status: 'approved' } },
      { type: 'step-start' },
      { type: 'text', text: 'All done.' },
    ]);
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
