import { withChildren, type DelegationPolicy, type Store } from '@prusik/core';
import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  agentTool,
  callsIn,
  defineAgent,
  defineTool,
  type AgentLimits,
  type AgentToolOptions,
  type AnyTool,
} from '../src/index.ts';
import { entriesOf, keyOf, newEngine, newStore, resultsOf, threadOf, waitingOn } from './support.ts';

const call = (prompt: string, callId?: string) => ({
  call: 'writer',
  input: { prompt },
  ...(callId === undefined ? {} : { callId }),
});

type Script = Parameters<typeof scriptedModel>[0];

interface Team {
  readonly lead: Script;
  readonly writer: Script;
  readonly policy?: DelegationPolicy<'writer'>;
  readonly tool?: AgentToolOptions<'writer', { readonly prompt: string }>;
  readonly tools?: readonly AnyTool[];
  readonly limits?: Partial<AgentLimits>;
}

/** An agent that has another one as a tool. */
function team({ lead: said, writer: written, policy = {}, tool = {}, tools = [], limits = {} }: Team) {
  const models = { lead: scriptedModel(said), writer: scriptedModel(written) };
  const writer = defineAgent({
    name: 'writer',
    description: 'Writes.',
    instructions: '',
    model: models.writer,
    tools,
  });
  const lead = defineAgent({
    name: 'lead',
    instructions: '',
    model: models.lead,
    tools: [agentTool(writer, tool)],
    delegation: policy,
    limits,
  });
  return { lead, writer, models, definitions: withChildren(lead) };
}

const childrenOf = async (store: Store, run = 'r') => {
  const { items } = await store.listRuns({ tenant: 'default', parent: run, limit: 100 });
  return Promise.all(items.map(async ({ key }) => store.run(key)));
};

describe('WFL-9: an agent calls another', () => {
  it('as a child run of its own, whose output is the result of the call', async () => {
    const store = newStore();
    const { definitions, models } = team({ lead: [call('A haiku'), 'Here it is.'], writer: ['Rope, rock, rain.'] });
    const engine = newEngine(definitions, { store });

    expect(await engine.run('lead', 'Go', { id: 'r' })).toMatchObject({ status: 'completed', output: 'Here it is.' });

    expect(await resultsOf(store, 'r')).toEqual({ call_1: { type: 'text', text: 'Rope, rock, rain.' } });
    const [child] = await childrenOf(store);
    expect(child).toMatchObject({
      definition: 'writer',
      input: 'A haiku',
      output: 'Rope, rock, rain.',
      parent: { run: 'r', key: 'agent:1:call_1' },
      depth: 1,
    });
    // It has a thread of its own, and the caller's is not in its prompt.
    expect(models.writer.requests[0]?.prompt.at(-1)).toMatchObject({
      role: 'user',
      content: [{ type: 'text', text: 'A haiku' }],
    });
    expect(models.writer.requests[0]?.prompt).toHaveLength(1);
  });

  it('takes an input of its own schema from the model, and its typed output is JSON', async () => {
    const store = newStore();
    const input = z.object({ a: z.number(), b: z.coerce.number().default(1) });
    const adder = defineAgent({
      name: 'adder',
      description: 'Adds.',
      instructions: '',
      input,
      output: z.object({ sum: z.number() }),
      model: scriptedModel(['{"sum":3}']),
    });
    const lead = defineAgent({
      name: 'lead',
      instructions: '',
      model: scriptedModel([{ call: 'adder', input: { a: 1, b: '2' } }, 'Three.']),
      tools: [agentTool(adder)],
      delegation: {},
    });

    await newEngine(withChildren(lead), { store }).run('lead', 'Go', { id: 'r' });

    expect(await childrenOf(store)).toMatchObject([{ input: { a: 1, b: 2 }, output: { sum: 3 } }]);
    expect(await resultsOf(store, 'r')).toEqual({ call_1: { type: 'json', value: { sum: 3 } } });
  });

  it('AGT-3: several side by side, whose results stand in the order of the calls', async () => {
    const store = newStore();
    const { definitions, models } = team({
      lead: [[call('a'), call('b'), call('c')], 'Done.'],
      writer: Array.from(
        { length: 3 },
        () =>
          ({ prompt }) =>
            `wrote ${JSON.stringify(prompt.at(-1)?.content)}`,
      ),
    });

    expect(await newEngine(definitions, { store }).run('lead', 'Go', { id: 'r' })).toMatchObject({ output: 'Done.' });

    expect(await childrenOf(store)).toHaveLength(3);
    const shown = models.lead.requests[1]?.prompt.at(-1)?.content as readonly { readonly toolCallId: string }[];
    expect(shown.map(({ toolCallId }) => toolCallId)).toEqual(['call_1', 'call_2', 'call_3']);
    for (const [index, prompt] of ['a', 'b', 'c'].entries())
      expect(JSON.stringify(shown[index])).toContain(`\\"text\\":\\"${prompt}\\"`);
  });

  it('AGT-3: one that fails is an error result with its own code, and loses no sibling', async () => {
    const store = newStore();
    const { definitions } = team({
      lead: [[call('a'), call('b')], 'Done.'],
      writer: [['No', { finish: 'length' }], 'wrote b'],
      policy: { parallel: 1 },
    });

    expect(await newEngine(definitions, { store }).run('lead', 'Go', { id: 'r' })).toMatchObject({ output: 'Done.' });

    expect(await resultsOf(store, 'r')).toMatchObject({
      call_1: { type: 'error', code: 'MODEL_REPLY_TRUNCATED', text: expect.stringContaining('writer') },
      call_2: { type: 'text', text: 'wrote b' },
    });
  });

  it('WFL-2, WFL-3: a call that the policy refuses starts nothing, and the model reads the reason', async () => {
    const store = newStore();
    const { definitions } = team({
      lead: [[call('a'), call('b')], 'Done.'],
      writer: ['wrote a'],
      policy: { calls: 1 },
    });

    expect(await newEngine(definitions, { store }).run('lead', 'Go', { id: 'r' })).toMatchObject({ output: 'Done.' });

    expect(await childrenOf(store)).toHaveLength(1);
    expect(await resultsOf(store, 'r')).toMatchObject({
      call_1: { type: 'text' },
      call_2: { type: 'error', code: 'DELEGATION_REFUSED', text: expect.stringContaining('max_calls') },
    });
  });

  it.each<[string, DelegationPolicy<'writer'>]>([
    ['max_depth', { depth: 0 }],
    ['max_calls', { calls: 0 }],
    ['deadline', { wallMs: 0 }],
    ['agent_not_allowed', { agents: [] }],
  ])('WFL-2: %s is the reason under a policy that lets nothing through', async (reason, policy) => {
    const store = newStore();
    const { definitions } = team({ lead: [call('a'), 'Done.'], writer: [], policy });

    expect(await newEngine(definitions, { store }).run('lead', 'Go', { id: 'r' })).toMatchObject({ output: 'Done.' });

    expect(await childrenOf(store)).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({
      call_1: { type: 'error', code: 'DELEGATION_REFUSED', text: expect.stringContaining(reason) },
    });
  });

  it('AGT-4: of a result that is past the cap the model is shown both ends, and the whole is kept', async () => {
    const store = newStore();
    const long = 'x'.repeat(5_000);
    const { definitions } = team({
      lead: [call('a'), 'Done.'],
      writer: [long],
      tool: { maxOutputBytes: 100 },
    });

    await newEngine(definitions, { store }).run('lead', 'Go', { id: 'r' });

    const { call_1: output } = (await resultsOf(store, 'r')) as {
      readonly call_1: { readonly text: string; readonly whole: { readonly bytes: number } };
    };
    expect(output).toMatchObject({ type: 'text', whole: { bytes: 5_000 } });
    expect(output.text).toMatch(/^x{50}\n\[… 4900 bytes left out …\]\nx{50}\n\[The whole result/);
  });

  it('WFL-8: one that hands back more than the call takes is an error result; the whole stays what the child has', async () => {
    const store = newStore();
    const long = 'x'.repeat(5_000);
    const { definitions } = team({ lead: [call('a'), 'Done.'], writer: [long], tool: { maxResultBytes: 1_000 } });

    expect(await newEngine(definitions, { store }).run('lead', 'Go', { id: 'r' })).toMatchObject({ output: 'Done.' });

    const [child] = await childrenOf(store);
    const text = expect.stringContaining(child?.key.run ?? 'no child');
    expect(await resultsOf(store, 'r')).toMatchObject({
      call_1: { type: 'error', code: 'CHILD_RESULT_TOO_LARGE', text },
    });
    expect(child?.output).toBe(long);
    expect(JSON.stringify(await entriesOf(store, 'r'))).not.toContain('xxxx');
  });

  it.each([
    ['is not parallel', { tool: { parallel: false } }],
    ['is one of an agent that does one thing at a time', { limits: { parallelTools: 1 } }],
    ['is one of a policy that has one child at a time', { policy: { parallel: 1 } }],
  ])('AGT-4, WFL-5: one that %s has no other child beside it', async (_, more) => {
    const store = newStore();
    const { definitions } = team({
      lead: [[call('a'), call('b'), call('c')], 'Done.'],
      writer: ['wrote', 'wrote', 'wrote'],
      ...more,
    });

    await newEngine(definitions, { store }).run('lead', 'Go', { id: 'r' });

    const waits = (await entriesOf(store, 'r')).filter(({ type }) => type.startsWith('wait-'));
    expect(waits.map(({ type }) => type)).toEqual(
      ['start', 'end', 'start', 'end', 'start', 'end'].map((what) => `wait-${what}`),
    );
  });
});

describe('REQ-2, REQ-4: a gated call of an agent', () => {
  const gated = (more: Partial<Team> = {}) =>
    team({ lead: [call('a'), 'Done.'], writer: ['wrote a'], tool: { approval: 'always' }, ...more });

  it('waits for a person without starting anything; approved in another engine, it runs once, and the approval is used up', async () => {
    const store = newStore();
    const { definitions } = gated();
    const first = newEngine(definitions, { store });
    const [request = ''] = waitingOn(await first.run('lead', 'Go', { id: 'r' }));
    await first[Symbol.asyncDispose]();
    expect(await childrenOf(store)).toEqual([]);

    const other = newEngine(definitions, { store });
    await other.decide(keyOf('r'), request, { status: 'approved', by: 'ada' });
    expect(await other.drive(keyOf('r'))).toMatchObject({ status: 'completed', output: 'Done.' });

    expect(await childrenOf(store)).toHaveLength(1);
    expect(await store.request(keyOf('r'), request)).toMatchObject({ status: 'approved', claimed: true });
    expect(await resultsOf(store, 'r')).toEqual({ call_1: { type: 'text', text: 'wrote a' } });
  });

  it('REQ-9: rejected, it starts nothing and reads as a denial', async () => {
    const store = newStore();
    const engine = newEngine(gated().definitions, { store });
    const [request = ''] = waitingOn(await engine.run('lead', 'Go', { id: 'r' }));

    await engine.decide(keyOf('r'), request, { status: 'rejected', reason: 'Not now.' });
    await engine.drive(keyOf('r'));

    expect(await childrenOf(store)).toEqual([]);
    expect(await resultsOf(store, 'r')).toEqual({ call_1: { type: 'denied', reason: 'Not now.' } });
  });

  it('runs with the input that a person put in its place, and the model is told after the result', async () => {
    const store = newStore();
    const engine = newEngine(gated().definitions, { store });
    const [request = ''] = waitingOn(await engine.run('lead', 'Go', { id: 'r' }));

    await expect(engine.decide(keyOf('r'), request, { status: 'edited', value: { prompt: 7 } })).rejects.toMatchObject({
      code: 'DECISION_INVALID',
    });
    await engine.decide(keyOf('r'), request, { status: 'edited', value: { prompt: 'better' } });
    await engine.drive(keyOf('r'));

    expect(await childrenOf(store)).toMatchObject([{ input: 'better' }]);
    const thread = await threadOf(store, 'r');
    expect(thread.map(({ kind }) => kind)).toEqual(['user', 'assistant', 'child-result', 'context', 'assistant']);
    expect(JSON.stringify(thread[3])).toContain('better');
  });

  it.each([
    ['is gone', () => [], 'TOOL_GONE'],
    ['is another agent', (writer: never) => [agentTool(writer, { approval: 'always', version: '2' })], 'TOOL_CHANGED'],
    [
      'is an agent no more',
      () => [defineTool({ name: 'writer', description: 'W.', input: z.object({}), execute: () => 'x' })],
      'TOOL_CHANGED',
    ],
  ] as const)('starts nothing where the tool %s by then', async (_, now, code) => {
    const store = newStore();
    const { definitions, writer, models } = gated();
    const first = newEngine(definitions, { store });
    const [request = ''] = waitingOn(await first.run('lead', 'Go', { id: 'r' }));
    await first[Symbol.asyncDispose]();

    const tools: readonly AnyTool[] = now(writer as never);
    const lead = defineAgent({ name: 'lead', instructions: '', model: models.lead, tools, delegation: {} });
    const other = newEngine([...withChildren(lead), ...(tools.length === 0 ? [writer] : [])], { store });
    await other.decide(keyOf('r'), request, { status: 'approved' });
    await other.drive(keyOf('r'));

    expect(await childrenOf(store)).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'error', code } });
  });

  it('REQ-3: a policy is asked again when a person has approved, and its denial wins', async () => {
    const store = newStore();
    const answers = ['user-approval', 'denied'] as const;
    let asked = 0;
    const { definitions } = gated({ tool: { approval: () => answers[asked++] ?? 'denied' } });
    const engine = newEngine(definitions, { store });
    const [request = ''] = waitingOn(await engine.run('lead', 'Go', { id: 'r' }));

    await engine.decide(keyOf('r'), request, { status: 'approved' });
    await engine.drive(keyOf('r'));

    expect(asked).toBe(2);
    expect(await childrenOf(store)).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { type: 'denied' } });
  });
});

describe('REQ-4: where the calls stand can be read from the journal', () => {
  it('says which child runs, while a person is asked in it', async () => {
    const store = newStore();
    const ask = defineTool({
      name: 'publish',
      description: 'Publishes.',
      input: z.object({}),
      approval: 'always',
      execute: () => 'published',
    });
    const { definitions } = team({
      lead: [call('a'), 'Done.'],
      writer: [{ call: 'publish', input: {} }, 'wrote a'],
      tools: [ask],
    });
    const engine = newEngine(definitions, { store });
    const stages = async () => callsIn(await entriesOf(store, 'r')).map(({ at }) => at);

    // REQ-7: it shows at the root, and acts in the child.
    const waiting = await engine.run('lead', 'Go', { id: 'r' });
    const [request] = waiting.status === 'waiting' ? waiting.requests : [];
    expect(await stages()).toEqual(['executing']);
    expect(request?.run.run).toBe((await childrenOf(store))[0]?.key.run);

    await engine.decide(request?.run ?? keyOf(''), request?.request ?? '', { status: 'approved' });
    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed', output: 'Done.' });
    const entries = await entriesOf(store, 'r');
    const returned = entries.findIndex(({ type }) => type === 'wait-end');
    expect(callsIn(entries.slice(0, returned + 1)).map(({ at }) => at)).toEqual(['returned']);
  });
});
