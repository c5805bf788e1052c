import type { DurableContext, DurableDefinition, Json, Message } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import {
  createSessions,
  foldUiChunks,
  handleChatTurn,
  toUiMessages,
  type ChatOptions,
  type UiMessage,
  type UiMessageChunk,
} from '../src/index.ts';
import { engineFor, message } from './support.ts';

const gate = () => Promise.withResolvers<void>();

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

function chatOver(definition: DurableDefinition<Json, undefined>, more: Partial<ChatOptions> = {}) {
  const engine = engineFor([definition]);
  const options: ChatOptions = { engine, sessions: createSessions(engine), definition, access: () => ({}), ...more };
  const post = (id: string, text: string) =>
    handleChatTurn(
      new Request('http://localhost/api/chat', {
        method: 'POST',
        body: JSON.stringify({ id: 'c1', messages: [{ id, role: 'user', parts: [{ type: 'text', text }] }] }),
      }),
      options,
    );
  const resume = () => handleChatTurn(new Request('http://localhost/api/chat/c1/stream'), options);
  async function page() {
    const session = await options.sessions.open('c1');
    const { messages } = await session.history();
    return toUiMessages(messages.map((stored) => stored.message));
  }
  return { engine, options, post, resume, page };
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
    const first = gate();
    const second = gate();
    const chat = chatOver(
      steps(3, (n) => (n === 1 ? first.promise : n === 2 ? second.promise : undefined)),
      { whenBusy: 'steer' },
    );
    const one = chat.post('u1', 'first').then(shown);
    await expect
      .poll(async () => (await chat.engine.store.session({ tenant: 'default', session: 'c1' }))?.activeRun)
      .toBeDefined();
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
