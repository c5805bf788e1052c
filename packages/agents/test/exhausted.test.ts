import { withChildren, type Store } from '@prusik/core';
import { fakeClock, scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { agentTool, defineAgent, defineTool, type AgentLimits } from '../src/index.ts';
import { hurried, keyOf, newEngine, newStore, resultsOf } from './support.ts';

const look = defineTool({
  name: 'look',
  description: 'Looks.',
  input: z.object({}),
  effect: 'repeatable',
  execute: () => 'seen',
});
const working = (text: string): ScriptedReply => [
  ...(text === '' ? [] : [text]),
  { call: 'look', input: {} },
  { inputTokens: 100, outputTokens: 100 },
];

/** An agent that says one thing after another and never comes to an end. */
function endless(
  limits: Partial<AgentLimits>,
  texts: readonly string[] = ['First.', 'Second.', 'Third.'],
  more: object = {},
) {
  return defineAgent({
    name: 'a',
    instructions: '',
    description: 'Works.',
    model: scriptedModel(texts.map(working)),
    tools: [look],
    limits: { whenExhausted: 'partial', ...limits },
    ...more,
  });
}

const partialOf = async (store: Store, run = 'r') => (await store.run(keyOf(run)))?.partial;

describe('WFL-10: what an agent has whose limits are used up', () => {
  it.each([
    ['AGENT_STEP_LIMIT', { steps: 2 }],
    ['AGENT_TOKEN_LIMIT', { tokens: 4_700 }],
  ] as const)('%s: is the text that it said last, marked with the code', async (code, limits) => {
    const store = newStore();

    const result = await newEngine([endless(limits)], { store }).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'completed', output: 'Second.', partial: { code } });
    expect(await partialOf(store)).toMatchObject({ code });
  });

  it.each([
    ['AGENT_STEP_LIMIT', 'where the agent does not say so', endless({ steps: 2, whenExhausted: 'fail' })],
    ['AGENT_STEP_LIMIT', 'where nothing was said', endless({ steps: 2 }, ['', ''])],
    [
      'AGENT_STEP_LIMIT',
      'where the output has a schema',
      endless({ steps: 2 }, undefined, { output: z.object({ n: z.number() }) }),
    ],
    [
      'MODEL_REPLY_FILTERED',
      'for another reason',
      defineAgent({
        name: 'a',
        instructions: '',
        model: scriptedModel([working('First.'), ['No.', { finish: 'content-filter' }]]),
        tools: [look],
        limits: { whenExhausted: 'partial' },
      }),
    ],
  ] as const)('%s: fails as ever %s', async (code, _, agent) => {
    expect(await newEngine([agent]).run('a', 'Go')).toMatchObject({ status: 'failed', error: { code } });
  });

  it('is never what was said before it in the session', async () => {
    const store = newStore();
    const session = { id: 's', whenBusy: 'refuse' } as const;
    const first = defineAgent({ name: 'first', instructions: '', model: scriptedModel(['Before.']) });
    const engine = newEngine([first, endless({ steps: 1 }, [''])], { store });
    await engine.run('first', 'Hello', { id: 'before', session });

    expect(await engine.run('a', 'Go', { id: 'r', session })).toMatchObject({
      status: 'failed',
      error: { code: 'AGENT_STEP_LIMIT' },
    });
  });

  it('is whole where the last model call answers without tools', async () => {
    const model = scriptedModel([working('First.'), 'The answer.']);
    const limits = { steps: 2, lastStep: 'answer-without-tools', whenExhausted: 'partial' } as const;
    const agent = defineAgent({ name: 'a', instructions: '', model, tools: [look], limits });
    const store = newStore();

    expect(await newEngine([agent], { store }).run('a', 'Go', { id: 'r' })).toMatchObject({ output: 'The answer.' });
    expect(await partialOf(store)).toBeUndefined();
  });

  it('BUDGET_EXCEEDED: when its tree may spend no more', async () => {
    const store = newStore();
    const engine = newEngine([endless({})], { store });

    expect(await engine.run('a', 'Go', { id: 'r', budget: { tokens: 4_700 } })).toMatchObject({
      status: 'completed',
      output: 'Second.',
      partial: { code: 'BUDGET_EXCEEDED' },
    });
  });

  it('AGENT_TIME_LIMIT: when its time is up', async () => {
    const clock = fakeClock();
    const store = newStore({ clock });
    const slow = defineTool({
      name: 'look',
      description: 'Looks.',
      input: z.object({}),
      effect: 'repeatable',
      execute: () => new Promise((resolve) => void clock.after(40_000, () => resolve('seen'))),
    });
    const agent = endless({ wallMs: 60_000 }, undefined, { tools: [slow] });

    const running = newEngine([agent], { store, clock }).run('a', 'Go', { id: 'r' });

    expect(await hurried(clock, running)).toMatchObject({
      status: 'completed',
      output: 'Second.',
      partial: { code: 'AGENT_TIME_LIMIT' },
    });
  });

  it('AGT-2: a turn says it for itself, and a run keeps what it began with', async () => {
    const says = (whenExhausted: 'fail' | 'partial') => ({ turn: { whenExhausted } });
    const engine = newEngine([endless({ steps: 2, whenExhausted: 'fail' }, ['1', '2', '3', '4', '5', '6'])]);

    expect(await engine.run('a', 'Go', says('partial'))).toMatchObject({ status: 'completed', output: '2' });
    expect(await engine.run('a', 'Go', says('fail'))).toMatchObject({ status: 'failed' });
    await expect(engine.run('a', 'Go', says('maybe' as never))).rejects.toThrow(TypeError);
  });
});

describe('WFL-10: a tree of agents that is used up', () => {
  it('hands back what a child has, and the model reads that it is not whole', async () => {
    const store = newStore();
    const lead = defineAgent({
      name: 'lead',
      instructions: '',
      model: scriptedModel([{ call: 'a', input: { prompt: 'x' } }, 'Good enough.']),
      tools: [agentTool(endless({ steps: 2 }))],
      delegation: {},
    });

    const result = await newEngine(withChildren(lead), { store }).run('lead', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'completed', output: 'Good enough.' });
    expect(await resultsOf(store, 'r')).toMatchObject({
      call_1: { type: 'text', text: expect.stringMatching(/^Second\.\n\[This is not the whole: AGENT_STEP_LIMIT: /) },
    });
  });

  it('says so for all that it calls by its policy', async () => {
    const ends = async (whenExhausted: 'fail' | 'partial') => {
      const store = newStore();
      const lead = defineAgent({
        name: 'lead',
        instructions: '',
        model: scriptedModel([{ call: 'a', input: { prompt: 'x' } }, 'Done.']),
        tools: [agentTool(endless({ steps: 2, whenExhausted: 'fail' }))],
        delegation: { whenExhausted },
      });
      await newEngine(withChildren(lead), { store }).run('lead', 'Go', { id: 'r' });
      return (await resultsOf(store, 'r'))['call_1'];
    };

    expect(await ends('partial')).toMatchObject({ type: 'text', text: expect.stringContaining('Second.') });
    expect(await ends('fail')).toMatchObject({ type: 'error', code: 'AGENT_STEP_LIMIT' });
  });
});
