import type { DurableContext, DurableDefinition, Message } from '@prusik/core';
import { scriptedModel } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { agentTool, defineAgent } from '../src/index.ts';
import { newEngine, newStore, threadOf } from './support.ts';

/** Roles and texts of what a model was shown. */
const shown = (prompt: readonly { readonly role: string; readonly content: unknown }[] = []): readonly string[] =>
  prompt.map(({ role, content }) => {
    const parts = content as readonly { readonly text?: string; readonly type: string }[];
    return `${role}: ${parts.map(({ text, type }) => text ?? type).join(' ')}`;
  });

const session = { session: { id: 's' } };
const HISTORY = ['user: What is a prusik?', 'assistant: A hitch.'];

/** An agent with another as a tool, and a function that calls that other one; a session in which somebody has asked before. */
async function setUp() {
  const store = newStore();
  const model = scriptedModel(['Round the rope.']);
  const writer = defineAgent({ name: 'writer', description: 'Writes.', instructions: '', model });
  const before = defineAgent({ name: 'before', instructions: '', model: scriptedModel(['A hitch.']) });
  const lead = defineAgent({
    name: 'lead',
    instructions: '',
    model: scriptedModel([{ call: 'writer', input: { prompt: 'In four words' } }, 'Done.']),
    tools: [agentTool(writer, { history: 'snapshot' })],
    delegation: {},
  });
  const flow: DurableDefinition = {
    name: 'flow',
    kind: 'function',
    version: '1',
    run: async (ctx: DurableContext) => {
      const { output } = await ctx.child<string>('write', 'writer', 'In four words', { history: 'snapshot' });
      return output;
    },
  };
  const engine = newEngine([before, writer, lead, flow] as never, { store });
  await engine.run('before', 'What is a prusik?', session);
  const conversation = async (): Promise<readonly Message[]> => {
    const found = await store.messages({ tenant: 'default', of: 'session', id: 's' }, { after: 0, limit: 100 });
    return found.map(({ message }) => message);
  };
  const child = async (parent: string): Promise<string> =>
    (await store.listRuns({ tenant: 'default', parent, limit: 1 })).items[0]?.key.run ?? '';
  return { store, engine, model, conversation, child };
}

it('WFL-8: an agent that a function of a session calls is shown the conversation, and the conversation stays as it is', async () => {
  const { store, engine, model, conversation, child } = await setUp();
  const before = await conversation();

  const result = await engine.run('flow', null, { id: 'r', ...session });

  expect(result).toMatchObject({ status: 'completed', output: 'Round the rope.' });
  expect(shown(model.requests[0]?.prompt)).toEqual([...HISTORY, 'user: In four words']);
  expect(await conversation()).toEqual(before);
  expect(await threadOf(store, 'r')).toEqual([]);
  expect(await threadOf(store, await child('r'))).toHaveLength(4);
});

it('WFL-8: an agent that another calls is shown what was said before the call, and nothing of the round that calls it', async () => {
  const { engine, model, conversation, child, store } = await setUp();

  const result = await engine.run('lead', 'Ask the writer', { id: 'r', ...session });

  expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
  expect(shown(model.requests[0]?.prompt)).toEqual([...HISTORY, 'user: Ask the writer', 'user: In four words']);
  expect((await conversation()).map(({ role }) => role)).toEqual([
    'user',
    'assistant',
    'user',
    'assistant',
    'tool',
    'assistant',
  ]);
  const ids = (await conversation()).map(({ id }) => id);
  expect((await threadOf(store, await child('r'))).slice(0, 3).map(({ id }) => id)).toEqual(ids.slice(0, 3));
});

it('WFL-8: what a summary stands for in the parent’s view it stands for in the child’s', async () => {
  const model = scriptedModel(['Round the rope.']);
  const writer = defineAgent({ name: 'writer', instructions: '', model });
  const said = (id: string, more: Partial<Message> = {}): Message => ({
    v: 1,
    id,
    role: 'user',
    kind: 'user',
    content: [{ type: 'text', text: id }],
    ...more,
  });
  const flow: DurableDefinition = {
    name: 'flow',
    kind: 'function',
    version: '1',
    run: async (ctx: DurableContext) => {
      const summary = said('summary', { kind: 'summary', compaction: { covers: 'b', keeps: ['a'] } });
      await ctx.step('say', ({ append }) => append(said('a'), said('b'), said('c'), summary));
      await ctx.child('write', 'writer', 'Write', { history: 'snapshot' });
      return null;
    },
  };

  await newEngine([writer, flow] as never).run('flow', null);

  expect(shown(model.requests[0]?.prompt)).toEqual(['user: summary', 'user: a', 'user: c', 'user: Write']);
});
