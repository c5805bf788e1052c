import type { CallAnswer, CallNeed, Json, JsonObject, RequestKind } from '@prusik/core';
import { fakeClock, scriptedModel, type FakeClock, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  callNeeds,
  callsIn,
  defineAgent,
  defineTool,
  type AgentLimits,
  type AnyTool,
  type ToolOptions,
} from '../src/index.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, resultsOf, waitingOn } from './support.ts';

const input = z.object({ n: z.number().default(1) });
const question: CallNeed = {
  kind: 'question',
  body: { text: 'Which rope?' },
  schema: { type: 'string', minLength: 2 },
};
const deep = (levels: number): JsonObject =>
  JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`) as JsonObject;
const signIn: CallNeed = { kind: 'sign-in', body: { server: 'tracker' } };

interface Seen {
  readonly answers: Readonly<Record<string, CallAnswer>> | undefined;
  readonly state: Json | undefined;
  readonly input: number;
  readonly key: string;
}

type Options = ToolOptions<'book', typeof input, string, unknown, Json>;

/** A tool that asks once, and returns what it was answered. */
function asking(
  needs: Readonly<Record<string, CallNeed>>,
  more: Partial<Omit<Options, 'execute' | 'name' | 'input'>> = {},
  rounds = 1,
) {
  const seen: Seen[] = [];
  const tool = defineTool({
    description: 'Books.',
    ...more,
    name: 'book',
    input,
    execute({ n }, { answers, state, idempotencyKey }) {
      seen.push({ answers, state, input: n, key: idempotencyKey });
      return seen.length <= rounds ? callNeeds(needs, { step: seen.length }) : JSON.stringify(answers);
    },
  });
  return { seen, tool };
}

const book = (callId: string, n = 1) => ({ call: 'book', input: { n }, callId });

function setUp(
  tools: readonly AnyTool[],
  calls: readonly { readonly call: string; readonly input: Json; readonly callId: string }[] = [book('c1')],
  { clock, limits }: { readonly clock?: FakeClock; readonly limits?: Partial<AgentLimits> } = {},
) {
  const store = newStore(clock === undefined ? {} : { clock });
  const model = scriptedModel([calls, 'Done.']);
  const agentOf = (with_: readonly AnyTool[] = tools, script = model) =>
    defineAgent({ name: 'a', instructions: '', model: script, tools: with_, ...(limits ? { limits } : {}) });
  const engine = newEngine([agentOf()], { store, ...(clock === undefined ? {} : { clock }) });
  const open = async (kind?: RequestKind) =>
    (
      await store.listRequests({
        tenant: 'default',
        status: ['open'],
        ...(kind === undefined ? {} : { kind: [kind] }),
        limit: 100,
      })
    ).items;
  const stages = async () => callsIn(await entriesOf(store, 'r')).map(({ callId, at }) => `${callId} ${at}`);
  return { store, engine, model, open, stages, agentOf };
}

describe('REQ-6: a tool that cannot go on before somebody has said something', () => {
  it('opens all that it needs at once, parks, and is executed again with the answers and its state', async () => {
    const { tool, seen } = asking({ rope: question, account: signIn });
    const { engine, store, open, stages } = setUp([tool]);
    const [first = '', second = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    expect(await open()).toMatchObject([
      {
        id: first,
        kind: 'question',
        stepKey: 'input:1.1.1:c1',
        body: { text: 'Which rope?', tool: 'book', callId: 'c1', need: 'rope' },
        schema: { type: 'string' },
      },
      {
        id: second,
        kind: 'sign-in',
        stepKey: 'input:1.1.2:c1',
        body: { server: 'tracker', callId: 'c1', need: 'account' },
      },
    ]);
    expect(await stages()).toEqual(['c1 suspended']);

    await engine.decide(keyOf('r'), second, { status: 'answered' });
    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'waiting', requests: [{ request: first }] });
    expect(seen).toHaveLength(1);
    expect(await stages()).toEqual(['c1 suspended']);
    await engine.decide(keyOf('r'), first, { status: 'answered', value: 'red' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed', output: 'Done.' });
    const answers = { rope: { status: 'answered', value: 'red' }, account: { status: 'answered', value: null } };
    expect(seen).toMatchObject([
      { answers: undefined, state: undefined },
      { answers, state: { step: 1 } },
    ]);
    expect(seen[0]?.key).not.toBe(seen[1]?.key);
    expect(await resultsOf(store, 'r')).toEqual({ c1: { type: 'text', text: JSON.stringify(answers) } });
  });

  it('says itself which call a request is about, whatever its body claims', async () => {
    const { tool } = asking({ rope: { kind: 'question', body: { tool: 'x', callId: 'y', need: 'z' } } });
    const { engine, open } = setUp([tool]);
    waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    expect(await open()).toMatchObject([{ body: { tool: 'book', callId: 'c1', need: 'rope' } }]);
  });

  it('TST-3: another process goes on, long after the one that asked is gone', async () => {
    const { tool } = asking({ rope: question });
    const { engine, store } = setUp([tool]);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await engine[Symbol.asyncDispose]();

    const later = asking({ rope: question }, {}, 0);
    const other = newEngine(
      [defineAgent({ name: 'a', instructions: '', model: scriptedModel(['Done.']), tools: [later.tool] })],
      { store },
    );
    await other.decide(keyOf('r'), request, { status: 'answered', value: 'blue' });

    expect(await other.drive(keyOf('r'))).toMatchObject({ status: 'completed' });
    expect(later.seen).toMatchObject([{ answers: { rope: { value: 'blue' } }, state: { step: 1 } }]);
  });

  it('refuses an answer that does not fit, or is too large, and the request stays open', async () => {
    const { tool } = asking({ rope: question });
    const { engine } = setUp([tool]);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));

    for (const value of ['', 7, null, 'x'.repeat(65_536)])
      await expect(engine.decide(keyOf('r'), request, { status: 'answered', value })).rejects.toMatchObject({
        code: 'DECISION_INVALID',
      });

    expect(await engine.decide(keyOf('r'), request, { status: 'answered', value: 'ok' })).toMatchObject({
      outcome: 'decided',
    });
  });

  it('MCP-4: an answer to a sign-in holds nothing, so no token stands in a record', async () => {
    const { tool, seen } = asking({ account: signIn });
    const { engine, store } = setUp([tool]);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await expect(
      engine.decide(keyOf('r'), request, { status: 'answered', value: { code: 'secret' } }),
    ).rejects.toMatchObject({ code: 'DECISION_INVALID' });

    // As whoever has the store may.
    await store.decide({ run: keyOf('r'), request, decision: { status: 'answered', value: 'secret' } });
    await engine.drive(keyOf('r'));

    expect(seen[1]?.answers).toEqual({ account: { status: 'answered', value: null } });
  });

  it.each([
    [{ status: 'rejected', reason: 'No.' } as const, { status: 'rejected', reason: 'No.' }],
    [{ status: 'withdrawn', reason: 'superseded' } as const, { status: 'withdrawn', reason: 'superseded' }],
    [
      { status: 'answered', value: 7 } as const,
      { status: 'unavailable', reason: expect.stringContaining('not what was asked for') },
    ],
  ])('is told of %j as of an answer', async (decision, answer) => {
    const { tool, seen } = asking({ rope: question });
    const { engine, store } = setUp([tool]);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await store.decide({ run: keyOf('r'), request, decision });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(seen[1]?.answers).toEqual({ rope: answer });
  });

  it('is told of a reason as far as it is not too long', async () => {
    const { tool, seen } = asking({ rope: question });
    const { engine } = setUp([tool]);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await engine.decide(keyOf('r'), request, { status: 'rejected', reason: `No: ${'x'.repeat(10_000)}` });

    await engine.drive(keyOf('r'));

    expect(seen[1]?.answers).toMatchObject({ rope: { reason: expect.stringMatching(/^No: x[^]{500,2100}$/) } });
  });

  it('takes the time that is up as an answer', async () => {
    const clock = fakeClock();
    const { tool, seen } = asking({ rope: { ...question, expiresInMs: 5_000 } }, { timeoutMs: 1e9 });
    const { engine } = setUp([tool], undefined, { clock, limits: { modelStallMs: 1e9, modelTimeoutMs: 1e9 } });
    waitingOn(await engine.run('a', 'Go', { id: 'r' }));

    clock.advance(6_000);

    expect(await hurried(clock, engine.drive(keyOf('r')))).toMatchObject({ status: 'completed' });
    expect(seen[1]?.answers).toEqual({ rope: { status: 'expired' } });
  });

  it('AGT-2: waits no longer than the run may take', async () => {
    const clock = fakeClock();
    const { tool } = asking({ rope: question }, { timeoutMs: 1e9 });
    const { engine, open } = setUp([tool], undefined, { clock, limits: { wallMs: 60_000 } });
    waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    const [request] = await open();
    expect((request?.expiresAt ?? 0) - (request?.openedAt ?? 0)).toBeLessThanOrEqual(60_000);
    expect(request?.expiresAt).not.toBeNull();
  });

  it.each([
    ['which would put it in doubt', 'never'],
    ['where nobody has to say what became of it', 'always'],
  ] as const)('AGT-2: is not executed again once the time of the run is up, %s', async (_what, approval) => {
    const clock = fakeClock();
    const { tool, seen } = asking({ rope: question }, { effect: 'once', approval });
    const { engine, store } = setUp([tool], undefined, { clock, limits: { wallMs: 60_000 } });
    let [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    if (approval === 'always') {
      await engine.decide(keyOf('r'), request, { status: 'approved' });
      [request = ''] = waitingOn(await engine.drive(keyOf('r')));
    }
    clock.advance(60_000);

    expect(await hurried(clock, engine.drive(keyOf('r')))).toMatchObject({
      status: 'failed',
      error: { code: 'AGENT_TIME_LIMIT' },
    });

    expect(await store.request(keyOf('r'), request)).toMatchObject({ status: 'expired' });
    expect(seen).toHaveLength(1);
    expect(await resultsOf(store, 'r')).toMatchObject({ c1: { type: 'error', code: 'AGENT_TIME_LIMIT' } });
  });

  it('is told at once where nobody attends the run', async () => {
    const { tool, seen } = asking({ rope: question, account: signIn });
    const { engine, store } = setUp([tool]);

    expect(await engine.run('a', 'Go', { id: 'r', attended: false })).toMatchObject({ status: 'completed' });

    const nobody = { status: 'unavailable', reason: 'Nobody is there to answer.' };
    expect(seen[1]?.answers).toEqual({ rope: nobody, account: nobody });
    expect((await store.listRequests({ tenant: 'default', limit: 1 })).items).toEqual([]);
  });

  it('asks again up to eight times, and then its call is an error result', async () => {
    const { tool, seen } = asking({ rope: question }, {}, 100);
    const { engine, store } = setUp([tool]);
    let result = await engine.run('a', 'Go', { id: 'r' });
    for (let round = 1; result.status === 'waiting'; round += 1) {
      const [request = ''] = waitingOn(result);
      expect(seen).toHaveLength(round);
      await engine.decide(keyOf('r'), request, { status: 'answered', value: `answer ${round}` });
      result = await engine.drive(keyOf('r'));
    }

    expect(result).toMatchObject({ status: 'completed' });
    expect(seen).toHaveLength(9);
    expect(seen[8]).toMatchObject({ state: { step: 8 }, answers: { rope: { value: 'answer 8' } } });
    expect(await resultsOf(store, 'r')).toMatchObject({ c1: { type: 'error', code: 'CALL_NEEDS_LIMIT' } });
  });

  it.each<[string, unknown, Json, string]>([
    ['no needs', {}, null, 'CALL_NEEDS_INVALID'],
    ['17 needs', Object.fromEntries(Array.from({ length: 17 }, (_, n) => [n, question])), null, 'CALL_NEEDS_INVALID'],
    ['a need that is none', { a: null }, null, 'CALL_NEEDS_INVALID'],
    ['another kind', { a: { kind: 'approval', body: {} } }, null, 'CALL_NEEDS_INVALID'],
    ['a question without a body', { a: { kind: 'question', body: 'Which?' } }, null, 'CALL_NEEDS_INVALID'],
    ['a schema that is none', { a: { ...question, schema: 'string' } }, null, 'CALL_NEEDS_INVALID'],
    ['a time that is none', { a: { ...question, expiresInMs: 0 } }, null, 'CALL_NEEDS_INVALID'],
    ['a name that is too long', { ['x'.repeat(201)]: question }, null, 'CALL_NEEDS_INVALID'],
    [
      'a body that is too large',
      { a: { ...question, body: { text: 'x'.repeat(65_536) } } },
      null,
      'CALL_NEEDS_TOO_LARGE',
    ],
    ['a state that is too large', { a: question }, 'x'.repeat(65_536), 'CALL_NEEDS_TOO_LARGE'],
    ['a state that is no JSON', { a: question }, (() => {}) as never, 'CALL_NEEDS_INVALID'],
    ['a body that is as deep as a value may be', { a: { ...question, body: deep(999) } }, null, 'CALL_NEEDS_INVALID'],
    ['a state that is as deep as a value may be', { a: question }, deep(1_000), 'CALL_NEEDS_INVALID'],
  ])('its call is an error result for %s, and nobody is asked', async (_, needs, state, code) => {
    const tool = defineTool({
      name: 'book',
      description: '',
      input,
      // In doubt is what nobody knows of, and this is known.
      effect: 'once',
      execute: () => callNeeds(needs as Readonly<Record<string, CallNeed>>, state),
    });
    const { engine, store } = setUp([tool]);

    expect(await engine.run('a', 'Go', { id: 'r' })).toMatchObject({ status: 'completed' });

    expect(await resultsOf(store, 'r')).toMatchObject({ c1: { type: 'error', code } });
  });

  it('is not executed again where it is another tool by then', async () => {
    const { tool } = asking({ rope: question });
    const { engine, store, agentOf } = setUp([tool]);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    const changed = asking({ rope: question }, { version: '2' }, 0);
    const later = newEngine([agentOf([changed.tool], scriptedModel(['Done.']))], { store });
    await later.decide(keyOf('r'), request, { status: 'answered', value: 'red' });

    expect(await later.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(changed.seen).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({
      c1: { type: 'error', code: 'TOOL_CHANGED', text: expect.stringContaining('find out before you repeat it') },
    });
  });

  it('a result that only looks like needs is a result', async () => {
    const tool = defineTool({
      name: 'book',
      description: '',
      input,
      execute: (): unknown => ({ type: 'needs', needs: { rope: question }, state: null }),
    });
    const { engine, store } = setUp([tool]);
    expect(await engine.run('a', 'Go', { id: 'r' })).toMatchObject({ status: 'completed' });
    expect(await resultsOf(store, 'r')).toMatchObject({ c1: { type: 'json', value: { type: 'needs' } } });
  });
});

describe('REQ-4: approvals, siblings and effects of a call that has to be answered', () => {
  it('uses its approval up once, and keeps what a person has edited', async () => {
    const { tool, seen } = asking({ rope: question }, { approval: 'always' });
    const { engine, store } = setUp([tool]);
    const [approval = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    await engine.decide(keyOf('r'), approval, { status: 'edited', value: { n: 9 } });
    const [request = ''] = waitingOn(await engine.drive(keyOf('r')));
    expect(await store.request(keyOf('r'), approval)).toMatchObject({ claimed: true });
    await engine.decide(keyOf('r'), request, { status: 'answered', value: 'red' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(seen.map((one) => one.input)).toEqual([9, 9]);
  });

  it('asks its policy again before each execution, and a denial wins', async () => {
    let denies = false;
    const { tool, seen } = asking({ rope: question }, { approval: () => (denies ? 'denied' : 'approved') });
    const { engine, store } = setUp([tool]);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    denies = true;
    await engine.decide(keyOf('r'), request, { status: 'answered', value: 'red' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(seen).toHaveLength(1);
    expect(await resultsOf(store, 'r')).toMatchObject({ c1: { type: 'denied' } });
  });

  it('holds no place meanwhile, and each of several calls goes on when it is answered itself', async () => {
    const order: string[] = [];
    const tool = defineTool({
      name: 'book',
      description: '',
      input,
      parallel: false,
      execute({ n }, { answers }) {
        order.push(`${n} ${answers === undefined ? 'asks' : JSON.stringify(answers['rope'])}`);
        return answers === undefined ? callNeeds({ rope: question }, n) : `booked ${n}`;
      },
    });
    const { engine, store, stages } = setUp([tool], [book('c1', 1), book('c2', 2)], { limits: { parallelTools: 1 } });
    const [first = '', second = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    expect(order).toEqual(['1 asks', '2 asks']);

    await engine.decide(keyOf('r'), second, { status: 'answered', value: 'blue' });
    await engine.drive(keyOf('r'));
    expect(await stages()).toEqual(['c1 suspended', 'c2 closed']);
    await engine.decide(keyOf('r'), first, { status: 'answered', value: 'red' });
    await engine.drive(keyOf('r'));

    expect(order.slice(2)).toEqual(['2 {"status":"answered","value":"blue"}', '1 {"status":"answered","value":"red"}']);
    expect(await resultsOf(store, 'r')).toMatchObject({ c1: { text: 'booked 1' }, c2: { text: 'booked 2' } });
  });

  it('waits with what is more than a run may have open, and loses none of it', async () => {
    const needs = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`rope ${n}`, question]));
    const tool = defineTool({
      name: 'book',
      description: '',
      input,
      execute: (_, { answers }) =>
        answers === undefined ? callNeeds(needs) : `${Object.keys(answers).length} answers`,
    });
    const calls = Array.from({ length: 5 }, (_, n) => book(`c${n}`));
    const { engine, store, open } = setUp([tool], calls);
    waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    expect(await open()).toHaveLength(64);

    for (;;) {
      const asked = await open();
      for (const { id } of asked) await engine.decide(keyOf('r'), id, { status: 'answered', value: 'red' });
      if ((await engine.drive(keyOf('r'))).status !== 'waiting') break;
    }

    const results = await resultsOf(store, 'r');
    expect(Object.values(results)).toEqual(calls.map(() => ({ type: 'text', text: '16 answers' })));
  });

  it('DUR-5: an execution that asked is over: what is in doubt is the one that was answered, and that alone', async () => {
    const clock = fakeClock();
    let executions = 0;
    const checked: unknown[] = [];
    const tool = defineTool({
      name: 'book',
      description: '',
      input,
      effect: 'once',
      timeoutMs: 1_000,
      execute(_, { answers }) {
        executions += 1;
        return answers === undefined ? callNeeds({ rope: question }, 'held') : new Promise<string>(() => {});
      },
      check(_, { answers, state }) {
        checked.push({ answers, state });
        return { became: 'unknown' };
      },
    });
    const { engine, store } = setUp([tool], undefined, { clock, limits: { modelStallMs: 1e9, modelTimeoutMs: 1e9 } });
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));
    clock.advance(100_000);
    await engine.decide(keyOf('r'), request, { status: 'answered', value: 'red' });

    expect(await hurried(clock, engine.drive(keyOf('r')))).toMatchObject({ status: 'completed' });

    expect(executions).toBe(2);
    expect(checked).toEqual([{ answers: { rope: { status: 'answered', value: 'red' } }, state: 'held' }]);
    expect(await resultsOf(store, 'r')).toMatchObject({ c1: { type: 'error', code: 'STEP_IN_DOUBT' } });
    const intents = (await entriesOf(store, 'r')).flatMap((entry) => (entry.type === 'step-intent' ? [entry.key] : []));
    expect(intents).toEqual(['tool:1:c1', 'tool:1.1:c1']);
  });

  it('DUR-14: a run that is cancelled withdraws what it asks, and the tool hears no more', async () => {
    const { tool, seen } = asking({ rope: question, account: signIn });
    const { engine, store, open } = setUp([tool]);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r' }));

    await engine.cancel(keyOf('r'));
    await engine.drive(keyOf('r'));

    expect(await store.run(keyOf('r'))).toMatchObject({ status: 'cancelled' });
    expect(await open()).toEqual([]);
    expect(await store.request(keyOf('r'), request)).toMatchObject({ status: 'withdrawn' });
    expect(seen).toHaveLength(1);
  });

  it('DUR-20: a run whose time is up while it waits withdraws what it asks, and the tool hears no more', async () => {
    const clock = fakeClock();
    const { tool, seen } = asking({ rope: question }, { timeoutMs: 1e9 });
    const { engine, store, open } = setUp([tool], undefined, { clock });
    waitingOn(await engine.run('a', 'Go', { id: 'r', timeoutMs: 60_000 }));

    clock.advance(70_000);
    await hurried(clock, engine.drive(keyOf('r')));

    expect(await store.run(keyOf('r'))).toMatchObject({ status: 'failed', error: { code: 'RUN_DEADLINE' } });
    expect(await open()).toEqual([]);
    expect(seen).toHaveLength(1);
  });

  it('SES-1: a message that only steers leaves what is asked open, and is heeded once it is answered', async () => {
    const { tool, seen } = asking({ rope: question });
    const { engine, model } = setUp([tool]);
    const [request = ''] = waitingOn(await engine.run('a', 'Go', { id: 'r', session: { id: 's' } }));
    await engine.start('a', 'And hurry', { id: 'n', session: { id: 's', whenBusy: 'steer' } });
    expect(waitingOn(await engine.drive(keyOf('r')))).toEqual([request]);
    expect(seen).toHaveLength(1);

    await engine.decide(keyOf('r'), request, { status: 'answered', value: 'red' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });
    expect(JSON.stringify(model.requests[1]?.prompt)).toContain('And hurry');
  });

  it('SES-1, REQ-1: a message that withdraws what is asked is an answer, and the model hears it next', async () => {
    const { tool, seen } = asking({ rope: question });
    const { engine, store, model } = setUp([tool]);
    waitingOn(await engine.run('a', 'Go', { id: 'r', session: { id: 's' } }));

    await engine.start('a', 'Never mind', { id: 'n', session: { id: 's', whenBusy: 'withdraw' } });
    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });

    expect(seen[1]?.answers).toEqual({ rope: { status: 'withdrawn', reason: expect.any(String) } });
    expect(JSON.stringify(model.requests[1]?.prompt)).toContain('Never mind');
    expect(await store.run(keyOf('n'))).toMatchObject({ status: 'completed' });
  });
});

/** The same numbers for the same seed. */
function chance(seed: number): (below: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe('REQ-4, DUR-9: whatever is answered in whatever order, each call has the answers to its own needs', () => {
  it.each(Array.from({ length: 20 }, (_, seed) => seed + 1))('seed %i', async (seed) => {
    const random = chance(seed);
    const wanted = Array.from({ length: 6 }, (_, n) => ({
      callId: `c${n}`,
      rounds: Array.from({ length: random(3) }, () => 1 + random(4)),
      gated: random(3) === 0,
    }));
    const answerTo = (key: string): string => `to ${key}`;
    const tool = (gated: boolean) =>
      defineTool({
        name: gated ? 'gated' : 'open',
        description: '',
        input,
        approval: gated ? 'always' : 'never',
        effect: 'repeatable',
        parallel: random(2) === 0,
        execute({ n }, { answers, state }) {
          const { rounds = [], callId = '' } = wanted[n] ?? {};
          const round = typeof state === 'number' ? state : 0;
          for (const [name, answer] of Object.entries(answers ?? {}))
            expect(answer).toEqual({ status: 'answered', value: answerTo(`input:1.${round}.${name}:${callId}`) });
          const many = rounds[round];
          if (many === undefined) return `${callId} after ${round}`;
          const names = Array.from({ length: many }, (_, at): [string, CallNeed] => [
            String(at + 1),
            { kind: 'question', body: {} },
          ]);
          return callNeeds(Object.fromEntries(names), round + 1);
        },
      });
    const tools = [tool(true), tool(false)];
    const store = newStore();
    const calls = wanted.map(({ callId, gated }, n) => ({ call: gated ? 'gated' : 'open', input: { n }, callId }));
    const process = (script: readonly ScriptedReply[]) => {
      const model = scriptedModel(script);
      const limits = { parallelTools: 1 + random(3) };
      return newEngine([defineAgent({ name: 'a', instructions: '', model, tools, limits })], { store });
    };
    let result = await process([calls, 'Done.']).run('a', 'Go', { id: 'r' });
    while (result.status === 'waiting') {
      const { items } = await store.listRequests({ tenant: 'default', status: ['open'], limit: 100 });
      const engine = process(['Done.']);
      // Some of them, and last things first.
      const chosen = items.filter(() => random(2) === 0);
      for (const { id, kind, stepKey } of (chosen.length === 0 ? items.slice(-1) : chosen).toReversed())
        await engine.decide(
          keyOf('r'),
          id,
          kind === 'approval' ? { status: 'approved' } : { status: 'answered', value: answerTo(stepKey) },
        );
      result = await engine.drive(keyOf('r'));
    }

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    const results = wanted.map(({ callId, rounds }) => [
      callId,
      { type: 'text', text: `${callId} after ${rounds.length}` },
    ]);
    expect(await resultsOf(store, 'r')).toEqual(Object.fromEntries(results));
  });
});
