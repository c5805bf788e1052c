import type { AnyDefinition, DurableContext, DurableDefinition, Json, Message, Store } from '@prusik/core';
import { createEngine, type Engine, type EngineOptions } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { onTestFinished } from 'vitest';

export const message = (id: string, role: 'user' | 'assistant', text: string): Message => ({
  v: 1,
  id,
  role,
  kind: role,
  content: [{ type: 'text', text }],
});

const opening = (input: Json): Message[] => [message(`user ${String(input)}`, 'user', String(input))];

/** A talker whose one model call answers with the number of messages that it saw. */
export function talker(model: (seen: number) => Promise<void> | void = () => {}): DurableDefinition<string, string> {
  return {
    name: 'talker',
    kind: 'agent',
    version: '1',
    openingMessages: opening,
    async run(ctx: DurableContext, input: string) {
      const seen = await ctx.thread.read();
      return ctx.step('model', async (step) => {
        await model(seen.length);
        step.append(message(`answer to ${input}`, 'assistant', `answer ${seen.length}`));
        return `answer ${seen.length}`;
      });
    },
  };
}

/** A talker that asks a person first. */
export const asker: DurableDefinition<string, Json> = {
  name: 'asker',
  kind: 'agent',
  version: '1',
  openingMessages: opening,
  async run(ctx: DurableContext) {
    return (await ctx.request('ask', { kind: 'question', body: 'Go on?' })).value ?? null;
  },
};

export function engineFor(
  definitions: readonly AnyDefinition[],
  store: Store = memoryStore(),
  policies: Pick<EngineOptions, 'canAnswer'> = {},
): Engine {
  const engine = createEngine({ store, definitions, limits: { parkAfterMs: 0 }, ...policies });
  onTestFinished(() => engine[Symbol.asyncDispose]());
  return engine;
}

export const textsOf = (messages: readonly { readonly message: Message }[]): string[] =>
  messages.flatMap((stored) => stored.message.content.map((part) => (part.type === 'text' ? part.text : part.type)));
