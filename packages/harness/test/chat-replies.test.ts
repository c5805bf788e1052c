import { askTool, clientTool, defineAgent, defineTool } from '@prusik/agents';
import { handleChatTurn, inlineFiles, toUiMessages, toUiMessageStream, type ChatOptions } from '@prusik/sessions';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel, type ScriptedPart, type ScriptedReply } from '@prusik/testing-contracts';
import {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithToolCalls,
  readUIMessageStream,
  safeValidateUIMessages,
  type UIMessage,
} from 'ai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import { defineHarness } from '../src/index.ts';
import { plain, TestChat, until } from './chat-support.ts';

const search = defineTool({
  name: 'search',
  description: 'Searches.',
  input: z.object({ q: z.string() }),
  effect: 'repeatable',
  execute: ({ q }) => (q === 'bad' ? Promise.reject(new Error('no')) : { found: q }),
});
const pick = clientTool({
  name: 'pick',
  description: 'Lets the user pick.',
  input: z.object({ of: z.array(z.string()) }),
  output: z.string().max(5),
});

/** A chat whose client reaches its handler without a socket between: the SDK's transport, with a `fetch` of our own. */
function chatWith(script: readonly ScriptedReply[], more: Partial<ChatOptions> = {}) {
  const model = scriptedModel(script);
  const helper = defineAgent({ name: 'helper', instructions: '', model, tools: [search, pick, askTool()] });
  const harness = defineHarness({
    store: memoryStore(),
    agents: { helper },
    ephemeral: true,
    limits: { parkAfterMs: 5 },
  });
  onTestFinished(() => harness[Symbol.asyncDispose]());
  const { engine, sessions } = harness;
  const options: ChatOptions = { engine, sessions, definition: helper, access: () => ({}), ...more };
  const transport = new DefaultChatTransport({
    api: 'http://localhost/api/chat',
    fetch: async (url, init) => handleChatTurn(new Request(url, init), options),
  });
  async function stored() {
    const session = await sessions.open('c1');
    const { messages } = await session.history();
    return toUiMessages(
      messages.map(({ message }) => message),
      { fileUrl: inlineFiles(engine.store, 'default'), live: (await session.activeRun()) !== undefined },
    );
  }
  return { harness, model, transport, stored };
}

const png = (mediaType: string): ScriptedPart => ({ type: 'file', mediaType, data: { type: 'data', data: 'aGk=' } });

const user = (id = 'u1'): UIMessage => ({ id, role: 'user', parts: [{ type: 'text', text: 'Go' }] });

/** The same numbers for the same seed. */
function chance(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Whatever a model may say in one reply: blocks interleaved, calls whole and in pieces, ids that come again, sources, files, calls of the provider. */
function someReply(random: (below: number) => number, isLast: boolean): readonly ScriptedPart[] {
  const kinds: readonly (() => readonly ScriptedPart[])[] = [
    () => [{ reasoning: 'hm ' }, { reasoning: 'so' }],
    () => ['Well, ', 'then. '],
    () => ['\ud83d', '\udea2 a knot '],
    () => [
      { type: 'reasoning-start', id: 'r' },
      { type: 'text-start', id: 't' },
      { type: 'reasoning-delta', id: 'r', delta: 'think' },
      { type: 'text-delta', id: 't', delta: 'say' },
      { type: 'reasoning-delta', id: 'r', delta: 'ing' },
      { type: 'text-delta', id: 't', delta: 'ing' },
      { type: 'reasoning-end', id: 'r' },
      { type: 'text-end', id: 't' },
    ],
    () => [{ type: 'source', sourceType: 'url', id: `s${random(9)}`, url: 'https://example.com', title: 'X' }],
    () => [{ type: 'source', sourceType: 'document', id: 'd', mediaType: 'text/plain', title: 'D', filename: 'd.txt' }],
    () => [{ type: 'file', mediaType: 'image/png', data: { type: 'data', data: 'aGk=' } }],
    () => {
      const callId = `p${random(1e9)}`;
      return [
        { call: 'web', callId, input: { q: 'x' }, providerExecuted: true, dynamic: true },
        { result: { hits: 1 }, of: callId, tool: 'web' },
      ];
    },
  ];
  const calls: readonly (() => readonly ScriptedPart[])[] = [
    () => [{ call: 'search', input: { q: 'whole' } }],
    () => [{ call: 'search', input: { q: 'pieces' }, inputDeltas: ['{"q":', '"pieces"}'] }],
    () => [{ call: 'search', input: { q: 'same' }, callId: 'call_0', inputDeltas: ['{"q":"same"}'] }],
    () => [{ call: 'search', input: { q: 'bad' }, callId: `odd id ${random(3)}`, inputDeltas: ['{"q":"bad"}'] }],
    () => [{ call: 'unknown', input: {}, inputDeltas: ['{}'] }],
    () => [{ call: 'search', rawInput: '{"q":', inputDeltas: ['{"q":'] }],
  ];
  const any = <T>(list: readonly (() => T)[]): T => (list[random(list.length)] ?? list[0])?.() as T;
  const parts = Array.from({ length: 1 + random(4) }, () => any(kinds)).flat();
  if (isLast) return [...parts, 'The end.'];
  return [...parts, ...Array.from({ length: 1 + random(3) }, () => any(calls)).flat()];
}

describe('EVT-6: whatever a model says, the page that hears it and the page that loads it show the same', () => {
  it.each(Array.from({ length: 24 }, (_, seed) => seed + 1))('seed %i', async (seed) => {
    const random = chance(seed);
    const script = [1, 2, 3].flatMap((n): ScriptedReply[] => {
      const reply = someReply(random, n === 3);
      // An attempt that fails on the way is made again.
      const broken = [...reply.slice(0, 1 + random(reply.length)), { error: { statusCode: 529, message: 'busy' } }];
      return random(5) === 0 ? [broken, reply] : [reply];
    });
    const { transport, stored, model } = chatWith(script);
    const errors: unknown[] = [];
    const stream = await transport.sendMessages({
      chatId: 'c1',
      messages: [user()],
      trigger: 'submit-message',
      messageId: undefined,
      abortSignal: undefined,
    });
    let heard: UIMessage | undefined;
    for await (const message of readUIMessageStream({ stream, onError: (error) => errors.push(error) }))
      heard = message;

    expect(errors).toEqual([]);
    model.assertFinished();
    const page = await stored();
    expect(plain([heard])).toEqual(plain(page.slice(1)));
    const again = await transport.reconnectToStream({ chatId: 'c1' });
    if (again !== null) for await (const message of readUIMessageStream({ stream: again })) heard = message;
    expect(plain([heard])).toEqual(plain(page.slice(1)));
    expect(await safeValidateUIMessages({ messages: page })).toMatchObject({ success: true });
  });
});

it('EVT-6: a run is a stream of chunks for a transport of one’s own, which ends with its reader and never ends the run', async () => {
  const { harness } = chatWith(['Hello.']);
  const run = await harness.start('helper', 'Hi', { id: 'r' });
  const first = toUiMessageStream(harness.engine, run.key).getReader();
  expect((await first.read()).value).toMatchObject({ type: 'start' });
  await first.cancel();
  await harness.drive('r');
  let heard: UIMessage | undefined;
  for await (const message of readUIMessageStream({ stream: toUiMessageStream(harness.engine, run.key) }))
    heard = message;
  expect(heard?.parts).toMatchObject([{ type: 'step-start' }, { type: 'text', text: 'Hello.' }]);
  const unknown = toUiMessageStream(harness.engine, { tenant: 'default', run: 'none' }).getReader();
  await expect(unknown.read()).rejects.toMatchObject({ code: 'RUN_UNKNOWN' });
});

describe('AGT-14, REQ-6: calls that the page answers', () => {
  it('goes on with what the client’s tool gave, and refuses what it may not give', async () => {
    const { transport, stored, harness } = chatWith([{ call: 'pick', input: { of: ['a', 'b'] } }, 'You took it.']);
    const client = new TestChat({
      id: 'c1',
      transport,
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
    });
    await client.sendMessage(user());
    const part = client.lastMessage?.parts[1] as { toolCallId: string; state: string };
    expect(part.state).toBe('input-available');

    await client.addToolOutput({ tool: 'pick', toolCallId: part.toolCallId, output: 'much too long' });
    await until(() => client.status === 'error');
    expect(client.error?.message).toContain('DECISION_INVALID');
    expect((await harness.requests()).items).toHaveLength(1);

    await client.addToolOutput({ tool: 'pick', toolCallId: part.toolCallId, output: 'a' });
    await until(() => client.status === 'ready' && JSON.stringify(client.messages).includes('You took it.'));
    expect(plain(client.messages)).toEqual(plain(await stored()));
  });

  it('takes the answer to a question of the agent', async () => {
    const { transport, stored } = chatWith([{ call: 'ask_user', input: { question: 'Which?' } }, 'That one.']);
    const client = new TestChat({
      id: 'c1',
      transport,
      sendAutomaticallyWhen: lastAssistantMessageIsCompleteWithToolCalls,
    });
    await client.sendMessage(user());
    const part = client.lastMessage?.parts[1] as { toolCallId: string };
    await client.addToolOutput({ tool: 'ask_user', toolCallId: part.toolCallId, output: 'this' });
    await until(() => client.status === 'ready' && JSON.stringify(client.messages).includes('That one.'));
    expect(plain(client.messages)).toEqual(plain(await stored()));
  });
});

describe('SES-12: files in a chat', () => {
  it('takes a file of the user, and shows it on the page that is loaded', async () => {
    const { transport, stored, model } = chatWith(['A picture.']);
    const client = new TestChat({ id: 'c1', transport });
    const url = 'data:image/png;base64,aGk=';
    await client.sendMessage({
      parts: [
        { type: 'text', text: 'Look' },
        { type: 'file', mediaType: 'image/png', url, filename: 'hi.png' },
      ],
    });
    expect(client.error).toBeUndefined();
    expect(JSON.stringify(model.requests[0]?.prompt)).toContain('image/png');
    expect((await stored())[0]?.parts[1]).toEqual({ type: 'file', mediaType: 'image/png', url, filename: 'hi.png' });
  });

  it('EVT-6: shows a message of the user whose file a page gets nowhere, as it does a reply', async () => {
    const { transport, harness } = chatWith([['A picture.', png('image/png')]]);
    await new TestChat({ id: 'c1', transport }).sendMessage({
      parts: [{ type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,aGk=', filename: 'hi.png' }],
    });

    const { messages } = await (await harness.sessions.open('c1')).history();
    const page = await toUiMessages(messages.map(({ message }) => message));
    expect(page.map(({ parts }) => parts.filter(({ type }) => type.startsWith('data-')))).toEqual([
      [{ type: 'data-file', data: { mediaType: 'image/png', filename: 'hi.png' } }],
      [{ type: 'data-file', data: { mediaType: 'image/png' } }],
    ]);
    expect(await safeValidateUIMessages({ messages: page })).toMatchObject({ success: true });
  });

  it.each(['text/html,<script>alert(1)</script>', 'image/png"onload=alert(1)', 'x\r\ny', ''])(
    'EVT-6: the media type %j of a reply becomes no content of its address',
    async (mediaType) => {
      const { transport } = chatWith([[png(mediaType), 'There.']]);
      const client = new TestChat({ id: 'c1', transport });
      await client.sendMessage({ text: 'Draw' });

      expect(client.error).toBeUndefined();
      expect(client.lastMessage?.parts.find(({ type }) => type === 'file')).toMatchObject({
        url: 'data:application/octet-stream;base64,aGk=',
      });
    },
  );

  it.each(['javascript:alert(1)', 'vbscript:x', 'file:///etc/passwd', 'blob:http://localhost/1'])(
    'EVT-6: %s in a reply is no address that a page may follow',
    async (address) => {
      const url = new URL(address);
      const { transport } = chatWith([
        [
          { type: 'file', mediaType: 'image/png', data: { type: 'url', url } },
          { type: 'source', sourceType: 'url', id: 's1', url: address, title: 'Look' },
          'There.',
        ],
      ]);
      const client = new TestChat({ id: 'c1', transport });
      await client.sendMessage({ text: 'Draw' });

      expect(client.error).toBeUndefined();
      expect(client.lastMessage?.parts.map(({ type }) => type)).toEqual([
        'step-start',
        'data-file',
        'source-document',
        'text',
      ]);
      expect(JSON.stringify(client.lastMessage)).not.toContain(address);
    },
  );
});
