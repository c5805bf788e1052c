import { withChildren, type DurableDefinition, type Store } from '@prusik/core';
import { fakeClock, scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { agentTool, defineAgent, defineTool, type AnyTool } from '../src/index.ts';
import { hurried, keyOf, newEngine, newStore, resultsOf, waitingOn } from './support.ts';

const publish = defineTool({
  name: 'publish',
  description: 'Publishes.',
  input: z.object({}),
  approval: 'always',
  execute: () => 'published',
});
const call = (tool: string, prompt = 'x') => ({ call: tool, input: { prompt } });
const write = { call: 'publish', input: {} };

const childrenOf = async (store: Store) => {
  const { items } = await store.listRuns({ tenant: 'default', parent: 'r', limit: 100 });
  return Promise.all(items.map(async (child) => (await store.run(child.key)) ?? child));
};

/** A lead whose writers wait for a person, and whose engine is gone. */
async function parked(calls: readonly ReturnType<typeof call>[]) {
  const store = newStore();
  const models = {
    lead: scriptedModel([calls, 'Done.']),
    writer: scriptedModel([...calls.map(() => write), ...calls.map(() => 'wrote')]),
  };
  const writer = defineAgent({
    name: 'writer',
    description: 'Writes.',
    instructions: '',
    model: models.writer,
    tools: [publish],
  });
  const lead = defineAgent({
    name: 'lead',
    instructions: '',
    model: models.lead,
    tools: [agentTool(writer)],
    delegation: { calls: 2, depth: 1 },
  });
  const engine = newEngine(withChildren(lead), { store });
  const waiting = await engine.run('lead', 'Go', { id: 'r' });
  expect(waitingOn(waiting)).toHaveLength(calls.length);
  await engine[Symbol.asyncDispose]();
  const goOn = async (definitions: readonly DurableDefinition<never, unknown, never>[]) => {
    const other = newEngine(definitions, { store });
    for (const { run, request } of waiting.status === 'waiting' ? waiting.requests : [])
      await other.decide(run, request, { status: 'approved' });
    return other.drive(keyOf('r'));
  };
  return { store, writer, models, goOn };
}

describe('DUR-6: a run goes on with what it has decided, whatever its agent is by then', () => {
  it('WFL-2: with the policy that it began with', async () => {
    const { store, writer, models, goOn } = await parked([call('writer', 'a'), call('writer', 'b')]);
    const stricter = defineAgent({
      name: 'lead',
      instructions: '',
      model: models.lead,
      tools: [agentTool(writer)],
      delegation: { calls: 0, agents: [] },
    });

    expect(await goOn(withChildren(stricter))).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { text: 'wrote' }, call_2: { text: 'wrote' } });
  });

  it('with the child that it has started, where the tool is another agent, or gone', async () => {
    for (const kind of ['another', 'gone'] as const) {
      const { store, writer, models, goOn } = await parked([call('writer')]);
      const author = defineAgent({
        name: 'author',
        description: 'Writes.',
        instructions: '',
        model: scriptedModel([]),
      });
      const lead = defineAgent({
        name: 'lead',
        instructions: '',
        model: models.lead,
        tools: kind === 'gone' ? [] : [agentTool(author, { name: 'writer' })],
        delegation: {},
      });

      expect(await goOn([...withChildren(lead), writer]), kind).toMatchObject({ status: 'completed', output: 'Done.' });
      expect(await childrenOf(store), kind).toMatchObject([{ definition: 'writer', output: 'wrote' }]);
      expect(await resultsOf(store, 'r'), kind).toEqual({ call_1: { type: 'text', text: 'wrote' } });
    }
  });
});

describe('REQ-2: a call that waits for room', () => {
  const tool = (name: string) =>
    defineTool({ name, description: 'Is.', input: z.object({ prompt: z.string() }), execute: () => 'executed' });
  const agent = (name: string) =>
    agentTool(defineAgent({ name, description: 'Is.', instructions: '', model: scriptedModel(['a child']) }));

  it.each([
    ['an agent then', agent('b'), tool('b')],
    ['an agent now', tool('b'), agent('b')],
  ] as const)('is not begun where its tool was %s: it is another tool', async (_, then, now) => {
    const store = newStore();
    const model = scriptedModel([[write, call('b')], 'Done.']);
    const lead = (b: AnyTool) =>
      defineAgent({
        name: 'lead',
        instructions: '',
        model,
        // The first holds the only place until a person says what became of it.
        tools: [lost, b],
        delegation: {},
        limits: { parallelTools: 1 },
      });
    const lost = defineTool({
      name: 'publish',
      description: 'Publishes.',
      input: z.object({}),
      inDoubt: 'ask',
      timeoutMs: 1,
      execute: () => new Promise(() => {}),
    });
    const first = newEngine(withChildren(lead(then)), { store });
    const blocked = await first.run('lead', 'Go', { id: 'r' });
    await first[Symbol.asyncDispose]();

    const other = newEngine(withChildren(lead(now)), { store });
    const [request] = blocked.status === 'blocked' ? [blocked.request] : [];
    await other.decide(keyOf('r'), request ?? '', { status: 'answered', value: { choice: 'happened' } });

    expect(await other.drive(keyOf('r'))).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await childrenOf(store)).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_2: { type: 'error', code: 'TOOL_CHANGED' } });
  });
});

/** A lead whose writer is in the middle of its reply until `release` is called. */
function working(script: Parameters<typeof scriptedModel>[0] = [call('writer'), 'Done.']) {
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  const models = { lead: scriptedModel(script), writer: scriptedModel([[{ until: released.promise }, 'wrote']]) };
  const writer = defineAgent({
    name: 'writer',
    description: 'Writes.',
    instructions: () => (begun.resolve(), 'Write.'),
    model: models.writer,
  });
  const lead = defineAgent({
    name: 'lead',
    instructions: '',
    model: models.lead,
    tools: [agentTool(writer)],
    delegation: {},
  });
  const store = newStore();
  const engine = newEngine(withChildren(lead), { store });
  return { store, engine, models, begun: begun.promise, release: released.resolve };
}

describe('WFL-7: while a child runs', () => {
  it('DUR-14: a cancelled agent cancels it, and ends after it', async () => {
    const { store, engine, begun } = working();
    const running = engine.run('lead', 'Go', { id: 'r' });
    await begun;

    await engine.cancel(keyOf('r'), 'enough');

    expect(await running).toMatchObject({ status: 'cancelled' });
    const [child] = await childrenOf(store);
    const root = await store.run(keyOf('r'));
    expect(child).toMatchObject({ status: 'cancelled' });
    expect(child?.endedAt).toBeLessThanOrEqual(root?.endedAt ?? 0);
  });

  it('a child that somebody cancels is an error result, and the agent goes on', async () => {
    const { store, engine, begun } = working();
    const running = engine.run('lead', 'Go', { id: 'r' });
    await begun;

    const [child] = await childrenOf(store);
    await engine.cancel(child?.key ?? keyOf(''), 'not that one');

    expect(await running).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'error', code: 'CHILD_CANCELLED' } });
  });

  it('SES-1: what is said meanwhile is heeded after its result', async () => {
    const session = { id: 'chat', whenBusy: 'steer' } as const;
    const { engine, models, begun, release } = working([call('writer'), 'LOUD.']);
    const running = engine.run('lead', 'Go', { id: 'r', session });
    await begun;

    await engine.start('lead', 'louder', { id: 'second', session });
    release();

    expect(await running).toMatchObject({ status: 'completed', output: 'LOUD.' });
    expect(models.lead.requests[1]?.prompt.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'user']);
    // The child has a thread of its own: it hears nothing of it.
    expect(JSON.stringify(models.writer.requests)).not.toContain('louder');
    expect(await engine.drive(keyOf('second'))).toMatchObject({ output: 'LOUD.' });
  });
});

describe('REQ-7, SES-1: what is asked below an agent', () => {
  it('is withdrawn by a message that withdraws what the agent asks: the child reads why, and the agent goes on', async () => {
    const store = newStore();
    const model = scriptedModel([call('writer'), 'Stopped.']);
    const writing = scriptedModel([write, 'As you wish.']);
    const base = { description: 'Is.', instructions: '' };
    const writer = defineAgent({ ...base, name: 'writer', model: writing, tools: [publish] });
    const lead = defineAgent({ ...base, name: 'lead', model, tools: [agentTool(writer)], delegation: {} });
    const engine = newEngine(withChildren(lead), { store });
    waitingOn(await engine.run('lead', 'Go', { id: 'r', session: { id: 's' } }));

    await engine.start('lead', 'Stop that', { id: 'next', session: { id: 's', whenBusy: 'withdraw' } });

    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed', output: 'Stopped.' });
    expect(await store.listRequests({ tenant: 'default', root: 'r', limit: 5 })).toMatchObject({
      items: [{ status: 'withdrawn' }],
    });
    expect(JSON.stringify(writing.requests[1]?.prompt)).toContain('said something else since');
    expect(JSON.stringify(model.requests[1]?.prompt.at(-1))).toContain('Stop that');
  });

  it('REQ-3: a grant for the session holds in the children, one for a run only in it', async () => {
    for (const scope of ['session', 'run'] as const) {
      const store = newStore();
      const gated = defineTool({
        name: 'publish',
        description: 'Publishes.',
        input: z.object({}),
        approval: 'once',
        execute: () => 'published',
      });
      const base = { description: 'Is.', instructions: '' };
      const writing = scriptedModel([write, 'One.', write, 'Two.']);
      const writer = defineAgent({ ...base, name: 'writer', model: writing, tools: [gated] });
      const model = scriptedModel([call('writer'), call('writer'), 'Done.']);
      const lead = defineAgent({ ...base, name: 'lead', model, tools: [agentTool(writer)], delegation: {} });
      const engine = newEngine(withChildren(lead), { store });
      const waiting = await engine.run('lead', 'Go', { id: 'r', session: { id: 's' } });
      const [asked] = waiting.status === 'waiting' ? waiting.requests : [];

      await engine.decide(asked?.run ?? keyOf(''), asked?.request ?? '', { status: 'approved', grant: { scope } });

      expect(await engine.drive(keyOf('r')), scope).toMatchObject({
        status: scope === 'session' ? 'completed' : 'waiting',
      });
    }
  });
});

describe('AGT-4, AGT-2: the time of a call', () => {
  const lead = (timeoutMs: number | undefined, wallMs?: number) => {
    const writer = defineAgent({
      name: 'writer',
      description: 'Writes.',
      instructions: '',
      model: scriptedModel([[{ until: new Promise(() => {}) }]]),
      limits: { modelTimeoutMs: 1e9, modelStallMs: 1e9 },
    });
    return defineAgent({
      name: 'lead',
      instructions: '',
      model: scriptedModel([['One moment.', call('writer')], 'Alone, then.']),
      tools: [agentTool(writer, timeoutMs === undefined ? {} : { timeoutMs })],
      delegation: {},
      limits: { whenExhausted: 'partial', ...(wallMs === undefined ? {} : { wallMs }) },
    });
  };

  it('is the deadline of its child, which is an error result past it', async () => {
    const clock = fakeClock();
    const store = newStore({ clock });
    const engine = newEngine(withChildren(lead(30_000)), { store, clock });

    expect(await hurried(clock, engine.run('lead', 'Go', { id: 'r' }))).toMatchObject({ output: 'Alone, then.' });

    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'error', code: 'RUN_DEADLINE' } });
    expect(await childrenOf(store)).toMatchObject([{ status: 'failed', error: { code: 'RUN_DEADLINE' } }]);
  });

  it('is no longer than what is left to the agent', async () => {
    const clock = fakeClock();
    const store = newStore({ clock });
    const engine = newEngine(withChildren(lead(undefined, 30_000)), { store, clock });

    expect(await hurried(clock, engine.run('lead', 'Go', { id: 'r' }))).toMatchObject({
      status: 'completed',
      output: 'One moment.',
      partial: { code: 'AGENT_TIME_LIMIT' },
    });
  });

  it('WFL-10: an agent whose deadline comes while its child runs hands back what it said', async () => {
    const clock = fakeClock();
    const store = newStore({ clock });
    const engine = newEngine(withChildren(lead(undefined)), { store, clock });

    expect(await hurried(clock, engine.run('lead', 'Go', { id: 'r', timeoutMs: 30_000 }))).toMatchObject({
      status: 'completed',
      output: 'One moment.',
      partial: { code: 'RUN_DEADLINE' },
    });
    expect(await childrenOf(store)).toMatchObject([{ status: 'failed', error: { code: 'RUN_DEADLINE' } }]);
  });
});

describe('WFL-4: an agent and what it calls spend from one budget', () => {
  it('a child that it has no room for is an error result that names the budget', async () => {
    const store = newStore();
    const said = (text: string) => [text, { inputTokens: 10, outputTokens: 10 }];
    const writer = defineAgent({
      name: 'writer',
      description: 'Writes.',
      instructions: '',
      model: scriptedModel([]),
      // What it reserves for a reply is more than all.
      settings: { maxOutputTokens: 50_000 },
    });
    const lead = defineAgent({
      name: 'lead',
      instructions: '',
      model: scriptedModel([[call('writer'), { inputTokens: 10, outputTokens: 10 }], said('Alone, then.')]),
      tools: [agentTool(writer)],
      delegation: { tokens: 20_000 },
    });

    expect(await newEngine(withChildren(lead), { store }).run('lead', 'Go', { id: 'r' })).toMatchObject({
      status: 'completed',
      output: 'Alone, then.',
    });

    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'error', code: 'BUDGET_EXCEEDED' } });
    expect(await store.ledger(keyOf('r'))).toMatchObject({ used: { tokens: 40 }, reserved: { tokens: 0 } });
  });

  it('a call may have less than all, which is refused to its child alone', async () => {
    const store = newStore();
    const writer = defineAgent({ name: 'writer', description: 'W.', instructions: '', model: scriptedModel([]) });
    const lead = defineAgent({
      name: 'lead',
      instructions: '',
      model: scriptedModel([call('writer'), 'Alone, then.']),
      tools: [agentTool(writer, { budget: { tokens: 100 } })],
      delegation: {},
    });

    expect(await newEngine(withChildren(lead), { store }).run('lead', 'Go', { id: 'r' })).toMatchObject({
      output: 'Alone, then.',
    });
    const [child] = await childrenOf(store);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'error', code: 'BUDGET_EXCEEDED' } });
    expect(await store.ledger(child?.key ?? keyOf(''))).toMatchObject({ limits: { tokens: 100 }, used: { tokens: 0 } });
  });
});
