import type { Clock } from '@prusik/core';
import { fakeClock, scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bindModels, defineAgent, defineTool, modelRegistry, type AgentLimits, type AnyTool } from '../src/index.ts';
import { httpError } from './stream-model.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, resultsOf, waitingOn } from './support.ts';

const q = z.object({ q: z.string() });
const look = defineTool({
  name: 'look',
  description: 'Looks.',
  input: q,
  effect: 'repeatable',
  execute: ({ q: value }) => `saw ${value}`,
});
const publish = defineTool({
  name: 'publish',
  description: 'Publishes.',
  input: q,
  approval: 'always',
  execute: ({ q: value }) => `published ${value}`,
});
const looks = (n: number) => ({ call: 'look', input: { q: String(n) } });
const gate = { call: 'publish', input: { q: 'x' } };

function agentOf(model: ReturnType<typeof scriptedModel>, limits: Partial<AgentLimits>, more: object = {}) {
  return defineAgent({ name: 'a', instructions: '', model, tools: [look, publish] as AnyTool[], limits, ...more });
}

describe('AGT-2, DUR-6: a run keeps the limits that it began with', () => {
  const generous: Partial<AgentLimits> = {
    steps: 9,
    toolCalls: 20,
    parallelTools: 8,
    tokens: 1e6,
    costMicros: 1e9,
    wallMs: 1e9,
  };

  it.each<[string, Partial<AgentLimits>]>([
    ['steps', { steps: 1 }],
    ['toolCalls', { toolCalls: 0 }],
    ['parallelTools', { parallelTools: 1 }],
    ['tokens', { tokens: 1 }],
    ['costMicros', { costMicros: 1 }],
    ['wallMs', { wallMs: 1 }],
    ['repairs', { repairs: 0 }],
  ])('when a deploy lowers %s between two drives', async (_, lowered) => {
    const clock = fakeClock();
    const second = Promise.withResolvers<void>();
    const unordered = defineTool({
      name: 'look',
      description: 'Looks; the first look ends after the second.',
      input: q,
      effect: 'repeatable',
      async execute({ q: value }) {
        if (value === '1') await second.promise;
        if (value === '2') second.resolve();
      },
    });
    const script: ScriptedReply[] = [
      'Not JSON.',
      [looks(1), looks(2), gate, looks(3), looks(4)],
      { ...gate, input: { q: 'y' } },
      '"Done."',
    ];
    const model = scriptedModel(script);
    const store = newStore({ clock });
    const prices = { input: 1_000, output: 1_000 };
    const more = { model: 'priced', tools: [unordered, publish], output: z.string() };
    const agentWith = (limits: Partial<AgentLimits>) =>
      bindModels(agentOf(model, limits, more), modelRegistry({ priced: { model, prices } }));
    const before = newEngine([agentWith(generous)], { store, clock });
    const [first] = waitingOn(await before.run('a', 'Go', { id: 'r' }));
    await before[Symbol.asyncDispose]();
    clock.advance(5_000);

    const after = newEngine([agentWith({ ...generous, ...lowered })], { store, clock });
    await after.decide(keyOf('r'), first ?? '', { status: 'approved' });
    const [next] = waitingOn(await after.drive(keyOf('r')));
    await after.decide(keyOf('r'), next ?? '', { status: 'approved' });

    expect(await after.drive(keyOf('r'))).toMatchObject({ status: 'completed', output: 'Done.' });
    model.assertFinished();
  });

  it('and what a call in doubt leads to was decided when it was planned', async () => {
    const store = newStore();
    const lost = (inDoubt: 'tell-model' | 'fail') =>
      defineTool({
        name: 'lost',
        description: 'Never settles.',
        input: q,
        timeoutMs: 1_000,
        inDoubt,
        execute: () => new Promise(() => {}),
      });
    const clock = fakeClock();
    const model = scriptedModel([[{ call: 'lost', input: { q: 'x' } }, gate], 'Done.']);
    const agent = (inDoubt: 'tell-model' | 'fail') => agentOf(model, {}, { tools: [lost(inDoubt), publish] });
    const before = newEngine([agent('tell-model')], { store, clock });
    const [request] = waitingOn(await hurried(clock, before.run('a', 'Go', { id: 'r' })));
    await before[Symbol.asyncDispose]();

    const after = newEngine([agent('fail')], { store, clock });
    await after.decide(keyOf('r'), request ?? '', { status: 'approved' });

    expect(await after.drive(keyOf('r'))).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { code: 'STEP_IN_DOUBT' } });
  });
});

describe('AGT-2: the call that would exceed a limit never starts', () => {
  it('of tokens, the first one included, by its prompt and what its reply may take', async () => {
    const model = scriptedModel(['Never.']);
    const agent = agentOf(model, { tokens: 60 }, { settings: { maxOutputTokens: 50 } });

    const result = await newEngine([agent]).run('a', 'A rather long question to begin with');

    expect(result).toMatchObject({ status: 'failed', error: { code: 'AGENT_TOKEN_LIMIT' } });
    expect(model.requests).toEqual([]);
  });

  it('of tokens, after a call that used more than was expected; and no reply may take more than is left', async () => {
    const model = scriptedModel([[looks(1), { inputTokens: 300, outputTokens: 20 }], 'Never.']);
    const agent = agentOf(model, { tokens: 600 }, { settings: { maxOutputTokens: 100 } });

    const result = await newEngine([agent]).run('a', 'Go');

    expect(result).toMatchObject({ status: 'failed', error: { code: 'AGENT_TOKEN_LIMIT' } });
    expect(model.requests).toHaveLength(1);
    const free = scriptedModel(['Done.']);
    await newEngine([agentOf(free, { tokens: 5_000 })]).run('a', 'Go');
    const [request] = free.requests as readonly { readonly maxOutputTokens?: number }[];
    expect(request?.maxOutputTokens).toBeGreaterThan(4_500);
    expect(request?.maxOutputTokens).toBeLessThan(5_000);
  });

  it('of cost, by the prices of the registry; a model without one is not called', async () => {
    const prices = { input: 1_000_000, output: 2_000_000 };
    const agentWith = (model: ReturnType<typeof scriptedModel>, registered: object) =>
      bindModels(
        defineAgent({
          name: 'a',
          instructions: '',
          model: 'priced',
          tools: [look],
          settings: { maxOutputTokens: 100 },
          limits: { costMicros: 1_000 },
        }),
        modelRegistry({ priced: { model, ...registered } }),
      );
    const known = scriptedModel([[looks(1), { inputTokens: 300, outputTokens: 100 }], 'Never.']);
    const unknown = scriptedModel([[looks(1), looks(2)], [looks(3)], [looks(4)], [looks(5)], [looks(6)], 'Never.']);
    const unpriced = scriptedModel(['Never.']);

    const results = [
      await newEngine([agentWith(known, { prices })]).run('a', 'Go'),
      await newEngine([agentWith(unknown, { prices })]).run('a', 'Go'),
      await newEngine([agentWith(unpriced, {})]).run('a', 'Go'),
    ];

    for (const result of results)
      expect(result).toMatchObject({ status: 'failed', error: { code: 'AGENT_COST_LIMIT' } });
    // 500 are spent, and the next call may take 400 and more for its prompt, and 200 for its reply.
    expect(known.requests).toHaveLength(1);
    // What nobody tells counts as what it may have been: more than 200 each.
    expect(unknown.requests.length).toBeGreaterThan(1);
    expect(unknown.requests.length).toBeLessThan(5);
    expect(unpriced.requests).toEqual([]);
  });

  it('of tokens and cost, also after attempts and models that failed and had said something', async () => {
    const prices = { input: 1_000_000, output: 1_000_000 };
    const breaks: ScriptedReply = ['x'.repeat(4_000), { drop: httpError(500) }];
    const run = async (limits: Partial<AgentLimits>, fallbacks: number, budget?: object) => {
      const clock = fakeClock();
      const model = scriptedModel([breaks, 'Never.'], { clock });
      const spec = { model, prices, fallbacks: Array.from({ length: fallbacks }, () => 'other' as const) };
      const agent = defineAgent({
        name: 'a',
        instructions: '',
        model: 'm',
        settings: { maxOutputTokens: 1_100 },
        limits,
        clock,
      });
      const registry = modelRegistry({ m: spec, other: { model, prices } });
      const store = newStore({ clock });
      const engine = newEngine([bindModels(agent, registry)], { store, clock });
      const result = await hurried(clock, engine.run('a', 'Go', { id: 'r', ...(budget ? { budget } : {}) }));
      return { result, asked: model.requests.length, ledger: await store.ledger(keyOf('r')) };
    };
    for (const fallbacks of [0, 1]) {
      expect(await run({ tokens: 1_500 }, fallbacks)).toMatchObject({ result: { status: 'failed' }, asked: 1 });
      expect(await run({ costMicros: 1_500 }, fallbacks)).toMatchObject({ result: { status: 'failed' }, asked: 1 });
    }
    const budgeted = await run({}, 0, { tokens: 1_500 });
    expect(budgeted).toMatchObject({ result: { error: { code: 'BUDGET_EXCEEDED' } }, asked: 1 });
    expect(budgeted.ledger?.used.tokens).toBeLessThan(1_500);
  });

  it('and what a model took that failed is not expected of the next call', async () => {
    const failing = scriptedModel([['x'.repeat(40_000), { drop: httpError(500) }]]);
    const model = scriptedModel([[looks(1), { inputTokens: 20, outputTokens: 5 }], 'Done.']);
    const agent = bindModels(
      agentOf(model, { tokens: 13_000 }, { model: 'm', settings: { maxOutputTokens: 100 } }),
      modelRegistry({ m: { model: failing, fallbacks: [model] } }, { breaker: { failures: 1 } }),
    );

    expect(await newEngine([agent]).run('a', 'Go')).toMatchObject({ status: 'completed', output: 'Done.' });
  });

  it('a reply may take what the registry says where that is less than what is left', async () => {
    const asked = async (registered: object, settings: object) => {
      const model = scriptedModel(['Done.']);
      const agent = agentOf(model, { tokens: 100_000 }, { model: 'm', settings });
      await newEngine([bindModels(agent, modelRegistry({ m: { model, ...registered } }))]).run('a', 'Go');
      return (model.requests as readonly { readonly maxOutputTokens?: number }[])[0]?.maxOutputTokens;
    };

    expect(await asked({ settings: { maxOutputTokens: 1_000 } }, {})).toBe(1_000);
    expect(await asked({ capabilities: { outputTokens: 8_000 } }, {})).toBe(8_000);
    expect(await asked({ settings: { maxOutputTokens: 1_000 } }, { maxOutputTokens: 2_000 })).toBe(2_000);
  });

  it('of a tree, which is charged nothing for a call that was never made', async () => {
    const model = scriptedModel(['Never.']);
    const manager = { name: 'bad', plan: () => JSON.parse('{') };
    for (const more of [{ context: { limit: 10_000, manager } }, { instructions: () => JSON.parse('{') }]) {
      const store = newStore();
      const agent = agentOf(model, {}, { ...more, model: 'm' });
      const registry = modelRegistry({ m: { model, prices: { input: 1_000_000, output: 1_000_000 } } });
      const engine = newEngine([bindModels(agent, registry)], { store });

      const result = await engine.run('a', 'Go', { id: 'r', budget: { tokens: 10_000, costMicros: 10_000 } });

      expect(result).toMatchObject({ status: 'failed' });
      const { used } = (await store.ledger(keyOf('r'))) ?? {};
      expect(used).toMatchObject({ tokens: 0, costMicros: 0 });
    }
  });

  it('of time: a tool that runs, a person who is asked and a model that speaks are given no more than is left', async () => {
    const endless = defineTool({
      name: 'endless',
      description: 'Never settles.',
      input: q,
      effect: 'repeatable',
      timeoutMs: 1e8,
      execute: () => new Promise(() => {}),
    });
    const silent = (clock: Clock) => scriptedModel([['Half', { stallMs: 1e8 }]], { clock });
    const cases: [string, (clock: Clock) => ReturnType<typeof scriptedModel>][] = [
      ['tool', () => scriptedModel([{ call: 'endless', input: { q: 'x' } }, 'Never.'])],
      ['person', () => scriptedModel([gate, 'Never.'])],
      ['model', silent],
    ];
    for (const [who, model] of cases) {
      const clock = fakeClock();
      const store = newStore({ clock });
      const limits = { wallMs: 30_000, modelStallMs: 1e8, modelTimeoutMs: 1e8 };
      const agent = agentOf(model(clock), limits, { tools: [endless, publish], clock });
      const engine = newEngine([agent], { store, clock });
      const started = clock.now();
      let result = await hurried(clock, engine.run('a', 'Go', { id: 'r' }));
      if (result.status === 'waiting') {
        clock.advance(30_000);
        result = await hurried(clock, engine.drive(keyOf('r')));
      }

      expect(result, who).toMatchObject({ status: 'failed', error: { code: 'AGENT_TIME_LIMIT' } });
      const ended = (await entriesOf(store, 'r')).at(-1);
      expect((ended?.at ?? 0) - started, who).toBeGreaterThanOrEqual(30_000);
      expect((ended?.at ?? Infinity) - started, who).toBeLessThan(40_000);
    }
  });
});

describe('AGT-2: the last model call', () => {
  it('can answer without tools, by choice', async () => {
    const model = scriptedModel([looks(1), 'That is what I know.']);

    const result = await newEngine([agentOf(model, { steps: 2, lastStep: 'answer-without-tools' })]).run('a', 'Go');

    expect(result).toMatchObject({ status: 'completed', output: 'That is what I know.' });
    const choices = (model.requests as readonly { toolChoice?: { type: string } }[]).map(
      ({ toolChoice }) => toolChoice,
    );
    expect(choices).toEqual([{ type: 'auto' }, { type: 'none' }]);
  });

  it('is refused its calls otherwise', async () => {
    const store = newStore();
    const model = scriptedModel([looks(1), looks(2)]);

    const result = await newEngine([agentOf(model, { steps: 2 })], { store }).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'AGENT_STEP_LIMIT' } });
    expect(await resultsOf(store, 'r')).toMatchObject({
      call_1: { type: 'text' },
      call_2: { code: 'AGENT_STEP_LIMIT' },
    });
  });
});
