import { PrusikError, type DurableContext, type DurableDefinition, type Json, type Message } from '@prusik/core';
import { createEngine, type EngineOptions, type EngineWarning, type RunResult } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import {
  createSessions,
  foldUiChunks,
  handleChatTurn,
  toUiMessages,
  toUiMessageStream,
  type ChatOptions,
  type UiMessage,
  type UiMessageChunk,
} from '../src/index.ts';
import { asker, engineFor, message } from './support.ts';

const gate = () => Promise.withResolvers<void>();

/** What goes on without time passing has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
}

const opening = (input: Json): Message[] => [message(crypto.randomUUID(), 'user', String(input))];

/** Answers in as many steps as it is told to, and takes over what is steered to it. */
function steps(
  count: number,
  before: (step: number) => Promise<void> | void = () => {},
): DurableDefinition<Json, undefined> {
  return {
    name: 'steps',
    kind: 'agent',
    version: '1',
    openingMessages: opening,
    async run(ctx: DurableContext) {
      for (let n = 1; n <= count; n += 1)
        await ctx.step(
          `model:${n}`,
          async (step) => {
            await step.absorb();
            step.delta(`part ${n}`);
            await before(n);
            step.append(message(`${ctx.run.key.run}:${n}`, 'assistant', `part ${n}`));
          },
          { kind: 'model' },
        );
      return undefined;
    },
  };
}

function chatOver(
  definition: DurableDefinition<Json, unknown>,
  more: Partial<ChatOptions> = {},
  others: readonly DurableDefinition<Json, unknown>[] = [],
  policies: Pick<EngineOptions, 'canAnswer'> = {},
) {
  const engine = engineFor([definition, ...others], memoryStore(), policies);
  const options: ChatOptions = { engine, sessions: createSessions(engine), definition, access: () => ({}), ...more };
  const ask = (body: object, headers: Record<string, string> = {}) =>
    handleChatTurn(
      new Request('http://localhost/api/chat', {
        method: 'POST',
        headers,
        body: JSON.stringify({ id: 'c1', messages: [], ...body }),
      }),
      options,
    );
  const post = (id: string, text: string, headers: Record<string, string> = {}) =>
    ask({ messages: [{ id, role: 'user', parts: [{ type: 'text', text }] }] }, headers);
  const resume = () => handleChatTurn(new Request('http://localhost/api/chat/c1/stream'), options);
  async function page() {
    const session = await options.sessions.open('c1');
    const { messages } = await session.history();
    return toUiMessages(messages.map((stored) => stored.message));
  }
  return { engine, options, ask, post, resume, page };
}

async function chunksOf(stream: ReadableStream<UiMessageChunk>): Promise<readonly UiMessageChunk[]> {
  const chunks: UiMessageChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

async function shown(response: Response): Promise<UiMessage> {
  const chunks = (await response.text())
    .split('\n\n')
    .filter((block) => block.startsWith('data: {'))
    .map((block) => JSON.parse(block.slice(6)) as UiMessageChunk);
  return foldUiChunks({ id: '', role: 'assistant', parts: [] }, chunks);
}

describe('SES-1: a message that steers a turn', () => {
  it('is shown in the answer that takes it over, and has what follows as its own answer, as the page has it', async () => {
    const begun = gate();
    const first = gate();
    const second = gate();
    const chat = chatOver(
      steps(3, (n) => {
        if (n === 1) begun.resolve();
        return n === 1 ? first.promise : n === 2 ? second.promise : undefined;
      }),
      { whenBusy: 'steer' },
    );
    const one = chat.post('u1', 'first').then(shown);
    await begun.promise;
    const two = await chat.post('u2', 'second');
    first.resolve();
    second.resolve();

    expect((await one).parts).toEqual([
      { type: 'step-start' },
      { type: 'text', text: 'part 1', state: 'done' },
      { type: 'step-start' },
      { type: 'steering-message', id: 'u2', parts: [{ type: 'text', text: 'second' }] },
      { type: 'text', text: 'part 2', state: 'done' },
      { type: 'step-start' },
      { type: 'text', text: 'part 3', state: 'done' },
    ]);
    const answer = await shown(two);
    expect(answer).toEqual({
      id: 'reply:u2',
      role: 'assistant',
      parts: [
        { type: 'step-start' },
        { type: 'text', text: 'part 2', state: 'done' },
        { type: 'step-start' },
        { type: 'text', text: 'part 3', state: 'done' },
      ],
    });
    expect((await chat.page()).at(-1)).toEqual(answer);
  });
});

describe('EVT-6: a turn that waits in a queue', () => {
  it('is streamed when it has its turn, under the name that the page has for it', async () => {
    const first = gate();
    const chat = chatOver(
      steps(1, () => first.promise),
      { whenBusy: 'queue' },
    );
    await chat.post('u1', 'first');
    const two = await chat.post('u2', 'second');
    first.resolve();
    expect(await shown(two)).toEqual((await chat.page()).at(-1));
    expect(await shown(await chat.resume())).toEqual((await chat.page()).at(-1));
  });
});

describe('EVT-6: a turn that waits for somebody', () => {
  it('is streamed to its rest, also to a client that comes while its run is looked at for nothing', async () => {
    const clock = fakeClock();
    const store = memoryStore({ clock });
    await using engine = createEngine({ store, clock, definitions: [asker], limits: { parkAfterMs: 1_000 } });
    const key = { tenant: 'default', run: 'r' };
    const rested = async (driving: Promise<RunResult>): Promise<void> => {
      await settled();
      clock.advance(1_000);
      expect(await driving).toMatchObject({ status: 'waiting' });
    };
    await rested(engine.run('asker', 'Hello', { id: 'r' }));
    await engine.wake(key);
    const looking = engine.drive(key);
    await settled();
    const chunks = chunksOf(toUiMessageStream(engine, key));
    await settled();
    await rested(looking);

    expect(await Promise.race([chunks, settled()])).toMatchObject([
      { type: 'start' },
      { type: 'data-request', data: { status: 'open' } },
      { type: 'finish', finishReason: 'tool-calls' },
    ]);
  });
});

describe('EVT-6, REQ-5: a chat in which several may talk', () => {
  const nameOf = (request: Request): string => request.headers.get('x-user') ?? '';

  it('answers again in the name of who asks for it, whoever spoke before', async () => {
    const chat = chatOver(steps(1), { access: (_, request) => ({ context: { user: nameOf(request) } }) });
    await (await chat.post('u1', 'first', { 'x-user': 'admin' })).text();
    const answer = await chat.ask({ trigger: 'regenerate-message' }, { 'x-user': 'guest' });
    await answer.text();
    const { items } = await chat.engine.store.listRuns({ tenant: 'default', limit: 10 });
    const whole = await Promise.all(items.map(({ key }) => chat.engine.store.run(key)));
    expect(whole.map((run) => run?.context)).toEqual([{ user: 'guest' }, { user: 'admin' }]);
  });

  it('is answered again by its own definition, also where another one ran last', async () => {
    const nightly = { ...steps(1), name: 'nightly' };
    const chat = chatOver(steps(1), {}, [nightly]);
    await (await chat.post('u1', 'first')).text();
    const session = await chat.options.sessions.open('c1');
    await session.run(nightly, 'report', { context: { user: 'system' }, attended: false });
    await (await chat.ask({ trigger: 'regenerate-message', messageId: 'reply:u1' })).text();
    const [again] = (await chat.engine.store.listRuns({ tenant: 'default', limit: 1 })).items;
    expect(again && (await chat.engine.store.run(again.key))).toMatchObject({
      definition: 'steps',
      input: 'first',
      context: null,
      attended: true,
    });
  });
});

describe('EVT-6: what a client may put into a body', () => {
  const asking: DurableDefinition<Json, Json> = {
    name: 'asking',
    kind: 'agent',
    version: '1',
    openingMessages: opening,
    run: async (ctx: DurableContext) =>
      (await ctx.request('ask', { kind: 'client-tool', body: { tool: 'place', callId: 'call' } })).value ?? null,
  };

  it('decides what it decides and is answered, whatever its other parts hold', async () => {
    const chat = chatOver(asking);
    // The longest id that a message may have: the name of its answer is longer.
    const id = 'u'.repeat(200);
    await (await chat.post(id, 'first')).text();
    const parts = [
      { type: 'x', approval: null },
      { type: 'y', approval: 'z', toolCallId: null },
      { type: 'tool-place', toolCallId: 'call', state: 'output-available', output: 'here' },
    ];
    const answer = await chat.ask({ messages: [{ id: `reply:${id}`, role: 'assistant', parts }] });
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('"finish"')]);
    const [run] = (await chat.engine.store.listRuns({ tenant: 'default', limit: 1 })).items;
    expect(run?.status).toBe('completed');
  });

  it('REQ-1: decides what it may, once, and the turn goes on with that, also where the next is refused', async () => {
    const two: DurableDefinition<Json, Json> = {
      ...asking,
      name: 'two',
      async run(ctx: DurableContext) {
        const ask = (callId: string) => ctx.request(callId, { kind: 'client-tool', body: { tool: 'place', callId } });
        const first = ask('one').then(({ value = null }) => ctx.step('go on', () => value));
        await Promise.all([first, ask('two')]);
        return null;
      },
    };
    const asked: string[] = [];
    const chat = chatOver(two, {}, [], {
      canAnswer({ request }) {
        asked.push(request.stepKey);
        return request.stepKey === 'one';
      },
    });
    await (await chat.post('u1', 'first')).text();
    const said = (toolCallId: string) => ({ type: 'tool-place', toolCallId, state: 'output-available', output: 1 });
    const parts = [said('one'), said('one'), said('two')];
    const answer = await chat.ask({ messages: [{ id: 'reply:u1', role: 'assistant', parts }] });
    expect(answer.status).toBe(403);
    const [run] = (await chat.engine.store.listRuns({ tenant: 'default', limit: 1 })).items;
    const read = async () =>
      (await chat.engine.store.entries(run?.key ?? { tenant: '', run: '' }, { after: 0, limit: 100 })).map((entry) =>
        'key' in entry ? entry.key : '',
      );
    await expect.poll(read).toContain('go on');
    expect(asked).toEqual(['one', 'two']);
  });

  it('is refused with a code where it names nothing, and access is not asked about what is no chat', async () => {
    const asked: string[] = [];
    const chat = chatOver(steps(1), { access: (id) => void asked.push(id) });
    for (const id of ['%00', 'x'.repeat(201), '']) {
      const found = await handleChatTurn(new Request(`http://localhost/api/chat/${id}/stream`), chat.options);
      expect([found.status, (await found.json()) as unknown]).toMatchObject([404, { error: { code: 'CHAT_UNKNOWN' } }]);
    }
    for (const body of [
      { trigger: 'regenerate-message', messageId: 'reply:' },
      { messages: [{ id: 'reply:', role: 'assistant', parts: [] }] },
      ...['a', 'a/b\r\nc: d', `a/${'b'.repeat(500)}`].map((mediaType) => ({
        messages: [{ id: 'u', role: 'user', parts: [{ type: 'file', mediaType, url: 'data:;base64,AAAA' }] }],
      })),
    ]) {
      const refused = await chat.ask(body);
      expect([refused.status, (await refused.json()) as unknown]).toMatchObject([
        400,
        { error: { code: 'CHAT_BODY_INVALID' } },
      ]);
    }
    expect(asked).toEqual([]);
  });

  it('is refused where its client goes away in the middle of it, and nobody else hears of that', async () => {
    const warned: EngineWarning[] = [];
    const chat = chatOver(steps(1), { onWarning: (warning) => warned.push(warning) });
    const body = new ReadableStream({
      pull(controller) {
        if (controller.desiredSize === 1) controller.enqueue(Buffer.from('{"id":'));
        controller.error(new Error('ECONNRESET of 10.0.0.1'));
      },
    });
    const request = new Request('http://localhost/api/chat', { method: 'POST', body, duplex: 'half' } as RequestInit);
    const refused = await handleChatTurn(request, chat.options);

    expect([refused.status, await refused.json()]).toEqual([
      400,
      {
        error: {
          code: 'CHAT_BODY_INVALID',
          message: 'The body cannot be read',
          path: 'body',
          problem: 'broke off',
          retryable: false,
        },
      },
    ]);
    expect(warned).toEqual([]);
  });

  it('is told why in a sentence, beside the message that is meant', async () => {
    const refused = await chatOver(steps(1)).ask({ trigger: 'regenerate-message', messageId: 'u9' });
    expect(await refused.json()).toMatchObject({
      error: { code: 'MESSAGE_UNKNOWN', message: 'The chat has no such message' },
    });
    const unread = await chatOver(steps(1)).ask({ messages: [{ id: 'u1', role: 'user', parts: [] }] });
    expect(await unread.json()).toEqual({
      error: {
        code: 'CHAT_BODY_INVALID',
        message: 'The body cannot be read',
        path: 'messages.at(-1).parts',
        problem: 'says nothing',
        retryable: false,
      },
    });
  });

  it.each<[string, unknown, number, object]>([
    [
      'a store that names its place',
      new PrusikError('STORE_UNAVAILABLE', 'CANARY', { retryable: true, meta: { path: 'CANARY' } }),
      503,
      { code: 'STORE_UNAVAILABLE', message: 'The server cannot be used at the moment', retryable: true },
    ],
    [
      'what the client is to know of it',
      new PrusikError('SESSION_BUSY', 'CANARY', {
        meta: { runId: 'r', status: 'waiting', requestIds: [], more: 'CANARY' },
      }),
      409,
      {
        code: 'SESSION_BUSY',
        message: 'Another turn holds the chat',
        runId: 'r',
        status: 'waiting',
        requestIds: [],
        retryable: false,
      },
    ],
    [
      'a condition of the program',
      new PrusikError('SHOP_CLOSED', 'CANARY', { meta: { till: 'CANARY' } }),
      422,
      { code: 'SHOP_CLOSED', message: 'The request was refused', retryable: false },
    ],
    [
      'the first of two errors',
      Object.assign(new Error('CANARY'), {
        name: 'SuppressedError',
        suppressed: new PrusikError('SHOP_CLOSED', 'CANARY'),
      }),
      422,
      { code: 'SHOP_CLOSED', message: 'The request was refused', retryable: false },
    ],
    [
      'a code that is a text',
      new PrusikError('CANARY of a customer', 'CANARY'),
      500,
      { code: 'CHAT_FAILED', message: 'The request failed', retryable: false },
    ],
    [
      'an error of no code',
      new Error('CANARY'),
      500,
      { code: 'CHAT_FAILED', message: 'The request failed', retryable: false },
    ],
  ])('I11: is told of an error by its code, in fixed words: %s', async (_, thrown, status, error) => {
    const warnings: EngineWarning[] = [];
    const chat = chatOver(steps(1), {
      input: () => {
        throw thrown;
      },
      onWarning: (warning) => warnings.push(warning),
    });

    const refused = await chat.post('u1', 'first');

    expect([refused.status, await refused.json()]).toEqual([status, { error }]);
    // Who runs the server hears of what is not for its clients.
    const isTheirs = status === 409 || status === 503;
    expect(warnings.map(({ cause }) => cause)).toEqual(isTheirs ? [] : [thrown]);
  });
});

describe('AGT-13: a transform of a chat', () => {
  const round: Record<string, unknown> = { type: 'data-x' };
  round['data'] = round;

  it.each([
    ['a promise', async () => ({ type: 'finish' })],
    ['null', () => null],
    ['a number', () => 5],
    ['a chunk that no text can hold', () => round],
    ['a BigInt in a list', () => [{ type: 'data-x', data: 1n }]],
  ])('that gives %s ends the stream with an error, and is told of', async (_, transform) => {
    const warnings: string[] = [];
    const chat = chatOver(steps(1), {
      hooks: { transform: transform as never },
      onWarning: ({ message: text }) => warnings.push(text),
    });
    const sent = await (await chat.post('u1', 'first')).text();
    expect(sent).toMatch(/^data: \{"type":"error".*\}\n\ndata: \[DONE\]\n\n$/);
    expect(warnings).toEqual(['The stream of a turn failed']);
  });
});

describe('EVT-5: the first text of a turn', () => {
  it('is not taken back by the claim that is told with its commit', async () => {
    const sent = await (await chatOver(steps(2)).post('u1', 'first')).text();
    expect(sent).toContain('part 2');
    expect(sent).not.toContain('reset-step');
  });
});

describe('EVT-6: what is done after a turn', () => {
  it('is done once for each time it rests, however many pages follow it', async () => {
    const rests: string[] = [];
    const held = gate();
    const twice: DurableDefinition<Json, Json> = {
      ...steps(1),
      name: 'twice',
      async run(ctx: DurableContext) {
        await ctx.step('work', () => held.promise);
        return (
          (await ctx.request('ask', { kind: 'client-tool', body: { tool: 'place', callId: 'call' } })).value ?? null
        );
      },
    };
    const work: Promise<void>[] = [];
    const chat = chatOver(twice, {
      hooks: { postProcess: ({ result }) => void rests.push(result.status) },
      waitUntil: (promise) => void work.push(promise),
    });
    const pages = [await chat.post('u1', 'first'), await chat.post('u1', 'first'), await chat.resume()];
    held.resolve();
    await Promise.all([...pages.map((page) => page.text()), ...work]);
    await (await chat.resume()).text();
    await Promise.all(work);
    expect(rests).toEqual(['waiting']);

    const parts = [{ type: 'tool-place', toolCallId: 'call', state: 'output-available', output: 'here' }];
    const answer = { messages: [{ id: 'reply:u1', role: 'assistant', parts }] };
    await Promise.all([(await chat.ask(answer)).text(), (await chat.resume()).text()]);
    await (await chat.resume()).text();
    await (await chat.post('u1', 'first')).text();
    await Promise.all(work);
    expect(rests).toEqual(['waiting', 'completed']);
  });
});

describe('SES-1: a turn that asks while others have something to say', () => {
  const place = (toolCallId: string) => ({ type: 'tool-place', toolCallId, state: 'output-available', output: 'here' });
  const asks = (before: (ctx: DurableContext) => Promise<unknown>): DurableDefinition<Json, Json> => ({
    ...steps(1),
    name: 'asks',
    async run(ctx: DurableContext, input: Json) {
      if (input !== 'first') return input;
      await before(ctx);
      return (await ctx.request('ask', { kind: 'client-tool', body: { tool: 'place', callId: 'call' } })).value ?? null;
    },
  });

  it('is followed by what stands in the queue behind it once it was answered', async () => {
    const chat = chatOver(
      asks(async () => {}),
      { whenBusy: 'queue' },
    );
    await (await chat.post('u1', 'first')).text();
    const behind = (await chat.post('u2', 'second')).text();
    const { key } = (await chat.engine.store.listRuns({ tenant: 'default', limit: 1 })).items[0] ?? { key: null };
    expect(await chat.engine.drive(key ?? { tenant: '', run: '' })).toMatchObject({ status: 'waiting' });
    await (await chat.ask({ messages: [{ id: 'reply:u1', role: 'assistant', parts: [place('call')] }] })).text();
    expect(await behind).toContain('"finish"');
  });

  it('is answered in the message that steered it, as the page shows it', async () => {
    const held = gate();
    const chat = chatOver(
      asks(async (ctx) => {
        await ctx.step('work', () => held.promise);
        await ctx.step('model', (step) => step.absorb(), { kind: 'model' });
      }),
      { whenBusy: 'steer' },
    );
    const first = chat.post('u1', 'first').then(shown);
    await expect
      .poll(async () => (await chat.engine.store.session({ tenant: 'default', session: 'c1' }))?.activeRun)
      .toBeDefined();
    const second = await chat.post('u2', 'second');
    held.resolve();
    const asked = await shown(second);
    await first;
    expect(asked).toMatchObject({ id: 'reply:u2' });
    const answer = await chat.ask({ messages: [{ id: 'reply:u2', role: 'assistant', parts: [place('call')] }] });
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('"messageId":"reply:u2"')]);
    const { items } = await chat.engine.store.listRuns({ tenant: 'default', limit: 10 });
    expect(items.map(({ status }) => status)).toEqual(['completed', 'completed']);
  });
});
