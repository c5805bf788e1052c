import { fakeClock, scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { askTool, clientTool, defineAgent, defineTool, type AnyTool } from '../src/index.ts';
import { hurried, keyOf, newEngine, newStore, resultsOf, waitingOn } from './support.ts';

const place = clientTool({
  name: 'place',
  description: 'Where the user is.',
  input: z.object({ precise: z.boolean() }),
  output: z.object({ city: z.string().min(2) }),
  expiresInMs: 5_000,
});
const call = { call: 'place', input: { precise: true } };
const question = { call: 'ask_user', input: { question: 'Which rope?', choices: ['red', 'blue'] } };

function setUp(tools: readonly AnyTool[], script: readonly ScriptedReply[], clock = fakeClock()) {
  const store = newStore({ clock });
  const model = scriptedModel(script);
  const limits = { modelStallMs: 1e9, modelTimeoutMs: 1e9 };
  const engine = newEngine([defineAgent({ name: 'a', instructions: '', model, tools, clock, limits })], {
    store,
    clock,
  });
  const request = async () => (await store.listRequests({ tenant: 'default', limit: 10 })).items.at(-1);
  return { store, model, engine, clock, request };
}

describe('AGT-14: a tool that the client runs', () => {
  it('parks the run with the call and the form of its answer, and the checked answer is the result', async () => {
    const { engine, request, store, model } = setUp([place], [call, 'Done.']);
    const [id = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    expect(await request()).toMatchObject({
      kind: 'client-tool',
      body: { tool: 'place', callId: 'call_1', input: { precise: true } },
      schema: { type: 'object', required: ['city'] },
    });

    for (const value of [null, {}, { city: 'x' }])
      await expect(engine.decide(keyOf('r'), id, { status: 'answered', value })).rejects.toMatchObject({
        code: 'DECISION_INVALID',
      });
    await engine.decide(keyOf('r'), id, { status: 'answered', value: { city: 'Bern', more: 1 } });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });
    expect(await resultsOf(store, 'r')).toEqual({ call_1: { type: 'json', value: { city: 'Bern' } } });
    expect(JSON.stringify(model.requests[1]?.prompt.at(-1))).toContain('Bern');
  });

  it('lets its siblings run meanwhile, and takes no room of theirs', async () => {
    const done: string[] = [];
    const look = defineTool({
      name: 'look',
      description: 'Looks.',
      input: z.object({}),
      effect: 'repeatable',
      execute: () => void done.push('looked'),
    });
    const { store, model } = setUp([], []);
    void model;
    const agent = defineAgent({
      name: 'b',
      instructions: '',
      model: scriptedModel([[call, { call: 'look', input: {} }], 'Done.']),
      tools: [place, look],
      limits: { parallelTools: 1 },
    });
    waitingOn(await newEngine([agent], { store }).run('b', 'Go', { id: 'r' }));
    expect(done).toEqual(['looked']);
  });

  it.each([
    [{ status: 'rejected', reason: 'No right.' } as const, 'QUESTION_REJECTED', 'No right.'],
    [{ status: 'answered', value: { city: '' } } as const, 'ANSWER_INVALID', 'city'],
    [{ status: 'withdrawn' } as const, 'QUESTION_WITHDRAWN', 'withdrawn'],
  ])('tells the model of %j with %s', async (decision, code, text) => {
    const { engine, store } = setUp([place], [call, 'Done.']);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    // As whoever has the store may: an engine lets no wrong answer through.
    await store.decide({ run: keyOf('r'), request, decision });
    await engine.drive(keyOf('r'));
    expect(await resultsOf(store, 'r')).toMatchObject({
      call_1: { type: 'error', code, text: expect.stringContaining(text) },
    });
  });

  it('tells the model when the client took too long, and when the tool is gone since', async () => {
    const { engine, store, clock } = setUp([place], [call, 'Done.']);
    waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    clock.advance(6_000);
    await hurried(clock, engine.drive(keyOf('r')));
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { code: 'QUESTION_EXPIRED' } });

    const other = setUp([place], [call]);
    const [request = ''] = waitingOn(await other.engine.run('a', 'Go', { id: 'r' }));
    const without = defineAgent({ name: 'a', instructions: '', model: scriptedModel(['Done.']) });
    const later = newEngine([without], { store: other.store });
    await later.decide(keyOf('r'), request, { status: 'answered', value: { city: 'Bern' } });
    await later.drive(keyOf('r'));
    expect(await resultsOf(other.store, 'r')).toMatchObject({ call_1: { code: 'TOOL_GONE' } });
  });

  it('asks nobody where its policy denies or nobody attends', async () => {
    const denying = clientTool({
      name: 'place',
      description: '',
      input: z.object({ precise: z.boolean() }),
      output: z.string(),
      policy: ({ input }) => (input.precise ? 'denied' : 'user-approval'),
    });
    const { engine, store } = setUp(
      [denying],
      [call, 'Done.', call, 'Done.', { call: 'place', input: { precise: false } }],
    );
    await engine.run('a', 'Go', { id: 'r' });
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'denied' } });
    expect(await engine.run('a', 'Go', { id: 's', attended: false })).toMatchObject({ status: 'completed' });
    expect(await engine.run('a', 'Go', { id: 't' })).toMatchObject({ status: 'waiting' });
  });

  it('is defined with an answer that has a JSON Schema, and a time that can be', () => {
    const plain = { name: 'x', description: '', input: z.object({}) };
    const wrong = { '~standard': { version: 1 as const, vendor: 'me', validate: (value: unknown) => ({ value }) } };
    expect(() => clientTool({ ...plain, output: wrong })).toThrow(/answer of tool x/);
    expect(() => clientTool({ ...plain, output: z.string(), expiresInMs: 0 })).toThrow(/more than 0/);
    expect(() => clientTool({ ...plain, name: 'no name', output: z.string() })).toThrow(TypeError);
  });
});

describe('REQ-6: an agent that asks a person', () => {
  it('opens a question with choices, and goes on with the answer', async () => {
    const { engine, request, store } = setUp([askTool()], [question, 'Done.']);
    const [id = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    expect(await request()).toMatchObject({
      kind: 'question',
      body: { text: 'Which rope?', choices: ['red', 'blue'], tool: 'ask_user', callId: 'call_1' },
      schema: { type: 'string' },
    });

    await expect(engine.decide(keyOf('r'), id, { status: 'answered', value: '' })).rejects.toMatchObject({
      code: 'DECISION_INVALID',
    });
    await engine.decide(keyOf('r'), id, { status: 'answered', value: 'red' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });
    expect(await resultsOf(store, 'r')).toEqual({ call_1: { type: 'text', text: 'red' } });
  });

  it('has answers of the schema that its author gave', async () => {
    const ask = askTool({ name: 'ask_user', answer: z.object({ metres: z.number().int() }) });
    const { engine, store } = setUp([ask], [question, 'Done.']);
    const [id = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    const answer = (value: string | { readonly metres: number }) =>
      engine.decide(keyOf('r'), id, { status: 'answered', value });
    await expect(answer('long')).rejects.toMatchObject({ code: 'DECISION_INVALID' });
    await answer({ metres: 60 });
    await engine.drive(keyOf('r'));
    expect(await resultsOf(store, 'r')).toEqual({ call_1: { type: 'json', value: { metres: 60 } } });
  });

  it.each([
    [askTool({ expiresInMs: 1_000, fallback: 'blue' }), { type: 'text', text: 'blue' }],
    [askTool({ expiresInMs: 1_000 }), { type: 'error', code: 'QUESTION_EXPIRED' }],
  ])('takes the fallback when nobody answers in time, or is told', async (tool, expected) => {
    const { engine, store, clock } = setUp([tool], [question, 'Done.']);
    waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    clock.advance(2_000);
    await hurried(clock, engine.drive(keyOf('r')));
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: expected });
  });

  it.each([
    [askTool({ fallback: 'blue' }), { type: 'text', text: 'blue' }],
    [askTool(), { type: 'error', code: 'RUN_UNATTENDED', text: expect.stringContaining('Unavailable') }],
  ])('is told at once where nobody attends the run', async (tool, expected) => {
    const { engine, store, request } = setUp([tool], [question, 'Done.']);
    expect(await engine.run('a', 'Go', { id: 'r', attended: false })).toMatchObject({ status: 'completed' });
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: expected });
    expect(await request()).toBeUndefined();
  });

  it.each([{}, { question: '' }, { question: 'x', choices: 'red' }, { question: 'x', choices: [''] }])(
    'is told what is wrong with the question %j',
    async (input) => {
      const { engine, store } = setUp([askTool()], [{ call: 'ask_user', input }, 'Done.']);
      await engine.run('a', 'Go', { id: 'r' });
      expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { code: 'TOOL_INPUT_INVALID' } });
    },
  );
});
