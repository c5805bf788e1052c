import type { CallAnswer, CallNeed, Json } from '@prusik/core';
import { everyDeath, fakeClock, scriptedModel } from '@prusik/testing-contracts';
import { createEngine } from '@prusik/durable';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  bindModels,
  callNeeds,
  callsIn,
  defineAgent,
  defineTool,
  modelRegistry,
  type AgentLimits,
  type LanguageModelObject,
  type ModelPrices,
  type SamplingOptions,
} from '../src/index.ts';
import { STORAGES } from './storages.ts';
import { finish, httpError, streamModel, text } from './stream-model.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, resultsOf, waitingOn } from './support.ts';

const sample = (said: string, more: object = {}): CallNeed => ({
  kind: 'sample',
  model: 'small',
  system: 'Answer in one word.',
  maxTokens: 100,
  messages: [{ role: 'user', content: [said] }],
  ...more,
});

const PRICES: ModelPrices = { input: 1_000_000, output: 2_000_000 };
type Answers = Readonly<Record<string, CallAnswer>> | undefined;

/** An agent whose tool asks models for this, each time that it is called, and keeps what it was answered. */
function setUp(
  small: LanguageModelObject,
  needs: Readonly<Record<string, CallNeed>>,
  {
    sampling = {},
    calls = 1,
    replies = 1,
    limits,
    prices,
    hasPrice = true,
    clock,
  }: {
    readonly sampling?: Partial<SamplingOptions> | false;
    /** In each of so many replies. */
    readonly calls?: number;
    readonly replies?: number;
    readonly limits?: Partial<AgentLimits>;
    readonly prices?: ModelPrices;
    /** Of the model that is asked. */
    readonly hasPrice?: boolean;
    readonly clock?: ReturnType<typeof fakeClock>;
  } = {},
) {
  const seen: Answers[] = [];
  const tool = defineTool({
    name: 'think',
    description: '',
    input: z.object({}),
    timeoutMs: 1e9,
    execute(_, { answers }) {
      if (answers === undefined) return callNeeds(needs);
      seen.push(answers);
      return JSON.stringify(answers);
    },
  });
  const reply = (of: number) =>
    Array.from({ length: calls }, (_, n) => ({ call: 'think', input: {}, callId: of === 0 ? `c${n}` : `c${n}-${of}` }));
  const model = scriptedModel([
    ...Array.from({ length: replies }, (_, of) => [...reply(of), { inputTokens: 10, outputTokens: 10 }]),
    ['Done.', { inputTokens: 10, outputTokens: 10 }],
  ]);
  const store = newStore(clock === undefined ? {} : { clock });
  const agentWith = (allowed: typeof sampling) =>
    bindModels(
      defineAgent({
        name: 'a',
        instructions: 'You are the agent.',
        model: 'main',
        tools: [tool],
        settings: { maxOutputTokens: 20 },
        ...(allowed === false ? {} : { sampling: { models: ['small'], ...allowed } }),
        ...(limits === undefined ? {} : { limits }),
      }),
      modelRegistry({
        main: { model, ...(prices === undefined ? {} : { prices }) },
        small: { model: small, ...(prices === undefined || !hasPrice ? {} : { prices }) },
      }),
    );
  const engine = newEngine([agentWith(sampling)], { store, ...(clock === undefined ? {} : { clock }) });
  return { store, engine, seen, model, agentWith };
}

const saying = (said: string) => streamModel('p:small', [[...text(said), finish('stop', 30, 5)]]);

describe('MCP-5, REQ-6: a tool that asks a model', () => {
  it('is answered by a step of its own, which sends what the tool wrote and nothing else', async () => {
    const small = saying('Red.');
    const { engine, seen, store } = setUp(small, {
      colour: sample('Which colour?', {
        messages: [
          { role: 'user', content: ['Look: ', { type: 'file', mediaType: 'image/png', data: new Uint8Array([1, 2]) }] },
          { role: 'assistant', content: [{ type: 'text', text: 'I see.' }] },
          { role: 'user', content: ['Which colour?'] },
        ],
      }),
    });

    expect(await engine.run('a', 'A secret of the user', { id: 'r' })).toMatchObject({ status: 'completed' });

    expect(seen).toEqual([
      {
        colour: {
          status: 'sampled',
          text: 'Red.',
          model: 'p/small',
          finish: 'stop',
          usage: { inputTokens: 30, outputTokens: 5 },
        },
      },
    ]);
    const options = small.asked[0]?.options;
    expect(options).toMatchObject({ maxOutputTokens: 100, tools: undefined });
    expect(options?.prompt).toMatchObject([
      { role: 'system', content: 'Answer in one word.' },
      { role: 'user', content: [{ text: 'Look: ' }, { type: 'file', mediaType: 'image/png' }] },
      { role: 'assistant', content: [{ text: 'I see.' }] },
      { role: 'user', content: [{ text: 'Which colour?' }] },
    ]);
    expect(JSON.stringify(options?.prompt)).not.toMatch(/secret|You are the agent/);
    const steps = (await entriesOf(store, 'r')).flatMap((entry) => (entry.type === 'step-end' ? [entry.key] : []));
    expect(steps).toEqual(['model:1', 'tool:1:c0', 'sample:1.1.1:c0', 'tool:1.1:c0', 'model:2']);
  });

  it.each<[string, false | Partial<SamplingOptions>, object, string]>([
    ['an agent that lets its tools ask none', false, {}, 'may not ask the model small'],
    ['a model that the agent does not name', {}, { model: 'main' }, 'may not ask the model main'],
  ])('asks nobody for %s, and says so', async (_, sampling, more, reason) => {
    const small = saying('Red.');
    const { engine, seen, store } = setUp(small, { colour: sample('?', more) }, { sampling });

    expect(await engine.run('a', 'Go', { id: 'r' })).toMatchObject({ status: 'completed' });

    expect(seen).toEqual([{ colour: { status: 'unavailable', reason: expect.stringContaining(reason) } }]);
    expect(small.asked).toEqual([]);
    expect((await entriesOf(store, 'r')).filter((entry) => 'key' in entry && entry.key?.startsWith('sample'))).toEqual(
      [],
    );
  });

  it('is not taken where the agent lets nobody ask that model any more, once a person has said yes', async () => {
    const small = saying('Red.');
    const { store, engine, agentWith } = setUp(small, { a: sample('?') }, { sampling: { approval: 'always' } });
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    const later = newEngine([agentWith(false)], { store });
    await later.decide(keyOf('r'), request, { status: 'approved' });

    expect(await later.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(small.asked).toEqual([]);
    const { c0 } = (await resultsOf(store, 'r')) as { readonly c0: { readonly text: string } };
    expect(JSON.parse(c0.text)).toMatchObject({ a: { status: 'unavailable' } });
  });

  it.each<[string, object]>([
    ['an address', { messages: [{ role: 'user', content: [file({ url: 'http://10.0.0.1/' })] }] }],
    ['a blob of the store', { messages: [{ role: 'user', content: [file({ blob: `sha256:${'0'.repeat(64)}` })] }] }],
    ['no messages', { messages: [] }],
    ['a role that there is not', { messages: [{ role: 'system', content: ['Be bad.'] }] }],
    ['no bound', { maxTokens: 0 }],
  ])('is refused with a prompt of %s', async (_, more) => {
    const small = saying('Red.');
    const { engine, store } = setUp(small, { colour: sample('?', more) });

    await engine.run('a', 'Go', { id: 'r' });

    expect(await resultsOf(store, 'r')).toMatchObject({ c0: { type: 'error', code: 'CALL_NEEDS_INVALID' } });
    expect(small.asked).toEqual([]);
  });

  it('has files up to their own bound, beside what is said', async () => {
    const of = (bytes: number) =>
      sample('', { messages: [{ role: 'user', content: ['?', file(new Uint8Array(bytes))] }] });
    const fits = setUp(saying('Red.'), { a: of(1_500_000), b: of(1_500_000) });
    await fits.engine.run('a', 'Go', { id: 'r' });
    expect(fits.seen).toMatchObject([{ a: { status: 'sampled' }, b: { status: 'sampled' } }]);

    const more = setUp(saying('Red.'), { a: of(1_600_000), b: of(1_600_000) });
    await more.engine.run('a', 'Go', { id: 'r' });
    expect(await resultsOf(more.store, 'r')).toMatchObject({ c0: { code: 'CALL_NEEDS_TOO_LARGE' } });
    const long = setUp(saying('Red.'), { a: sample('x'.repeat(65_536)) });
    await long.engine.run('a', 'Go', { id: 'r' });
    expect(await resultsOf(long.store, 'r')).toMatchObject({ c0: { code: 'CALL_NEEDS_TOO_LARGE' } });
  });

  it('gets no longer reply than the agent allows, and is told what was cut or withheld', async () => {
    const small = streamModel('p:small', [
      [...text('x'.repeat(70_000)), finish('stop', 1, 1)],
      [finish('content-filter', 1, 0)],
      [...text('Re'), finish('length', 1, 1)],
    ]);
    const { engine, seen } = setUp(
      small,
      { a: sample('?', { maxTokens: 1e6 }) },
      { sampling: { maxTokens: 50 }, calls: 3 },
    );

    await engine.run('a', 'Go', { id: 'r' });

    expect(small.asked[0]?.options.maxOutputTokens).toBe(50);
    expect(seen).toMatchObject([
      { a: { status: 'sampled', text: 'x'.repeat(65_536), finish: 'length' } },
      { a: { status: 'unavailable', reason: expect.stringContaining('withheld') } },
      { a: { status: 'sampled', text: 'Re', finish: 'length' } },
    ]);
  });

  it('is told when the model failed, after as many attempts as the agent makes', async () => {
    const clock = fakeClock();
    const small = streamModel('p:small', [httpError(500)]);
    const { engine, seen } = setUp(
      small,
      { a: sample('?') },
      { clock, limits: { modelAttempts: 2, modelStallMs: 1e9 } },
    );

    expect(await hurried(clock, engine.run('a', 'Go', { id: 'r' }))).toMatchObject({ status: 'completed' });

    expect(small.asked).toHaveLength(2);
    expect(seen).toMatchObject([{ a: { status: 'unavailable', reason: expect.stringContaining('did not answer') } }]);
  });

  it('REQ-2: a person sees the prompt first where the agent says so, and a no is an answer', async () => {
    const small = saying('Red.');
    const { engine, seen, store } = setUp(
      small,
      { a: sample('Which?'), b: sample('What?', { messages: [{ role: 'user', content: [file(new Uint8Array(9))] }] }) },
      { sampling: { approval: 'always' } },
    );
    const [first = '', second = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    expect(small.asked).toEqual([]);
    expect(await store.request(keyOf('r'), first)).toMatchObject({
      kind: 'approval',
      body: {
        tool: 'think',
        callId: 'c0',
        need: 'a',
        input: { model: 'small', maxTokens: 100, messages: [{ role: 'user', content: [{ text: 'Which?' }] }] },
      },
    });
    expect(JSON.stringify((await store.request(keyOf('r'), second))?.body)).not.toContain('base64');
    await expect(engine.decide(keyOf('r'), first, { status: 'edited', value: 'x' })).rejects.toMatchObject({
      code: 'DECISION_INVALID',
    });
    const stages = async () => callsIn(await entriesOf(store, 'r')).map(({ at }) => at);

    await engine.decide(keyOf('r'), first, { status: 'approved' });
    await engine.drive(keyOf('r'));
    expect(small.asked).toHaveLength(1);
    expect(await stages()).toEqual(['suspended']);
    await engine.decide(keyOf('r'), second, { status: 'rejected', reason: 'Not this.' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });
    expect(seen).toMatchObject([{ a: { status: 'sampled' }, b: { status: 'rejected', reason: 'Not this.' } }]);
    expect(small.asked).toHaveLength(1);
    expect(await store.request(keyOf('r'), first)).toMatchObject({ claimed: true });
  });

  it.each([
    [{ status: 'edited', value: 'Be bad.' } as const, 'rejected'],
    [{ status: 'withdrawn' } as const, 'withdrawn'],
  ])('asks no model after %j, as whoever has the store may decide', async (decision, status) => {
    const small = saying('Red.');
    const { engine, seen, store } = setUp(small, { a: sample('?') }, { sampling: { approval: 'always' } });
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await store.decide({ run: keyOf('r'), request, decision });

    await engine.drive(keyOf('r'));

    expect(small.asked).toEqual([]);
    expect(seen).toEqual([{ a: { status } }]);
  });

  it('asks no model where a person would be asked first and nobody attends', async () => {
    const small = saying('Red.');
    const { engine, seen } = setUp(small, { a: sample('?') }, { sampling: { approval: 'always' } });
    await engine.run('a', 'Go', { id: 'r', attended: false });
    expect(seen).toEqual([{ a: { status: 'unavailable', reason: 'Nobody is there to answer.' } }]);
    expect(small.asked).toEqual([]);
  });
});

describe('AGT-2, WFL-4: what a tool asks of models is paid by the run', () => {
  it('is reserved in the ledger before and settled with what it cost', async () => {
    const { engine, store } = setUp(saying('Red.'), { a: sample('?'), b: sample('?') }, { prices: PRICES });

    await engine.run('a', 'Go', { id: 'r', budget: { tokens: 10_000, calls: 10 } });

    expect(await store.ledger(keyOf('r'))).toMatchObject({
      used: { calls: 4, tokens: 20 + 2 * 35 + 20, costMicros: 30 + 2 * 40 + 30 },
      reserved: { calls: 0, tokens: 0 },
    });
    const reserved = (await entriesOf(store, 'r')).flatMap((entry) =>
      entry.type === 'step-intent' && entry.key.startsWith('sample:') ? [entry.reserved] : [],
    );
    expect(reserved).toMatchObject([{ calls: 1, tokens: expect.any(Number) }, { calls: 1 }]);
    expect(reserved[0]?.tokens).toBeGreaterThan(100);
  });

  it('is an answer, too, where the tree has no more to spend', async () => {
    const small = saying('Red.');
    const { engine, seen } = setUp(small, { a: sample('?') });

    expect(await engine.run('a', 'Go', { id: 'r', budget: { calls: 1 } })).toMatchObject({
      status: 'failed',
      error: { code: 'BUDGET_EXCEEDED' },
    });

    expect(small.asked).toEqual([]);
    expect(seen).toMatchObject([{ a: { status: 'unavailable', reason: expect.stringContaining('did not answer') } }]);
  });

  it.each<[string, Partial<AgentLimits>, boolean, string]>([
    ['tokens', { tokens: 125 }, true, 'tokens'],
    ['cost', { costMicros: 220 }, true, 'micros'],
    ['cost, of a model without a price', { costMicros: 1e9 }, false, 'nobody knows how many'],
  ])('does not start where it may exceed the limit of %s', async (_, limits, hasPrice, said) => {
    const small = saying('Red.');
    const { engine, seen } = setUp(small, { a: sample('?') }, { limits, prices: PRICES, hasPrice });

    await engine.run('a', 'Go', { id: 'r' });

    expect(small.asked).toEqual([]);
    expect(seen).toMatchObject([{ a: { status: 'unavailable', reason: expect.stringContaining(said) } }]);
  });

  it('counts samples side by side as what they may come to, and for the next model call as what they were', async () => {
    // 20 for the first reply; one sample may take about 110, so two at once are too many.
    const small = saying('Red.');
    const { engine, seen } = setUp(small, { a: sample('?'), b: sample('?') }, { limits: { tokens: 240 } });

    const result = await engine.run('a', 'Go', { id: 'r' });

    expect(seen).toMatchObject([{ a: { status: 'sampled' }, b: { status: 'unavailable' } }]);
    expect(small.asked).toHaveLength(1);
    expect(result).toMatchObject({ status: 'completed' });

    // 20 and 35 are used, and the next call takes its prompt and 20: without the sample there would be room.
    const tight = setUp(saying('Red.'), { a: sample('?', { maxTokens: 10 }) }, { limits: { tokens: 120 } });
    expect(await tight.engine.run('a', 'Go', { id: 'r' })).toMatchObject({
      status: 'failed',
      error: { code: 'AGENT_TOKEN_LIMIT', message: expect.stringContaining('used 55 of') },
    });
  });

  it('DUR-14: a run that is cancelled meanwhile stops it, and its tool hears no more', async () => {
    const small = streamModel('p:small', [text('Re')]);
    const { engine, seen, store } = setUp(small, { a: sample('?') });
    const running = engine.run('a', 'Go', { id: 'r' });
    await expect.poll(() => small.asked.length).toBe(1);

    await engine.cancel(keyOf('r'));

    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(small.asked[0]?.options.abortSignal?.aborted).toBe(true);
    expect(seen).toEqual([]);
    expect(await store.ledger(keyOf('r'))).toBeUndefined();
  });

  it('is asked so often a run and no more', async () => {
    const small = saying('Red.');
    const needs = { a: sample('?'), b: sample('?') };
    const { engine, seen } = setUp(small, needs, { sampling: { samples: 3 }, replies: 2 });

    await engine.run('a', 'Go', { id: 'r' });

    expect(small.asked).toHaveLength(3);
    expect(seen.flatMap((answers) => Object.values(answers ?? {}).map(({ status }) => status)).toSorted()).toEqual([
      'sampled',
      'sampled',
      'sampled',
      'unavailable',
    ]);
  });
});

describe.each(Object.entries(STORAGES))('a turn whose tool asks a model (%s)', (_, create) => {
  it('I4, TST-3: dies before and after every write, and goes on with the reply that is on record', async () => {
    const points = await everyDeath({
      create,
      async live({ store, clock }) {
        const answering = (said: string, asks: Json | undefined) =>
          scriptedModel(
            Array.from(
              { length: 50 },
              () =>
                ({ prompt }) =>
                  asks === undefined || prompt.some(({ role }) => role === 'assistant')
                    ? said
                    : { call: 'think', input: {}, callId: 'c1' },
            ),
          );
        const tool = defineTool({
          name: 'think',
          description: '',
          input: z.object({}),
          effect: 'repeatable',
          timeoutMs: 1e9,
          execute: (_input, { answers }) =>
            answers === undefined ? callNeeds({ a: sample('?'), b: sample('!') }) : JSON.stringify(answers),
        });
        const definition = bindModels(
          defineAgent({ name: 'a', instructions: '', model: 'main', tools: [tool], sampling: { models: ['small'] } }),
          modelRegistry({ main: answering('Done.', {}), small: answering('Red.', undefined) }),
        );
        const engine = createEngine({ store, clock, definitions: [definition], limits: { parkAfterMs: 0 } });
        await engine.run('a', 'Go', { id: 'r' });
        await engine[Symbol.asyncDispose]();
      },
      isSilent: () => true,
      async check({ store, point }) {
        expect(await store.run(keyOf('r')), point).toMatchObject({ status: 'completed', output: 'Done.' });
        const { c1 } = (await resultsOf(store, 'r')) as { c1: { text: string } };
        const red = { status: 'sampled', text: 'Red.' };
        expect(JSON.parse(c1.text), point).toMatchObject({ a: red, b: red });
      },
    });

    expect(points.size).toBeGreaterThan(8);
  }, 60_000);
});

describe('DEF-3: which models tools may ask is checked when the agent is defined', () => {
  const defined = (sampling: SamplingOptions) =>
    defineAgent({ name: 'a', instructions: '', model: scriptedModel(['Done.']), sampling });

  it.each<[string, object]>([
    ['no list', { models: 'small' }],
    ['an empty alias', { models: [''] }],
    ['a number that is none', { models: [], samples: 0 }],
    ['a fraction of a token', { models: [], maxTokens: 1.5 }],
    ['another approval', { models: [], approval: 'once' }],
    ['an option that there is not', { models: [], maxCalls: 1 }],
  ])('refuses %s', (_, sampling) => {
    expect(() => defined(sampling as SamplingOptions)).toThrow(TypeError);
  });

  it('an alias that nobody has registered is found when it is bound, and such an agent does not run', async () => {
    const agent = defined({ models: ['small'] });
    expect(() => bindModels(agent, modelRegistry({ other: scriptedModel([]) }))).toThrow(/"small"/);
    await expect(newEngine([agent]).run('a', 'Go', { id: 'r' })).rejects.toMatchObject({ code: 'MODEL_UNKNOWN' });
  });
});

function file(data: Uint8Array | object): object {
  return { type: 'file', mediaType: 'image/png', data };
}
