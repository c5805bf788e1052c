import type { Message, Store } from '@prusik/core';
import { signingModel, scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, type LanguageModelObject } from '../src/index.ts';
import { newEngine, newStore, threadOf } from './support.ts';

const look = defineTool({
  name: 'look',
  description: 'Looks',
  input: z.object({ at: z.string() }),
  effect: 'repeatable',
  approval: 'always',
  execute: ({ at }) => `${at} is there`,
});
const agentOf = (model: LanguageModelObject) =>
  defineAgent({ name: 'thinker', instructions: '', model, tools: [look] });

const THINKS: ScriptedReply = [
  { reasoning: 'I have to ' },
  { reasoning: 'look.' },
  'I look.',
  { call: 'look', input: { at: 'a' }, callId: 'c1' },
];
const ANSWERS: ScriptedReply = [{ reasoning: 'It is there.' }, 'It is there.'];

/** A turn that waits for a person, and goes on in another process with another instance of the model. */
async function resumed(change: (message: Message) => Message = (message) => message) {
  const inner = newStore();
  const engine = newEngine([agentOf(signingModel([THINKS]))], { store: inner });
  const waiting = await engine.run('thinker', 'Is a there?', { id: 'r' });
  if (waiting.status !== 'waiting') throw new Error(`It is ${waiting.status}`);
  await engine.decide(waiting.run, waiting.requests[0]?.request ?? '', { status: 'approved' });
  const store: Store = {
    ...inner,
    messages: async (...args) =>
      (await inner.messages(...args)).map(({ n, message }) => ({ n, message: change(message) })),
  };
  const model = signingModel([ANSWERS]);
  return { result: await newEngine([agentOf(model)], { store }).drive(waiting.run), store: inner };
}

describe('SES-12: what a provider signed', () => {
  it('comes back to it unchanged and in its place when another process goes on with the turn, and in the turns after it', async () => {
    const { result, store } = await resumed();
    expect(result).toMatchObject({ status: 'completed', output: 'It is there.' });

    const before = await threadOf(store, 'r');
    const later: Store = {
      ...store,
      messages: async (_, page) =>
        'after' in page && page.after > 0 ? [] : before.map((message, n) => ({ n: n + 1, message })),
    };
    expect(await newEngine([agentOf(signingModel(['Yes.']))], { store: later }).run('thinker', 'Sure?')).toMatchObject({
      output: 'Yes.',
    });
  });

  const spoilt: Record<string, (part: Message['content'][number]) => readonly Message['content'][number][]> = {
    'a thought that somebody changed': (part) => [
      part.type === 'reasoning' ? { ...part, text: `${part.text}!` } : part,
    ],
    'a thought without its signature': (part) => {
      if (part.type !== 'reasoning') return [part];
      return [{ type: 'reasoning', text: part.text }];
    },
    'a call without its thought': (part) => (part.type === 'reasoning' ? [] : [part]),
  };

  it.each(Object.entries(spoilt))('is looked at: the double refuses %s', async (_, spoil) => {
    const { result } = await resumed((message) =>
      message.role === 'assistant' ? { ...message, content: message.content.flatMap(spoil) } : message,
    );

    expect(result).toMatchObject({ status: 'failed', error: { code: 'MODEL_CALL_FAILED', meta: { statusCode: 400 } } });
  });

  it('is not shown to another provider, which goes on without it', async () => {
    const store = newStore();
    const engine = newEngine([agentOf(signingModel([THINKS]))], { store });
    const waiting = await engine.run('thinker', 'Is a there?');
    if (waiting.status !== 'waiting') throw new Error(`It is ${waiting.status}`);
    await engine.decide(waiting.run, waiting.requests[0]?.request ?? '', { status: 'approved' });
    const other = scriptedModel(['Yes.'], { provider: 'other' });

    expect(await newEngine([agentOf(other)], { store }).drive(waiting.run)).toMatchObject({ output: 'Yes.' });
    expect(JSON.stringify(other.requests[0]?.prompt)).not.toMatch(/signature|I have to/);
  });
});
