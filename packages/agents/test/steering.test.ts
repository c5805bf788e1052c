import { scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../src/index.ts';
import { entriesOf, keyOf, newEngine, newStore } from './support.ts';

const session = { id: 'chat', whenBusy: 'steer' } as const;

/** A conversation in which somebody says more while the agent works (its tool) or answers (its first model call). */
function conversation(script: readonly ScriptedReply[], meanwhile?: string, limits: object = {}) {
  const store = newStore();
  // Another process says it.
  const say = async (text: string): Promise<void> => {
    await other.start('a', text, { id: text, session });
  };
  const work = defineTool({
    name: 'work',
    description: 'Works while somebody speaks.',
    input: z.object({ hears: z.string() }),
    effect: 'repeatable',
    execute: ({ hears }) => say(hears),
  });
  const scripted = scriptedModel(script);
  const model: typeof scripted = {
    ...scripted,
    async doStream(request) {
      if (meanwhile !== undefined && scripted.requests.length === 0) await say(meanwhile);
      return scripted.doStream(request);
    },
  };
  const agent = defineAgent({ name: 'a', instructions: '', model, tools: [work], limits });
  const engine = newEngine([agent], { store });
  const other = newEngine([agent], { store });
  const texts = async (): Promise<readonly string[]> => {
    const stored = await store.messages({ tenant: 'default', of: 'session', id: 'chat' }, { after: 0, limit: 100 });
    return stored.map(({ message: { role, content } }) =>
      [role, ...content.map((part) => (part.type === 'text' ? part.text : part.type))].join(': '),
    );
  };
  return { store, engine, requests: scripted.requests, texts };
}

describe('SES-1: what is said to an agent', () => {
  it('while it works is heeded by its next model call, after the results of the tools, and answered with its answer', async () => {
    const { engine, requests, texts, store } = conversation([{ call: 'work', input: { hears: 'louder' } }, 'LOUD.']);

    const result = await engine.run('a', 'Sing', { id: 'first', session });

    expect(result).toMatchObject({ status: 'completed', output: 'LOUD.' });
    expect(await engine.drive(keyOf('louder'))).toMatchObject({ status: 'completed', output: 'LOUD.' });
    expect(await texts()).toEqual([
      'user: Sing',
      'assistant: tool-call',
      'tool: tool-result',
      'user: louder',
      'assistant: LOUD.',
    ]);
    expect(JSON.stringify(requests[1]?.prompt.at(-1))).toContain('louder');
    const ends = (await entriesOf(store, 'first')).filter(({ type }) => type === 'step-end');
    expect(ends.at(-1)).toMatchObject({ absorbed: ['louder'] });
  });

  it('while it answers is a reason to go on', async () => {
    const { engine, texts } = conversation(['First answer.', 'Second answer.'], 'wait');

    expect(await engine.run('a', 'Go', { id: 'first', session })).toMatchObject({ output: 'Second answer.' });

    expect(await engine.drive(keyOf('wait'))).toMatchObject({ output: 'Second answer.' });
    expect(await texts()).toEqual(['user: Go', 'assistant: First answer.', 'user: wait', 'assistant: Second answer.']);
  });

  it('AGT-2: while it gives an answer after which its limits let it make no call has a turn of its own', async () => {
    const answer = (text: string) => [text, { inputTokens: 100, outputTokens: 10 }];
    const { engine } = conversation([answer('First answer.'), answer('Second answer.')], 'wait', { tokens: 4_300 });

    expect(await engine.run('a', 'Go', { id: 'first', session })).toMatchObject({ output: 'First answer.' });

    expect(await engine.drive(keyOf('wait'))).toMatchObject({ output: 'Second answer.' });
  });

  it('AGT-2: while it makes its last model call has a turn of its own', async () => {
    const { engine } = conversation(['First answer.', 'Second answer.'], 'wait', { steps: 1 });

    expect(await engine.run('a', 'Go', { id: 'first', session })).toMatchObject({ output: 'First answer.' });

    expect(await engine.drive(keyOf('wait'))).toMatchObject({ output: 'Second answer.' });
  });
});
