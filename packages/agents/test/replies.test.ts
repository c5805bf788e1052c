import { fakeClock, scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, type AgentLimits } from '../src/index.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, resultsOf, threadOf, untilSaid } from './support.ts';

/** One run of an agent with a tool that counts its calls. */
async function play(script: readonly ScriptedReply[], limits: Partial<AgentLimits> = {}) {
  const clock = fakeClock();
  const executed: string[] = [];
  const look = defineTool({
    name: 'look',
    description: 'Looks.',
    input: z.object({ q: z.string() }),
    effect: 'repeatable',
    execute({ q }) {
      executed.push(q);
      return `saw ${q}`;
    },
  });
  const model = scriptedModel(script);
  const agent = defineAgent({
    name: 'a',
    instructions: 'Look.',
    model,
    tools: [look],
    limits: { modelAttempts: 1, ...limits },
  });
  const store = newStore();
  const result = await hurried(clock, newEngine([agent], { store, clock }).run('a', 'Go', { id: 'r' }));
  return { result, executed, model, thread: await threadOf(store, 'r'), results: await resultsOf(store, 'r'), store };
}

const look = (q = 'x') => ({ call: 'look', input: { q } });
const failed = (code: string) => ({ status: 'failed', error: { code } });

describe('AGT-5: how a reply ends is decided', () => {
  it('never executes a call of a reply that was cut off, and tells the model', async () => {
    const { result, executed, results } = await play([[look(), { finish: 'length' }], 'Sorry.']);

    expect(executed).toEqual([]);
    expect(results).toMatchObject({ call_1: { type: 'error', code: 'TOOL_CALL_TRUNCATED' } });
    expect(result).toMatchObject({ status: 'completed', output: 'Sorry.' });
  });

  it('never executes a call of a reply with an odd end', async () => {
    const { executed, results } = await play([[look(), { finish: 'other' }], 'Sorry.']);

    expect(executed).toEqual([]);
    expect(results).toMatchObject({ call_1: { code: 'TOOL_CALL_INCOMPLETE' } });
  });

  it('fails on text that was cut off, and keeps it', async () => {
    const { result, thread } = await play([['Half a sen', { finish: 'length' }]]);

    expect(result).toMatchObject(failed('MODEL_REPLY_TRUNCATED'));
    expect(thread.at(-1)?.content).toEqual([{ type: 'text', text: 'Half a sen' }]);
  });

  it('fails on a content filter, keeps the text and drops the calls', async () => {
    const { result, thread, executed } = await play([['I must', look(), { finish: 'content-filter' }]]);

    expect(result).toMatchObject(failed('MODEL_REPLY_FILTERED'));
    expect(executed).toEqual([]);
    expect(thread.at(-1)?.content).toEqual([{ type: 'text', text: 'I must' }]);
  });

  it('asks once more after an empty reply, and stores nothing of it', async () => {
    const { result, thread, model } = await play([[{ reasoning: 'hm' }], 'Now.']);

    expect(result).toMatchObject({ status: 'completed', output: 'Now.' });
    expect(thread.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(model.requests[1]?.prompt).toEqual(model.requests[0]?.prompt);
  });

  it('fails clearly after two empty replies', async () => {
    expect((await play(['', ' '])).result).toMatchObject(failed('MODEL_REPLY_EMPTY'));
  });

  it('keeps partial text and drops calls when the provider fails in the middle', async () => {
    const { result, thread, executed, store } = await play([
      ['Well, ', 'so', look(), { error: new Error('overload of sk-abcdefgh12345') }],
    ]);

    expect(result).toMatchObject(failed('MODEL_CALL_FAILED'));
    expect(JSON.stringify(await entriesOf(store, 'r'))).not.toContain('abcdefgh12345');
    expect(executed).toEqual([]);
    expect(thread.at(-1)).toMatchObject({ role: 'assistant', content: [{ type: 'text', text: 'Well, so' }] });
  });

  it('keeps what a stream without an end has said', async () => {
    const { result, thread } = await play([['Half', { finish: 'none' }]]);

    expect(result).toMatchObject(failed('MODEL_INTERRUPTED'));
    expect(thread.at(-1)?.content).toEqual([{ type: 'text', text: 'Half' }]);
  });
});

describe('AGT-8: attempts at a model call', () => {
  const transient = Object.assign(new Error('try later'), { isRetryable: true, statusCode: 503 });

  it('repeats a call that failed in passing, and keeps nothing of the failed attempt', async () => {
    const { result, thread, model } = await play([{ reject: transient }, ['par', { error: transient }], 'Whole.'], {
      modelAttempts: 3,
    });

    expect(result).toMatchObject({ status: 'completed', output: 'Whole.' });
    expect(model.requests).toHaveLength(3);
    expect(thread).toHaveLength(2);
  });

  it('does not repeat what will fail again', async () => {
    const refused = Object.assign(new Error('no such model'), { isRetryable: false, statusCode: 404 });
    const { result, model } = await play([{ reject: refused }], { modelAttempts: 3 });

    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'MODEL_CALL_FAILED', meta: { statusCode: 404, provider: 'scripted' } },
    });
    expect(model.requests).toHaveLength(1);
  });

  it('gives up a model that stalls between two chunks, and one that never comes to an end, by its own clock', async () => {
    for (const [code, limits] of [
      ['MODEL_STALLED', { modelStallMs: 60_000 }],
      ['MODEL_TIMEOUT', { modelStallMs: 400_000, modelTimeoutMs: 300_000 }],
    ] as const) {
      const clock = fakeClock();
      const model = scriptedModel([['Half', { stallMs: 1_000_000 }]], { clock });
      const agent = defineAgent({
        name: 'a',
        instructions: '',
        model,
        clock,
        limits: { ...limits, modelAttempts: 1 },
      });
      const store = newStore();
      const engine = newEngine([agent], { store });
      await engine.start('a', 'Go', { id: 'r' });
      const said = untilSaid(engine, 'r', 'Half');
      const running = engine.drive(keyOf('r'));
      await said;

      clock.advance(350_000);

      expect(await running).toMatchObject(failed(code));
      expect((await threadOf(store, 'r')).at(-1)?.content).toEqual([{ type: 'text', text: 'Half' }]);
      expect(clock.pending).toBe(0);
    }
  });

  it('records usage as it is known: a missing number is unknown, not zero', async () => {
    const { store } = await play([[look(), { inputTokens: 7, outputTokens: 3 }], 'Done.']);

    const ends = (await entriesOf(store, 'r')).flatMap((entry) =>
      entry.type === 'step-end' && entry.kind === 'model' ? [entry.usage] : [],
    );

    expect(ends).toEqual([{ inputTokens: 7, outputTokens: 3 }, {}]);
  });
});

describe('AGT-5, AGT-11: calls that cannot be executed are closed with their reply', () => {
  it.each([
    ['an unknown tool', { call: 'fly', input: {} }, 'TOOL_UNKNOWN', /look/],
    ['input that is not JSON', { call: 'look', rawInput: '{"q": ' }, 'TOOL_INPUT_INVALID', /not JSON/],
    ['input that misses the schema', { call: 'look', input: { q: 1 } }, 'TOOL_INPUT_INVALID', /q: .*string/],
  ])('answers %s with an error result, and the siblings run', async (_, call, code, says) => {
    const { result, executed, results, store } = await play([[call, look('ok')], 'Done.']);

    expect(result).toMatchObject({ status: 'completed' });
    expect(results).toMatchObject({ call_1: { type: 'error', code, text: expect.stringMatching(says) } });
    expect(executed).toEqual(['ok']);
    const steps = (await entriesOf(store, 'r')).filter(({ type }) => type === 'step-end');
    expect(steps).toHaveLength(3);
  });

  it('SES-5: replaces a call id that was used before, or that no key can hold', async () => {
    const same = { ...look('a'), callId: 'same' };
    const { executed, thread, result } = await play([
      [same, { ...look('b'), callId: 'same' }],
      [
        { ...look('c'), callId: 'same' },
        { ...look('d'), callId: 'x'.repeat(500) },
        { ...look('e'), callId: 'a\nb' },
      ],
      'Done.',
    ]);

    expect(result).toMatchObject({ status: 'completed' });
    expect(executed).toEqual(['a', 'b', 'c', 'd', 'e']);
    const ids = thread.flatMap(({ content }) => content.flatMap((part) => ('callId' in part ? [part.callId] : [])));
    expect(new Set(ids).size).toBe(5);
    expect(ids).toContain('same');
    expect(ids.every((id) => /^[\w.:-]{1,64}$/.test(id))).toBe(true);
  });

  it('AGT-2: executes no call past the limit, of a hundred in one reply neither', async () => {
    const { executed, results } = await play([Array.from({ length: 100 }, (_, n) => look(String(n))), 'Done.'], {
      toolCalls: 64,
    });

    expect(executed).toEqual(Array.from({ length: 64 }, (_, n) => String(n)));
    expect(Object.keys(results)).toHaveLength(100);
    expect(results['call_65']).toMatchObject({ code: 'AGENT_TOOL_CALL_LIMIT' });
  });

  it('AGT-2: executes no call of the last step, whose result nobody would read', async () => {
    const { executed, results, result, thread } = await play([look('a'), look('b')], { steps: 2 });

    expect(executed).toEqual(['a']);
    expect(results).toMatchObject({ call_2: { code: 'AGENT_STEP_LIMIT' } });
    expect(result).toMatchObject(failed('AGENT_STEP_LIMIT'));
    expect(thread.at(-1)?.role).toBe('tool');
  });
});

describe('AGT-6: output by schema', () => {
  const output = z.object({ title: z.string(), tags: z.array(z.string()).default([]) });
  const run = async (script: readonly ScriptedReply[], repairs?: number) => {
    const model = scriptedModel(script);
    const limits = repairs === undefined ? {} : { limits: { repairs } };
    const agent = defineAgent({ name: 'a', instructions: '', model, output, ...limits });
    const store = newStore();
    const result = await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });
    return { result, model, thread: await threadOf(store, 'r') };
  };

  it.each(['{"title":"x"}', '```json\n{"title":"x"}\n```', ' {"title":"x"}\n'])(
    'gives what %j says, with the defaults of the schema',
    async (text) => {
      expect((await run([text])).result).toMatchObject({ status: 'completed', output: { title: 'x', tags: [] } });
    },
  );

  it('SES-6: tells the model what is wrong in a message of its own kind, and takes the repaired output', async () => {
    const { result, model, thread } = await run(['{"title": 1}', '{"title":"x"}']);

    expect(result).toMatchObject({ status: 'completed', output: { title: 'x' } });
    expect(JSON.stringify(model.requests[1]?.prompt.at(-1))).toMatch(/title: .*string/);
    expect(thread[2]).toMatchObject({ role: 'user', kind: 'continuation' });
  });

  it('ends in an error outcome past the bound, never in free text', async () => {
    const { result, model } = await run(['no', 'no', 'no'], 2);

    expect(result).toMatchObject(failed('AGENT_OUTPUT_INVALID'));
    model.assertFinished();
  });
});
