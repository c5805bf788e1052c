// A conversation: one live run at a time, history that survives the process.
import assert from 'node:assert/strict';
import { isPrusikError, type DurableContext, type Json, type Message } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';

const said = (role: 'user' | 'assistant', text: string): Message => ({
  v: 1,
  id: crypto.randomUUID(),
  role,
  kind: role,
  content: [{ type: 'text', text }],
});
const talker = {
  name: 'talker',
  kind: 'agent',
  version: '1',
  openingMessages: (input: Json) => [said('user', String(input))],
  async run(ctx: DurableContext, input: string) {
    const { length } = await ctx.thread.read();
    if (input === 'wait') await ctx.request('ask', { kind: 'question', body: 'Go on?' });
    return ctx.step('model', (step) => {
      step.append(said('assistant', `message ${length + 1}`));
      return length;
    });
  },
} as const;
const engine = createEngine({ store: memoryStore(), definitions: [talker], limits: { parkAfterMs: 0 } });
// #region usage
import { createSessions } from '@prusik/sessions';

const sessions = createSessions(engine);
const chat = await sessions.open('chat-1');

await chat.run(talker, 'hello', { id: 'delivery-1' });
await chat.run(talker, 'hello', { id: 'delivery-1' }); // delivered twice, answered once

await chat.run(talker, 'wait'); // waits for a person, and holds the session
const refused = await chat.run(talker, 'too early').catch((error: unknown) => error);

const { messages } = await chat.window({ turns: 10 });

const removed = await sessions.delete('chat-1'); // cancels what waits, closes it, removes all of it
// #endregion usage
assert(isPrusikError(refused, 'SESSION_BUSY'));
assert.equal(messages.length, 3);
assert.equal(removed?.messages, 3);
await engine[Symbol.asyncDispose]();
