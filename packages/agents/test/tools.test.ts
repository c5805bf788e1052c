import { PrusikError, type Store } from '@prusik/core';
import { fakeClock, scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, toolContent, type AnyTool, type ToolScope } from '../src/index.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, resultsOf, threadOf } from './support.ts';

const q = z.object({ q: z.string() });
const tool = (execute: (input: { q: string }, scope: ToolScope) => unknown, more: object = {}) =>
  defineTool({ name: 'act', description: 'Acts.', input: q, effect: 'repeatable', execute, ...more });

async function play(tools: readonly AnyTool[], script: readonly ScriptedReply[], more: object = {}) {
  const clock = fakeClock();
  const model = scriptedModel(script);
  const agent = defineAgent({ name: 'a', instructions: '', model, tools, ...more });
  const store = newStore();
  const engine = newEngine([agent], { store, clock });
  const result = await hurried(clock, engine.run('a', 'Go', { id: 'r' }));
  return { result, engine, model, store, results: await resultsOf(store, 'r'), thread: await threadOf(store, 'r') };
}

const act = (value = 'x') => ({ call: 'act', input: { q: value } });
const never = (): Promise<never> => new Promise(() => {});

it('DUR-13: a tool that has no room and did nothing is asked again, and the model is told of what came of that', async () => {
  let asked = 0;
  const busy = tool(
    () => {
      asked += 1;
      if (asked < 3) throw new PrusikError('BUSY', 'no room', { retryable: true, meta: { retryAfterMs: 100 } });
      return 'room';
    },
    { effect: 'once' },
  );

  const { results } = await play([busy], [act(), 'Done.']);

  expect(asked).toBe(3);
  expect(Object.values(results)).toEqual([{ type: 'text', text: 'room' }]);
});

describe('AGT-3, AGT-13: whatever a tool does, the run goes on in a defined way', () => {
  it.each([
    ['an error', new Error('no disk'), { code: 'TOOL_FAILED', text: 'no disk' }],
    ['a PrusikError', new PrusikError('QUOTA', 'full'), { code: 'QUOTA', text: 'full' }],
    ['a string', 'oops', { code: 'TOOL_FAILED', text: 'oops' }],
    ['nothing', undefined, { code: 'TOOL_FAILED' }],
    ['a secret', new Error('Bearer abcdefgh1234'), { text: 'Bearer [redacted]' }],
  ])('tells the model of a tool that throws %s, and its siblings have run', async (_, thrown, told) => {
    const failing = tool(() => {
      throw thrown;
    });
    const other = tool(({ q: value }) => value, { name: 'other' });

    const { result, results } = await play(
      [failing, other],
      [[act(), { call: 'other', input: { q: 'fine' } }], 'Done.'],
    );

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(results).toMatchObject({ call_1: { type: 'error', ...told }, call_2: { text: 'fine' } });
  });

  it('gives the model results in call order, whatever order they came in', async () => {
    const first = Promise.withResolvers<void>();
    const slow = tool(async ({ q: value }) => {
      if (value === 'a') await first.promise;
      else first.resolve();
      return value;
    });

    const { model, thread } = await play([slow], [[act('a'), act('b')], 'Done.']);

    const stored = thread.flatMap(({ content }) =>
      content.flatMap((part) => (part.type === 'tool-result' ? [part.callId] : [])),
    );
    expect(stored).toEqual(['call_2', 'call_1']);
    const shown = model.requests[1]?.prompt.at(-1)?.content as readonly { readonly toolCallId: string }[];
    expect(shown.map(({ toolCallId }) => toolCallId)).toEqual(['call_1', 'call_2']);
  });

  it('runs at most so many tools at once, first come, first served', async () => {
    let running = 0;
    let most = 0;
    const begun: string[] = [];
    const busy = tool(async ({ q: value }) => {
      begun.push(value);
      most = Math.max(most, (running += 1));
      await new Promise(setImmediate);
      running -= 1;
    });

    await play([busy], [['a', 'b', 'c', 'd', 'e'].map(act), 'Done.'], { limits: { parallelTools: 2 } });

    expect(most).toBe(2);
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  it('AGT-4: runs a tool that is not parallel alone, and the others beside each other', async () => {
    const log: string[] = [];
    const logged = (name: string, parallel: boolean) =>
      tool(
        async ({ q: value }) => {
          log.push(`${value} begins`);
          await new Promise(setImmediate);
          log.push(`${value} ends`);
        },
        { name, parallel },
      );
    const call = (name: string, value: string) => ({ call: name, input: { q: value } });

    const { results } = await play(
      [logged('free', true), logged('alone', false)],
      [
        [
          call('free', '1'),
          call('free', '2'),
          call('alone', '3'),
          call('alone', '4'),
          call('free', '5'),
          call('free', '6'),
        ],
        'Done.',
      ],
    );

    const pair = (value: string) => [`${value} begins`, `${value} ends`];
    expect(log.slice(0, 2)).toEqual(['1 begins', '2 begins']);
    expect(log.slice(4, 8)).toEqual([...pair('3'), ...pair('4')]);
    expect(log.slice(8, 10)).toEqual(['5 begins', '6 begins']);
    expect(Object.keys(results)).toHaveLength(6);
  });

  it('AGT-4: gives up a tool that never settles, tells it to stop, and ignores what comes late', async () => {
    const late = Promise.withResolvers<string>();
    let stopped: unknown;
    const hanging = tool(
      (_, { signal }) => {
        signal.addEventListener('abort', () => (stopped = signal.reason));
        return late.promise;
      },
      { timeoutMs: 5_000 },
    );

    const { result, results, store } = await play([hanging], [act(), 'Done.']);
    late.resolve('too late');

    expect(result).toMatchObject({ status: 'completed' });
    expect(results).toMatchObject({ call_1: { type: 'error', code: 'STEP_TIMEOUT' } });
    expect(stopped).toMatchObject({ code: 'STEP_TIMEOUT' });
    expect(await resultsOf(store, 'r')).toEqual(results);
  });

  it.each([
    ['a BigInt', () => 1n],
    ['a text with a BigInt', () => toolContent({ type: 'text', text: 'x', n: 1n } as never)],
    [
      'a cycle',
      () => {
        const cycle: { self?: unknown } = {};
        cycle.self = cycle;
        return cycle;
      },
    ],
    ['a class instance', () => new Map()],
  ])('tells the model when a repeatable tool returns %s', async (_, execute) => {
    const { result, results } = await play([tool(execute)], [act(), 'Done.']);

    expect(result).toMatchObject({ status: 'completed' });
    expect(results).toMatchObject({ call_1: { type: 'error', code: 'STEP_RESULT_NOT_JSON' } });
  });

  it('DUR-4: puts a once tool in doubt whose result cannot be recorded: it has happened', async () => {
    for (const odd of [1n, toolContent({ type: 'text', text: 'x', n: 1n } as never)]) {
      const { results } = await play([tool(() => odd, { effect: 'once' })], [act(), 'Done.']);

      expect(results).toMatchObject({ call_1: { type: 'error', code: 'STEP_IN_DOUBT' } });
    }
  });

  it('DUR-5: a once tool that timed out is in doubt: told to the model, or the run fails, or a person is asked', async () => {
    const hanging = (inDoubt: string) => tool(never, { effect: 'once', timeoutMs: 1_000, inDoubt });

    const told = await play([hanging('tell-model')], [act(), 'Done.']);
    expect(told.result).toMatchObject({ status: 'completed' });
    expect(told.results).toMatchObject({
      call_1: { code: 'STEP_IN_DOUBT', text: expect.stringMatching(/Nobody knows/) },
    });

    const failed = await play([hanging('fail')], [act()]);
    expect(failed.result).toMatchObject({ status: 'failed', error: { code: 'STEP_IN_DOUBT' } });

    const asked = await play([hanging('ask')], [act(), 'Done.']);
    expect(asked.result).toMatchObject({ status: 'blocked', code: 'STEP_IN_DOUBT' });
    const { request } = asked.result as { request: string };
    await asked.engine.decide(keyOf('r'), request, {
      status: 'answered',
      value: { choice: 'happened', output: { id: 7 } },
    });
    expect(await asked.engine.drive(keyOf('r'))).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await resultsOf(asked.store, 'r')).toEqual({ call_1: { type: 'json', value: { id: 7 } } });
  });

  it('DUR-5: asks the check of a tool in doubt first, with the input and the idempotency key of the call', async () => {
    const seen: unknown[] = [];
    const checked = tool(
      async (input, scope) => {
        seen.push([input, scope.idempotencyKey]);
        return never();
      },
      {
        effect: 'once',
        timeoutMs: 1_000,
        check: (input: unknown, scope: { idempotencyKey: string }) => {
          seen.push([input, scope.idempotencyKey]);
          return { became: 'done', value: 'it did' };
        },
      },
    );

    const { results } = await play([checked], [act(), 'Done.']);

    expect(results).toEqual({ call_1: { type: 'text', text: 'it did' } });
    expect(seen).toHaveLength(2);
    expect(seen[0]).toEqual(seen[1]);
  });

  it('keeps the stored call as it was when a tool changes its input', async () => {
    const passthrough = {
      '~standard': {
        version: 1 as const,
        vendor: 'x',
        validate: (value: unknown) => ({ value }),
        jsonSchema: { input: () => ({ type: 'object' }) },
      },
    };
    const mutating = tool(
      (input) => {
        input.q = 'changed';
      },
      { input: passthrough },
    );

    const { thread, model } = await play([mutating], [act('mine'), 'Done.']);

    expect(thread[1]?.content).toMatchObject([{ input: { q: 'mine' } }]);
    expect(JSON.stringify(model.requests[1]?.prompt)).not.toContain('changed');
  });
});

describe('I7: cancel', () => {
  it('reaches a running tool, ends the run, and leaves a history that the next model call can use', async () => {
    const begun = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<unknown>();
    const hanging = tool((_, { signal }) => {
      signal.addEventListener('abort', () => stopped.resolve(signal.reason));
      begun.resolve();
      return never();
    });
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model: scriptedModel([act(), 'Next.']),
      tools: [hanging],
    });
    const store = newStore();
    const engine = newEngine([agent], { store, limits: { cancelGraceMs: 0 } });
    const session = { id: 's' };
    const running = engine.run('a', 'Go', { id: 'r', session });
    await begun.promise;

    await engine.cancel(keyOf('r'));

    expect(await stopped.promise).toMatchObject({ code: 'RUN_CANCELLED' });
    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(await engine.run('a', 'And now?', { id: 'r2', session })).toMatchObject({ output: 'Next.' });
  });
});

describe('DEF-8: context and deps', () => {
  it('AGT-11: gives tools, policies and instructions the context of the run and the deps of this process', async () => {
    interface Deps {
      readonly db: string;
    }
    const types = {} as { deps: Deps; context: { user: string } };
    const seen: unknown[] = [];
    const look = defineTool({
      types,
      name: 'look',
      description: 'Looks.',
      input: q,
      approval: ({ context, deps }) => {
        seen.push(['policy', context.user, deps.db]);
        return 'approved';
      },
      execute(_, { context, deps, run, callId }) {
        seen.push(['tool', context.user, deps.db, run.key.run, callId]);
      },
    });
    const model = scriptedModel([{ call: 'look', input: { q: 'x' } }, 'Done.']);
    const agent = defineAgent({
      types,
      name: 'a',
      model,
      tools: [look],
      instructions: ({ context, deps }) => `For ${context.user} on ${deps.db}`,
    });
    const engine = newEngine([agent], { deps: () => ({ db: 'live' }) });

    await engine.run('a', 'Go', { id: 'r', context: { user: 'ada' } });

    expect(seen).toEqual([
      ['policy', 'ada', 'live'],
      ['policy', 'ada', 'live'],
      ['tool', 'ada', 'live', 'r', 'call_1'],
    ]);
    expect(model.requests[0]?.prompt[0]).toMatchObject({ role: 'system', content: 'For ada on live' });
  });
});

describe('DUR-4: effects', () => {
  it('writes an intent before a once tool, and none before one that may be repeated', async () => {
    for (const [effect, intents] of [
      ['once', 1],
      ['keyed', 0],
      ['repeatable', 0],
    ] as const) {
      const { store } = await play([tool(() => 1, { effect })], [act(), 'Done.']);

      const entries = await entriesOf(store, 'r');

      expect(entries.filter(({ type }) => type === 'step-intent')).toHaveLength(intents);
    }
  });

  it('DUR-5: puts the intents of the once calls that a reply begins with into its commit', async () => {
    const inner = newStore();
    const commits: string[][] = [];
    const commit: Store['commit'] = (given) => {
      commits.push(given.entries.map((entry) => `${entry.type} ${'key' in entry ? entry.key : ''}`.trim()));
      return inner.commit(given);
    };
    const named = (name: string, more: object) =>
      defineTool({ name, description: name, input: z.object({}), execute: () => name, ...more });
    const agent = defineAgent({
      name: 'a',
      instructions: 'x',
      model: scriptedModel([
        [
          { call: 'pay', input: {} },
          { call: 'look', input: {} },
          { call: 'ask', input: {} },
          { call: 'pay', input: {} },
          { call: 'pay', input: {} },
        ],
        'Done.',
      ]),
      tools: [
        named('pay', { effect: 'once' }),
        named('look', { effect: 'repeatable' }),
        named('ask', { effect: 'once', approval: 'always' }),
      ],
      limits: { parallelTools: 3 },
    });

    expect(await newEngine([agent], { store: { ...inner, commit } }).run('a', 'Go', { id: 'r' })).toMatchObject({
      status: 'waiting',
    });
    // What needs a person, what may be repeated and what finds no room yet goes its own way.
    expect(commits[0]).toEqual([
      'run-claim',
      'step-end model:1',
      'step-intent tool:1:call_1',
      'step-intent tool:1:call_4',
    ]);
    const entries = await entriesOf(inner, 'r');
    const intents = entries.filter(({ type }) => type === 'step-intent');
    expect(intents).toMatchObject([
      { key: 'tool:1:call_1', kind: 'tool', name: 'pay', effect: 'once', attempt: 1 },
      { key: 'tool:1:call_4' },
      { key: 'tool:1:call_5' },
    ]);
    expect(await resultsOf(inner, 'r')).toMatchObject({ call_1: { text: 'pay' }, call_4: { text: 'pay' }, call_5: {} });
  });
});
