import { defineAgent } from '@prusik/agents';
import { contextView, type Message } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';
import { expect, it } from 'vitest';
import { defineHarness } from '../src/index.ts';

it('AGT-9: a conversation that was summarised is the same to the model in a fork, and whole again where the summary is cut off', async () => {
  const store = memoryStore();
  const talker = defineAgent({
    name: 'talker',
    instructions: '',
    model: scriptedModel(Array.from({ length: 60 }, () => 'I found much. '.repeat(150))),
    settings: { maxOutputTokens: 500 },
    context: { limit: 6_000, summaryModel: scriptedModel(Array.from({ length: 9 }, () => 'They talked.')) },
  });
  await using harness = defineHarness({ store, agents: { talker } });
  const threadOf = async (id: string): Promise<readonly Message[]> =>
    (await store.messages({ tenant: 'default', of: 'session', id }, { after: 0, limit: 100 })).map(
      ({ message }) => message,
    );
  const talk = await harness.sessions.open('talk');
  for (let n = 0; n < 14; n += 1) await talk.run(talker, `message ${n}`);
  const thread = await threadOf('talk');
  const view = contextView(thread).messages;

  await harness.sessions.fork('talk', { at: thread.at(-1)?.id ?? '', to: 'fork' });
  const third = thread.filter(({ kind }) => kind === 'user')[2]?.id ?? '';
  await talk.edit(third, talker, 'something else');

  expect(view[0]?.kind).toBe('summary');
  expect(view.length).toBeLessThan(thread.length - 5);
  expect(contextView(await threadOf('fork')).messages).toEqual(view);
  const edited = await threadOf('talk');
  expect(contextView(edited).messages).toEqual(edited);
  expect(edited.slice(0, 5).map(({ kind }) => kind)).toEqual(['user', 'assistant', 'user', 'assistant', 'user']);
});
