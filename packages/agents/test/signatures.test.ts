import type { Message, Store } from '@prusik/core';
import { signingModel, scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, type LanguageModelObject } from '../src/index.ts';
import { toPromptMessages } from '../src/to-model-messages.ts';
import { finish, streamModel, text } from './stream-model.ts';
import { newEngine, newStore, threadOf } from './support.ts';

const lookTool = (approval: 'always' | 'never') =>
  defineTool({
    name: 'look',
    description: 'Looks',
    input: z.object({ at: z.string() }),
    effect: 'repeatable',
    approval,
    execute: ({ at }) => `${at} is there`,
  });
const look = lookTool('always');
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

  it('of a call comes back to it with its result, too, whatever became of the call, and to no other', async () => {
    const attached = (item: string) => ({ providerMetadata: { acme: { item } } });
    const calls = [
      { type: 'tool-call', toolCallId: 'c1', toolName: 'look', input: '{"at":"a"}', ...attached('i1') },
      { type: 'tool-call', toolCallId: 'c2', toolName: 'gone', input: '{}', ...attached('i2') },
      { type: 'tool-call', toolCallId: 'c3', toolName: 'look', input: '{"at":"a"}' },
      finish('tool-calls'),
    ];
    const model = streamModel('acme:m1', [calls, [...text('It is.'), finish()]]);
    const agent = defineAgent({
      name: 'thinker',
      instructions: '',
      model,
      tools: [lookTool('never')],
    });
    const store = newStore();
    await newEngine([agent], { store }).run('thinker', 'Is a there?', { id: 'r' });

    const results = model.asked[1]?.options.prompt.findLast(({ role }) => role === 'tool')?.content;
    expect(results).toMatchObject([
      { toolCallId: 'c1', providerOptions: { acme: { item: 'i1' } } },
      { toolCallId: 'c2', providerOptions: { acme: { item: 'i2' } } },
      { toolCallId: 'c3' },
    ]);
    expect(results?.[2]).not.toHaveProperty('providerOptions');
    const thread = await threadOf(store, 'r');
    expect(JSON.stringify(toPromptMessages(thread, 'other', new Map()))).not.toContain('item');
    // The record has it once, where the provider put it.
    expect(thread.flatMap(({ role, content }) => (role === 'tool' ? content : []))).toEqual(
      expect.not.arrayContaining([expect.objectContaining({ provider: expect.anything() })]),
    );
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
