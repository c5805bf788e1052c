import { defineAgent, defineTool, type AgentLimits } from '@prusik/agents';
import type { Entry, RunEvent, ToolOutput } from '@prusik/core';
import { defineHarness } from '@prusik/harness';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock, type FakeClock } from '@prusik/testing-contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createWording } from '../src/models.ts';
import { startChatServer, type Answer, type ChatServer } from './chat-server.ts';

const disposables: (() => PromiseLike<void>)[] = [];
afterEach(async () => {
  for (const dispose of disposables.splice(0).toReversed()) await dispose();
});

const LIMITS: Partial<AgentLimits> = { modelStallMs: 60_000, modelTimeoutMs: 300_000 };

/** A run of an agent over a real server, on a clock that only the test moves. */
async function play(answer: Answer, limits: Partial<AgentLimits> = {}) {
  const chat: ChatServer = await startChatServer(answer);
  disposables.push(() => chat[Symbol.asyncDispose]());
  const clock = fakeClock();
  const executed: string[] = [];
  const look = defineTool({
    name: 'look',
    description: 'Looks.',
    input: z.object({ q: z.string() }),
    effect: 'repeatable',
    execute({ q }) {
      executed.push(q);
      return `saw ${q}`;
    },
  });
  const { model } = createWording({ model: 'openai-compatible:m', baseUrl: chat.url }, {});
  const agent = defineAgent({ name: 'a', instructions: '', model, tools: [look], limits: { ...LIMITS, ...limits } });
  const store = memoryStore({ clock });
  const harness = defineHarness({ store, agents: { a: agent }, clock, ephemeral: true, limits: { parkAfterMs: 0 } });
  disposables.push(() => harness[Symbol.asyncDispose]());
  const run = await harness.start('a', 'Go', { id: 'r' });
  const events: RunEvent[] = [];
  const heard = (async () => {
    for await (const event of harness.events('r')) events.push(event);
  })();
  return {
    chat,
    clock,
    executed,
    harness,
    drive: () => harness.drive(run.key),
    /** Of the model's steps, once the run is over. */
    async ends(): Promise<readonly Extract<Entry, { type: 'step-end' }>[]> {
      await heard;
      const entries = await store.entries(run.key, { after: 0, limit: 1_000 });
      return entries.flatMap((entry) => (entry.type === 'step-end' && entry.kind === 'model' ? [entry] : []));
    },
    /** What a reader saw of each attempt. */
    async seen(): Promise<readonly string[]> {
      await heard;
      const said = new Map<string, string>();
      for (const { event } of events.flatMap((one) => (one.live ? [one] : []))) {
        if (event.type !== 'step-delta' || event.block.kind !== 'text') continue;
        const key = `${event.key}#${event.attempt}`;
        said.set(key, `${said.get(key) ?? key}${said.has(key) ? '' : ' '}${event.text}`);
      }
      return [...said.values()];
    },
    async results(): Promise<readonly ToolOutput[]> {
      const stored = await store.messages({ tenant: 'default', of: 'run', id: 'r' }, { after: 0, limit: 1_000 });
      return stored.flatMap(({ message }) =>
        message.content.flatMap((part) => (part.type === 'tool-result' ? [part.output] : [])),
      );
    },
  };
}

/** Time passes only while nobody is at work: until a pause between attempts is over. */
async function untilAsked(chat: ChatServer, clock: FakeClock, times: number): Promise<void> {
  while (chat.requests.length < times) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    clock.advance(250);
  }
}

const done: Answer = async (reply) => {
  await reply.text('Done.');
  reply.end();
};

describe('AGT-8: a server that misbehaves', { timeout: 30_000 }, () => {
  it('says nothing at all: the call is given up when it stalls, its connection is closed, and it is made again', async () => {
    const asked = Promise.withResolvers<void>();
    const game = await play((reply, body, number) => (number === 1 ? asked.resolve() : done(reply, body, number)));
    const running = game.drive();
    await asked.promise;

    game.clock.advance(60_000);
    await game.chat.closed(1);
    await untilAsked(game.chat, game.clock, 2);

    expect(await running).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await game.ends()).toMatchObject([{ attempt: 2 }]);
  });

  it('stalls between two chunks: what a reader saw is voided, and the call is made again', async () => {
    const said = Promise.withResolvers<void>();
    const game = await play(async (reply, body, number) => {
      if (number > 1) return done(reply, body, number);
      await reply.text('Half');
      said.resolve();
    });
    const running = game.drive();
    await said.promise;
    for await (const event of game.harness.events('r')) if (event.live && event.event.type === 'step-delta') break;

    game.clock.advance(60_000);
    await game.chat.closed(1);
    await untilAsked(game.chat, game.clock, 2);

    expect(await running).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await game.seen()).toEqual(['model:1#1 Half', 'model:1#2 Done.']);
    expect(await game.ends()).toMatchObject([{ attempt: 2, usage: { estimated: true } }]);
  });

  it('drops the connection in the middle of its stream', async () => {
    const game = await play(async (reply, body, number) => {
      if (number > 1) return done(reply, body, number);
      await reply.text('Half');
      reply.raw.destroy();
    });
    const running = game.drive();

    await untilAsked(game.chat, game.clock, 2);

    expect(await running).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await game.seen()).toEqual(['model:1#1 Half', 'model:1#2 Done.']);
  });

  it('drops it on every attempt: the run fails, and what was said last is kept', async () => {
    const game = await play(
      async (reply) => {
        await reply.text('Half');
        reply.raw.destroy();
      },
      { modelAttempts: 2 },
    );
    const running = game.drive();

    await untilAsked(game.chat, game.clock, 2);

    expect(await running).toMatchObject({
      status: 'failed',
      error: { code: 'MODEL_CALL_FAILED', meta: { class: 'unavailable' } },
    });
    expect(await game.seen()).toEqual(['model:1#1 Half', 'model:1#2 Half']);
  });

  it('has no room and says for how long: the run parks, uses up no attempt, and goes on', async () => {
    const game = await play(
      (reply, body, number) => (number === 1 ? reply.fail(429, { 'retry-after': '120' }) : done(reply, body, number)),
      { modelAttempts: 1 },
    );

    const parked = await game.drive();
    expect(parked).toMatchObject({ status: 'waiting', wakeAt: expect.any(Number) });
    game.clock.advance(130_000);

    expect(await game.drive()).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(game.chat.requests).toHaveLength(2);
  });

  it('has no room and does not say for how long: it is asked again, less and less often, without using up an attempt', async () => {
    const game = await play((reply, body, number) => (number <= 4 ? reply.fail(429) : done(reply, body, number)), {
      modelAttempts: 1,
    });
    const running = game.drive();

    await untilAsked(game.chat, game.clock, 5);

    expect(await running).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await game.ends()).toMatchObject([{ attempt: 5 }]);
  });

  it('sends half a tool call and breaks off: nothing is executed of it, and the call is made again', async () => {
    const game = await play(async (reply, body, number) => {
      if (number > 1) return done(reply, body, number);
      await reply.send({
        tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'look', arguments: '{"q":"x' } }],
      });
      reply.raw.end();
    });
    const running = game.drive();

    await untilAsked(game.chat, game.clock, 2);

    expect(await running).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(game.executed).toEqual([]);
  });

  it('sends half a tool call and says that it was cut: nothing is executed, and the model is told', async () => {
    const game = await play(async (reply, body, number) => {
      if (number > 1) return done(reply, body, number);
      await reply.send({
        tool_calls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'look', arguments: '{"q":"x' } }],
      });
      reply.end('length');
    });

    expect(await game.drive()).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(game.executed).toEqual([]);
    expect(await game.results()).toMatchObject([{ type: 'error', code: 'TOOL_CALL_TRUNCATED' }]);
  });

  it('sends two calls under one id: both are executed, and closed under ids of their own', async () => {
    const game = await play(async (reply, body, number) => {
      if (number > 1) return done(reply, body, number);
      await reply.call('c1', 'look', '{"q":"a"}');
      await reply.call('c1', 'look', '{"q":"b"}');
      reply.end();
    });

    expect(await game.drive()).toMatchObject({ status: 'completed' });
    expect(game.executed.toSorted()).toEqual(['a', 'b']);
    const [, second] = game.chat.requests;
    const ids = second?.body.messages.flatMap(({ tool_calls: calls = [] }) => calls.map(({ id }) => id)) ?? [];
    expect(new Set(ids).size).toBe(2);
  });

  it('sends a hundred calls: as many are executed as the run may make, and all are closed', async () => {
    const game = await play(
      async (reply, body, number) => {
        if (number > 1) return done(reply, body, number);
        for (let n = 1; n <= 100; n += 1) await reply.call(`c${n}`, 'look', `{"q":"${n}"}`);
        reply.end();
      },
      { toolCalls: 10 },
    );

    expect(await game.drive()).toMatchObject({ status: 'completed' });
    expect(game.executed).toHaveLength(10);
    expect(await game.results()).toHaveLength(100);
  });

  it.each<[string, Answer]>([
    [
      'a page of HTML',
      (reply) => void reply.raw.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
    ],
    ['nothing at all', (reply) => void reply.raw.writeHead(200, { 'content-type': 'text/event-stream' }).end()],
    [
      'an event that is no JSON',
      (reply) =>
        void reply.raw
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .end('data: {"choices": [\n\ndata: [DONE]\n\n'),
    ],
    [
      'an event of another protocol',
      (reply) =>
        void reply.raw
          .writeHead(200, { 'content-type': 'text/event-stream' })
          .end('data: {"choices":"none"}\n\ndata: [DONE]\n\n'),
    ],
    [
      'a server’s own page of failure',
      (reply) => void reply.raw.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>'),
    ],
  ])('answers with %s: that is a failure that may pass', async (_, garbage) => {
    const game = await play((reply, body, number) => (number === 1 ? garbage : done)(reply, body, number));
    const running = game.drive();

    await untilAsked(game.chat, game.clock, 2);

    expect(await running).toMatchObject({ status: 'completed', output: 'Done.' });
  });

  it('AGT-10: is left when the run is cancelled, and what it said is kept', async () => {
    const game = await play(async (reply) => reply.text('Half'));
    const running = game.drive();
    for await (const event of game.harness.events('r')) if (event.live && event.event.type === 'step-delta') break;

    await game.harness.cancel('r');

    expect(await running).toMatchObject({ status: 'cancelled' });
    await game.chat.closed(1);
    expect(await game.ends()).toMatchObject([{ usage: { estimated: true } }]);
  });
});
