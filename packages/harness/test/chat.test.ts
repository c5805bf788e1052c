import { defineAgent, defineTool } from '@prusik/agents';
import { memoryStore } from '@prusik/store-memory';
import { handleChatTurn, toUiMessages, type ChatOptions } from '@prusik/sessions';
import { fakeClock, scriptedModel } from '@prusik/testing-contracts';
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses,
  readUIMessageStream,
  safeValidateUIMessages,
  type UIMessage,
} from 'ai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { defineHarness } from '../src/index.ts';
import { heldModel, plain, serveChat, TestChat, until } from './chat-support.ts';

const publish = (done: string[] = [], approval: 'always' | 'never' = 'always') =>
  defineTool({
    name: 'publish',
    description: 'Publishes.',
    input: z.object({ q: z.string() }),
    approval,
    execute({ q }) {
      done.push(q);
      return `published ${q}`;
    },
  });

type Model = Parameters<typeof defineAgent>[0]['model'];

function chatOver(model: unknown, tools: readonly ReturnType<typeof publish>[] = [], more: Partial<ChatOptions> = {}) {
  const helper = defineAgent({ name: 'helper', instructions: '', model: model as Model, tools });
  const harness = defineHarness({
    store: memoryStore(),
    agents: { helper },
    ephemeral: true,
    limits: { parkAfterMs: 20 },
  });
  onTestFinished(() => harness[Symbol.asyncDispose]());
  const { engine, sessions } = harness;
  const options: ChatOptions = { engine, sessions, definition: helper, access: () => ({ by: 'ada' }), ...more };
  return { harness, options };
}

/** The conversation as it is stored, as a client would load it. */
async function stored({ harness }: ReturnType<typeof chatOver>, chat = 'c1') {
  const session = await harness.sessions.open(chat);
  const { messages } = await session.history();
  const requests = (await harness.requests({ status: ['open', 'approved', 'rejected'] })).items;
  return toUiMessages(
    messages.map(({ message }) => message),
    { requests, live: (await session.activeRun()) !== undefined },
  );
}

const user = (text: string, id = 'u1'): UIMessage => ({ id, role: 'user', parts: [{ type: 'text', text }] });

describe('EVT-6: a chat with the client of the AI SDK, over HTTP', () => {
  it('streams a turn with thoughts, calls and their results, which is the one that is stored', async () => {
    const model = scriptedModel([
      [{ reasoning: 'Hm.' }, 'I publish. ', { call: 'publish', input: { q: 'x' } }],
      ['All ', 'done.'],
    ]);
    const chat = chatOver(model, [publish([], 'never')]);
    const { url } = await serveChat(chat.options);
    const client = new TestChat({ id: 'c1', transport: new DefaultChatTransport({ api: url }) });

    await client.sendMessage(user('Go'));

    expect(client.error).toBeUndefined();
    expect(client.status).toBe('ready');
    const [, reply] = client.messages;
    expect(reply?.id).toMatch(/^reply:/);
    expect(reply?.parts).toMatchObject([
      { type: 'step-start' },
      { type: 'reasoning', text: 'Hm.', state: 'done' },
      { type: 'text', text: 'I publish. ', state: 'done' },
      { type: 'tool-publish', state: 'output-available', input: { q: 'x' }, output: 'published x' },
      { type: 'step-start' },
      { type: 'text', text: 'All done.', state: 'done' },
    ]);
    expect(plain(client.messages)).toEqual(plain(await stored(chat)));
    expect(await safeValidateUIMessages({ messages: client.messages })).toMatchObject({ success: true });
    expect(await safeValidateUIMessages({ messages: await stored(chat) })).toMatchObject({ success: true });
  });

  it('shows text, thoughts and the input of a call while they are said, and takes back what a repeated attempt makes void', async () => {
    const script = [
      [{ reasoning: 'Hm.' }, 'Wrong', { error: { statusCode: 529, message: 'overloaded' } }],
      ['Right. ', { call: 'publish', input: { q: 'long enough' } }],
      'Done.',
    ];
    const { model, held, go } = heldModel(
      script,
      (chunk) => (chunk as { type: string }).type === 'tool-call' || (chunk as { delta?: string }).delta === 'Wrong',
    );
    const chat = chatOver(model, [publish([], 'never')]);
    const { url } = await serveChat(chat.options);
    const seen: UIMessage['parts'][] = [];
    const transport = new DefaultChatTransport({ api: url });
    const stream = await transport.sendMessages({
      chatId: 'c1',
      messages: [user('Go')],
      abortSignal: undefined,
      trigger: 'submit-message',
      messageId: undefined,
    });
    const reading = (async () => {
      for await (const message of readUIMessageStream({ stream, terminateOnError: true })) seen.push(message.parts);
    })();
    await held();
    await until(() => seen.some((parts) => parts.some((part) => part.type === 'reasoning' && part.text === 'Hm.')));
    go();
    await held();
    await until(() => JSON.stringify(seen.at(-1)).includes('input-streaming'));
    go();
    await reading;

    const shown = seen.map((parts) =>
      parts.map((part) => ('text' in part ? part.text : 'state' in part ? part.state : '')).join('|'),
    );
    expect(shown.at(-1)).toBe('|Right. |output-available||Done.');
    expect(shown.some((one) => one.endsWith('Hm.|Wrong'))).toBe(true);
    expect(shown.some((one) => one.includes('Hm.') && one.includes('Right'))).toBe(false);
    expect(shown.some((one) => one.endsWith('Right. |input-streaming'))).toBe(true);
  });

  it('goes on where it was when the connection drops in the middle, with the whole turn and without a second run', async () => {
    const { model, held, go } = heldModel(
      [['Once ', 'upon ', 'a time']],
      (chunk) => (chunk as { delta?: string }).delta === 'a time',
    );
    const chat = chatOver(model);
    const { url, drop } = await serveChat(chat.options);
    const client = new TestChat({ id: 'c1', transport: new DefaultChatTransport({ api: url }) });
    const sending = client.sendMessage(user('Go'));
    await held();
    await until(() => JSON.stringify(client.lastMessage?.parts).includes('upon'));
    drop();
    await sending;
    expect(client.status).toBe('error');

    const resuming = client.resumeStream();
    await until(() => client.status === 'streaming');
    expect(JSON.stringify(client.lastMessage?.parts)).toContain('Once upon');
    go();
    await resuming;

    expect(client.error).toBeUndefined();
    expect(client.messages).toHaveLength(2);
    expect(client.lastMessage?.parts).toMatchObject([
      { type: 'step-start' },
      { type: 'text', text: 'Once upon a time' },
    ]);
    expect((await chat.harness.engine.store.listRuns({ tenant: 'default', limit: 10 })).items).toHaveLength(1);
  });

  it('is not cancelled by a client that stops, and what was missed is there for one that comes again', async () => {
    const { model, held, go } = heldModel(
      [['Half ', 'and whole']],
      (chunk) => (chunk as { delta?: string }).delta === 'and whole',
    );
    const chat = chatOver(model);
    const { url } = await serveChat(chat.options);
    const client = new TestChat({ id: 'c1', transport: new DefaultChatTransport({ api: url }) });
    const sending = client.sendMessage(user('Go'));
    await held();
    await client.stop();
    await sending;
    go();
    await until(async () => (await stored(chat)).length === 2);

    await client.resumeStream();

    expect(plain(client.messages)).toEqual(plain(await stored(chat)));
    expect(JSON.stringify(client.lastMessage?.parts)).toContain('Half and whole');
  });

  it('has nothing to resume in a chat that is new, or whose last turn ended long ago', async () => {
    const chat = chatOver(scriptedModel(['Hello']));
    const { url } = await serveChat({ ...chat.options, resumeEndedMs: -60_000 });
    const transport = new DefaultChatTransport({ api: url });
    expect(await transport.reconnectToStream({ chatId: 'c1' })).toBeNull();
    await new TestChat({ id: 'c1', transport }).sendMessage(user('Go'));
    expect(await transport.reconnectToStream({ chatId: 'c1' })).toBeNull();
  });

  for (const approved of [true, false])
    it(`asks for an approval in the page, and goes on in the same message when it is ${approved ? 'given' : 'refused'}`, async () => {
      const done: string[] = [];
      const chat = chatOver(scriptedModel([['First. ', { call: 'publish', input: { q: 'x' } }], 'So be it.']), [
        publish(done),
      ]);
      const { url } = await serveChat(chat.options);
      const client = new TestChat({
        id: 'c1',
        transport: new DefaultChatTransport({ api: url }),
        sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithApprovalResponses,
      });
      await client.sendMessage(user('Go'));
      expect(client.error).toBeUndefined();
      const [part] = client.lastMessage?.parts.filter(({ type }) => type === 'tool-publish') ?? [];
      expect(part).toMatchObject({ state: 'approval-requested', input: { q: 'x' } });
      expect(plain(client.messages)).toEqual(plain(await stored(chat)));
      expect(await safeValidateUIMessages({ messages: client.messages })).toMatchObject({ success: true });

      const { approval } = part as { approval: { id: string } };
      await client.addToolApprovalResponse({ id: approval.id, approved, reason: 'because' });
      await until(() => client.status === 'ready' && JSON.stringify(client.messages).includes('So be it.'));

      expect(done).toEqual(approved ? ['x'] : []);
      expect(client.messages).toHaveLength(2);
      expect(client.lastMessage?.parts).toMatchObject([
        { type: 'step-start' },
        { type: 'text', text: 'First. ' },
        {
          type: 'tool-publish',
          state: approved ? 'output-available' : 'output-denied',
          approval: { id: approval.id, approved, reason: 'because' },
        },
        { type: 'step-start' },
        { type: 'text', text: 'So be it.' },
      ]);
      expect(plain(client.messages)).toEqual(plain(await stored(chat)));
      expect(await safeValidateUIMessages({ messages: client.messages })).toMatchObject({ success: true });
      const [request] = (await chat.harness.requests({ status: ['approved', 'rejected'] })).items;
      expect(request?.decision).toMatchObject({ by: 'ada', reason: 'because' });
    });

  it('REQ-9: shows a call that a policy denies as denied', async () => {
    const denied = defineTool({
      name: 'publish',
      description: 'Publishes.',
      input: z.object({ q: z.string() }),
      approval: () => 'denied' as const,
      execute: () => 'never',
    });
    const chat = chatOver(scriptedModel([{ call: 'publish', input: { q: 'x' } }, 'A pity.']), [denied as never]);
    const { url } = await serveChat(chat.options);
    const client = new TestChat({ id: 'c1', transport: new DefaultChatTransport({ api: url }) });
    await client.sendMessage(user('Go'));
    expect(client.error).toBeUndefined();
    expect(client.lastMessage?.parts[1]).toMatchObject({
      state: 'output-denied',
      approval: { approved: false, isAutomatic: true },
    });
    expect(await safeValidateUIMessages({ messages: client.messages })).toMatchObject({ success: true });
    expect(plain(client.messages)).toEqual(plain(await stored(chat)));
  });

  it('tells a turn that failed by its code, keeps what was committed, and closes what was open', async () => {
    const chat = chatOver(
      scriptedModel([['Let me see. ', { call: 'publish', input: { q: 'x' } }], { reject: new Error('secret') }]),
      [publish([], 'never')],
    );
    const { url } = await serveChat(chat.options);
    const client = new TestChat({ id: 'c1', transport: new DefaultChatTransport({ api: url }) });
    await client.sendMessage(user('Go'));
    expect(client.status).toBe('error');
    expect(client.error?.message).toBe('The turn failed: MODEL_CALL_FAILED');
    expect(client.lastMessage?.parts).toMatchObject([{}, { text: 'Let me see. ' }, { state: 'output-available' }]);
    expect(await safeValidateUIMessages({ messages: client.messages })).toMatchObject({ success: true });
  });

  it('shows a turn that is cancelled while it asks as interrupted, with its call refused', async () => {
    const chat = chatOver(scriptedModel([{ call: 'publish', input: { q: 'x' } }]), [publish()]);
    const { url } = await serveChat(chat.options);
    const transport = new DefaultChatTransport({ api: url });
    const client = new TestChat({ id: 'c1', transport });
    await client.sendMessage(user('Go'));
    const session = await chat.harness.sessions.open('c1');
    const run = await session.activeRun();
    await session.cancel();
    if (run !== undefined) await chat.harness.drive(run.key);

    const finished: unknown[] = [];
    const again = new TestChat({
      id: 'c1',
      transport,
      messages: client.messages,
      onFinish: ({ finishReason }) => finished.push(finishReason),
    });
    await again.resumeStream();

    expect(finished).toEqual(['interrupted']);
    expect(again.lastMessage?.parts[1]).toMatchObject({ state: 'output-denied', approval: { approved: false } });
    expect(await safeValidateUIMessages({ messages: again.messages })).toMatchObject({ success: true });
  });
});

describe('SES-10: answers that are made again, in the page', () => {
  it('answers the last message again, and an earlier one, in the place of what there was', async () => {
    const chat = chatOver(scriptedModel(['One.', 'Two.', 'Two again.', 'One again.']));
    const { url } = await serveChat(chat.options);
    const client = new TestChat({ id: 'c1', transport: new DefaultChatTransport({ api: url }) });
    const texts = () =>
      client.messages.map(({ parts }) => parts.map((part) => ('text' in part ? part.text : '')).join(''));
    await client.sendMessage(user('first', 'u1'));
    await client.sendMessage(user('second', 'u2'));

    await client.regenerate();
    expect(texts()).toEqual(['first', 'One.', 'second', 'Two again.']);
    expect(plain(client.messages)).toEqual(plain(await stored(chat)));

    await client.regenerate({ messageId: client.messages[1]?.id ?? '' });
    expect(texts()).toEqual(['first', 'One again.']);
    expect(plain(client.messages)).toEqual(plain(await stored(chat)));
  });

  it('takes a message that was changed in the place of the old one, and what followed it away', async () => {
    const model = scriptedModel(['One.', 'Two.', 'Changed.']);
    const chat = chatOver(model);
    const { url } = await serveChat(chat.options);
    const client = new TestChat({ id: 'c1', transport: new DefaultChatTransport({ api: url }) });
    await client.sendMessage(user('first', 'u1'));
    await client.sendMessage(user('second', 'u2'));
    await client.sendMessage({ text: 'other', messageId: 'u1' });
    expect(client.error).toBeUndefined();
    expect(plain(client.messages)).toEqual(plain(await stored(chat)));
    expect(JSON.stringify(client.messages)).toMatch(/other.*Changed/);
    expect(model.requests[2]?.prompt.filter(({ role }) => role === 'user')).toHaveLength(1);
  });

  it('says a message again after a failure', async () => {
    const chat = chatOver(scriptedModel([{ reject: new Error('no') }, 'Now.']));
    const { url } = await serveChat(chat.options);
    const client = new TestChat({ id: 'c1', transport: new DefaultChatTransport({ api: url }) });
    await client.sendMessage(user('first', 'u1'));
    expect(client.status).toBe('error');
    await client.sendMessage();
    expect(client.error).toBeUndefined();
    expect(plain(client.messages)).toEqual(plain(await stored(chat)));
    expect(JSON.stringify(client.messages)).toContain('Now.');
  });
});

describe('EVT-6: what a chat answers over HTTP', () => {
  const bodyOf = (more: object = {}) => ({ id: 'c1', messages: [user('Go')], trigger: 'submit-message', ...more });
  const post = (url: string, body: unknown) =>
    fetch(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) });
  const postOf = (body: unknown) => new Request('http://localhost', { method: 'POST', body: JSON.stringify(body) });
  const codeOf = async (response: Response) => [
    response.status,
    ((await response.json()) as { error: { code: string } }).error.code,
  ];

  it('refuses a body that it cannot read with 400 and a code, and leaves nothing behind', async () => {
    const chat = chatOver(scriptedModel([]));
    const { url } = await serveChat({ ...chat.options, maxBodyBytes: 10_000 });
    for (const body of [
      'no json',
      '[]',
      '{}',
      bodyOf({ id: '' }),
      bodyOf({ id: 7 }),
      bodyOf({ messages: [] }),
      bodyOf({ messages: 'x' }),
      bodyOf({ messages: [null] }),
      bodyOf({ trigger: 'else' }),
      bodyOf({ messages: [{ ...user('x'), id: '' }] }),
      bodyOf({ messages: [{ ...user('x'), role: 'system' }] }),
      bodyOf({ messages: [{ ...user('x'), parts: 'x' }] }),
      bodyOf({ messages: [{ ...user('x'), parts: [] }] }),
      bodyOf({ messages: [user('  ')] }),
      bodyOf({ messages: [{ ...user('x'), parts: [{ type: 'text', text: 7 }] }] }),
      bodyOf({ messages: [{ ...user('x'), parts: [{ type: 'tool-x' }] }] }),
      bodyOf({
        messages: [{ ...user('x'), parts: [{ type: 'file', mediaType: 'image/png', url: 'http://internal/' }] }],
      }),
    ])
      expect(await codeOf(await post(url, body)), JSON.stringify(body)).toEqual([400, 'CHAT_BODY_INVALID']);
    expect(await codeOf(await post(url, bodyOf({ more: 'x'.repeat(10_000) })))).toEqual([413, 'CHAT_BODY_TOO_LARGE']);
    expect(await codeOf(await fetch(url, { method: 'PUT' }))).toEqual([405, 'CHAT_METHOD']);
    expect(await codeOf(await fetch(url))).toEqual([404, 'CHAT_UNKNOWN']);
    expect((await chat.harness.engine.store.listRuns({ tenant: 'default', limit: 10 })).items).toEqual([]);
  });

  it('REQ-5: lets nobody in whom access does not, nor when it throws', async () => {
    const chat = chatOver(scriptedModel([]));
    for (const access of [
      () => undefined,
      () => {
        throw new Error('secret');
      },
    ]) {
      const { url } = await serveChat({ ...chat.options, access, onWarning: () => {} });
      const response = await post(url, bodyOf());
      expect(await codeOf(response)).toEqual([403, 'CHAT_FORBIDDEN']);
      expect((await fetch(`${url}/c1/stream`)).status).toBe(403);
    }
  });

  it('SES-7, SES-1: a message that is delivered twice is one turn; another one meets 409 with who holds the chat', async () => {
    const { model, held, go } = heldModel(
      [['Well ', 'then']],
      (chunk) => (chunk as { delta?: string }).delta === 'then',
    );
    const chat = chatOver(model);
    const { url } = await serveChat(chat.options);
    const first = await post(url, bodyOf());
    await held();
    const second = await post(url, bodyOf());
    const busy = await post(url, bodyOf({ messages: [user('More', 'u2')] }));
    expect(busy.status).toBe(409);
    const { error } = (await busy.json()) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code: 'SESSION_BUSY', status: 'running', retryable: true, requestIds: [] });
    go();
    expect(await first.text()).toContain('then');
    expect(await second.text()).toContain('then');
    expect((await chat.harness.engine.store.listRuns({ tenant: 'default', limit: 10 })).items).toHaveLength(1);
  });

  it('refuses an answer to a message that is not the last, and one that decides nothing', async () => {
    const chat = chatOver(scriptedModel([{ call: 'publish', input: { q: 'x' } }]), [publish()]);
    const { url } = await serveChat(chat.options);
    await (await post(url, bodyOf())).text();
    const answer = (id: string, approval: string) =>
      bodyOf({
        messages: [
          {
            id,
            role: 'assistant',
            parts: [
              {
                type: 'tool-publish',
                toolCallId: 'call_1',
                state: 'approval-responded',
                input: {},
                approval: { id: approval, approved: true },
              },
            ],
          },
        ],
      });
    const [, reply] = await stored(chat);
    expect(await codeOf(await post(url, answer('reply:other', 'x')))).toEqual([409, 'CHAT_OUTDATED']);
    expect(await codeOf(await post(url, answer(reply?.id ?? '', 'unknown')))).toEqual([409, 'CHAT_OUTDATED']);
    expect((await chat.harness.requests()).items).toHaveLength(1);
  });

  it('AGT-13: hooks that throw, hang or answer nonsense break nothing, and are told of', async () => {
    const warnings: string[] = [];
    const order: string[] = [];
    let work: Promise<void> | undefined;
    const chat = chatOver(scriptedModel(['Hello']), [], {
      onWarning: ({ code, message }) => {
        warnings.push(`${code} ${message}`);
        throw new Error('of the listener');
      },
      waitUntil: (promise) => void (work = promise),
      hooks: {
        onEvent: () => {
          throw new Error('of an event');
        },
        postProcess({ message, result }) {
          order.push(`${result.status} ${message.parts.map((part) => ('text' in part ? part.text : '')).join('')}`);
          throw new Error('of the end');
        },
        flush: () => void order.push('flush'),
      },
    });
    const { url } = await serveChat(chat.options);
    expect(await (await post(url, bodyOf())).text()).toContain('Hello');
    await work;
    expect(order).toEqual(['completed Hello', 'flush']);
    expect(new Set(warnings)).toEqual(
      new Set(['CHAT_HOOK_FAILED onEvent failed', 'CHAT_HOOK_FAILED postProcess failed']),
    );
  });

  it.each(['said', 'shown again'])(
    'AGT-13: an assembly that ends at any instant of a turn that is %s is no failure of it, and nobody is warned',
    async (how) => {
      const told: unknown[] = [];
      for (let n = 0; n < 60; n += 1) {
        let work: Promise<void> | undefined;
        const { harness, options } = chatOver(scriptedModel([{ call: 'publish', input: { q: 'x' } }]), [publish()], {
          onWarning: ({ message, cause }) => void told.push([n, message, cause]),
          waitUntil: (promise) => void (work = promise),
        });
        if (how === 'shown again') await (await handleChatTurn(postOf(bodyOf()), options)).text();
        const asked = how === 'said' ? postOf(bodyOf()) : new Request('http://localhost/c1/stream');
        const answered = handleChatTurn(asked, options);
        for (let i = 0; i < n; i += 1) await (i % 6 === 5 ? new Promise(setImmediate) : Promise.resolve());
        await harness[Symbol.asyncDispose]();
        await (await answered).text();
        await work;
      }
      expect(told).toEqual([]);
    },
  );

  it('AGT-13: code that hangs is not waited for, and what throws is told without its content', async () => {
    const clock = fakeClock();
    const causes: unknown[] = [];
    const chat = chatOver(scriptedModel([]), [], { clock, onWarning: ({ cause }) => causes.push(cause) });
    const hanging = await serveChat({ ...chat.options, access: () => new Promise(() => {}) });
    const response = post(hanging.url, bodyOf());
    await until(() => {
      clock.advance(1_000);
      return causes.length > 0;
    });
    expect(await codeOf(await response)).toEqual([403, 'CHAT_FORBIDDEN']);
    expect(causes).toMatchObject([{ code: 'TIMED_OUT' }]);

    const throwing = await serveChat({
      ...chat.options,
      input: () => {
        throw new Error('secret');
      },
    });
    const failed = await (await post(throwing.url, bodyOf())).text();
    expect(failed).toContain('CHAT_FAILED');
    expect(failed).not.toContain('secret');
  });

  it('a transform changes what is sent; one that throws ends the stream, since what it would have kept back must not be sent', async () => {
    const chat = chatOver(scriptedModel(['The secret', 'The secret']));
    const hiding = await serveChat({
      ...chat.options,
      hooks: {
        transform: (chunk) => ('delta' in chunk ? { ...chunk, delta: chunk.delta.replaceAll('secret', '***') } : chunk),
      },
    });
    expect(await (await post(hiding.url, bodyOf())).text()).toMatch(/The \*\*\*[^]*\[DONE\]/);
    const broken = await serveChat({
      ...chat.options,
      onWarning: () => {},
      hooks: {
        transform(chunk) {
          if ('delta' in chunk) throw new Error('cannot');
          return chunk;
        },
      },
    });
    const text = await (await post(broken.url, bodyOf({ messages: [user('Go', 'u2')] }))).text();
    expect(text).not.toContain('secret');
    expect(text).toMatch(/"type":"error"[^]*\[DONE\]/);
  });
});
