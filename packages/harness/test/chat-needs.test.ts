import { callNeeds, defineAgent, defineTool, modelRegistry } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { handleChatTurn, toUiMessages, type ChatOptions } from '@prusik/sessions';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';
import { DefaultChatTransport, readUIMessageStream, safeValidateUIMessages, type UIMessage } from 'ai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { plain } from './chat-support.ts';

/** A tool as one of a server is: it wants a sign-in and an answer, and then a word of a model. */
const file = defineTool({
  name: 'file',
  description: 'Files an issue.',
  input: z.object({ title: z.string() }),
  execute({ title }, { answers }) {
    if (answers === undefined)
      return callNeeds({
        account: { kind: 'sign-in', body: { text: 'Sign in to the tracker', url: 'https://tracker.example/sign-in' } },
        label: { kind: 'question', body: { text: 'Which label?' }, schema: { enum: ['bug', 'wish'] } },
      });
    const { label, word } = answers;
    if (word === undefined)
      return callNeeds({
        word: { kind: 'sample', model: 'small', maxTokens: 10, messages: [{ role: 'user', content: [title] }] },
      });
    return word.status === 'sampled' ? word.text : JSON.stringify(label);
  },
});

function setUp() {
  const main = scriptedModel([{ call: 'file', input: { title: 'It broke' }, callId: 'c1' }, 'Filed.']);
  const small = scriptedModel(['sad']);
  const clerk = defineAgent({
    name: 'clerk',
    instructions: '',
    model: 'main',
    tools: [file],
    sampling: { models: ['small'] },
  });
  const harness = defineHarness({
    store: memoryStore(),
    agents: { clerk },
    models: modelRegistry({ main, small }),
    ephemeral: true,
    limits: { parkAfterMs: 0 },
  });
  onTestFinished(() => harness[Symbol.asyncDispose]());
  return { harness, clerk, small };
}

describe('REQ-6, REQ-8: what a tool needs is in the inbox', () => {
  it('is answered there, and the run goes on; a sign-in takes no value, and what does not fit is refused', async () => {
    const { harness, small } = setUp();
    expect(await harness.run('clerk', 'File it', { id: 'r' })).toMatchObject({ status: 'waiting' });
    const { items } = await harness.requests();
    const [account, label] = [
      items.find(({ kind }) => kind === 'sign-in'),
      items.find(({ kind }) => kind === 'question'),
    ];
    expect(items).toHaveLength(2);
    expect(account?.body).toMatchObject({ tool: 'file', callId: 'c1', need: 'account' });

    await expect(harness.answer('r', account?.id ?? '', { token: 'x' })).rejects.toMatchObject({
      code: 'DECISION_INVALID',
    });
    await expect(harness.answer('r', label?.id ?? '', 'other')).rejects.toMatchObject({ code: 'DECISION_INVALID' });
    await harness.answer('r', account?.id ?? '', null, { by: 'callback' });
    await harness.answer('r', label?.id ?? '', 'bug');

    expect(await harness.drive('r')).toMatchObject({ status: 'completed', output: 'Filed.' });
    small.assertFinished();
    expect((await harness.inspect()).definitions).toMatchObject([{ name: 'clerk', samplingModels: ['small'] }]);
  });

  it('a person may say no', async () => {
    const { harness } = setUp();
    await harness.run('clerk', 'File it', { id: 'r' });
    for (const { id } of (await harness.requests()).items) await harness.reject('r', id, { reason: 'Not now.' });
    expect(await harness.drive('r')).toMatchObject({ status: 'completed' });
  });

  it('an alias of a model that tools may ask is looked up when the harness is made', () => {
    const { clerk } = setUp();
    expect(() =>
      defineHarness({
        store: memoryStore(),
        agents: { clerk },
        // @ts-expect-error -- DEF-8: the types say so, too
        models: modelRegistry({ main: scriptedModel([]) }),
        ephemeral: true,
      }),
    ).toThrow(/sampling.models names the model small/);
  });
});

describe('EVT-6, REQ-6: a chat shows what a tool needs', () => {
  it('as requests with their forms, beside the call, which says nothing for them; a page that is loaded shows the same', async () => {
    const { harness, clerk } = setUp();
    const { engine, sessions } = harness;
    const options: ChatOptions = { engine, sessions, definition: clerk, access: () => ({}) };
    const transport = new DefaultChatTransport({
      api: 'http://localhost/api/chat',
      fetch: async (url, init) => handleChatTurn(new Request(url, init), options),
    });
    const heard = async (stream: ReadableStream | null): Promise<UIMessage | undefined> => {
      let last: UIMessage | undefined;
      if (stream !== null) for await (const message of readUIMessageStream({ stream })) last = message;
      return last;
    };
    const first = await heard(
      await transport.sendMessages({
        chatId: 's1',
        messages: [{ id: 'u1', role: 'user', parts: [{ type: 'text', text: 'File it' }] }],
        trigger: 'submit-message',
        messageId: undefined,
        abortSignal: undefined,
      }),
    );
    expect(first?.parts).toMatchObject([
      { type: 'step-start' },
      { type: 'tool-file', state: 'input-available' },
      {
        type: 'data-request',
        data: { kind: 'sign-in', status: 'open', body: { url: 'https://tracker.example/sign-in', need: 'account' } },
      },
      { type: 'data-request', data: { kind: 'question', status: 'open', schema: { enum: ['bug', 'wish'] } } },
    ]);
    const { items: open } = await harness.requests();
    const page = async () => {
      const session = await sessions.open('s1');
      const { messages } = await session.history();
      const { items: requests } = await harness.requests({ status: ['open', 'answered'] });
      return toUiMessages(
        messages.map(({ message }) => message),
        { requests, live: (await session.activeRun()) !== undefined },
      );
    };
    const [, shown] = await page();
    expect(plain([shown])).toEqual(plain([first]));

    // The output of a call is no answer to what its tool needs.
    const said = {
      ...first,
      parts: [{ type: 'tool-file', toolCallId: 'c1', state: 'output-available', output: 'bug' }],
    };
    const response = await handleChatTurn(
      new Request('http://localhost/api/chat', {
        method: 'POST',
        body: JSON.stringify({ id: 's1', messages: [said] }),
      }),
      options,
    );
    expect(response.status).toBe(409);
    expect((await harness.requests()).items).toHaveLength(2);

    for (const { run, id, kind } of open) await harness.answer(run.run, id, kind === 'sign-in' ? null : 'wish');
    await harness.drive(open[0]?.run.run ?? '');

    const whole = await page();
    expect(whole[1]?.parts).toMatchObject([
      { type: 'step-start' },
      { type: 'tool-file', state: 'output-available', output: 'sad' },
      { type: 'data-request', data: { kind: 'sign-in', status: 'answered' } },
      { type: 'data-request', data: { kind: 'question', status: 'answered' } },
      { type: 'step-start' },
      { type: 'text', text: 'Filed.' },
    ]);
    expect(await safeValidateUIMessages({ messages: whole })).toMatchObject({ success: true });
  });
});
