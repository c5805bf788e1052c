import { withChildren, type DurableContext, type DurableDefinition, type StandardSchema } from '@prusik/core';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { engineFor, journalOf } from './engines.ts';

const parent = { tenant: 'default', run: 'parent' };
const asking = (question: { readonly expiresInMs?: number; readonly fallback?: string }) =>
  defineWorkflow({
    name: 'asking',
    input: z.null(),
    run: (ctx) =>
      ctx.ask('name', { text: 'What is it called?', answer: z.string().min(2), choices: ['prusik'], ...question }),
  });

describe('ctx.ask', () => {
  it('REQ-6: waits for a person and gives a checked answer', async () => {
    const engine = engineFor([asking({})]);
    const waiting = await engine.run('asking', null, { id: 'parent' });
    const { items } = await engine.store.listRequests({ tenant: 'default', run: 'parent', limit: 10 });
    expect(waiting).toMatchObject({ status: 'waiting' });
    expect(items).toMatchObject([
      { kind: 'question', status: 'open', body: { text: 'What is it called?', choices: ['prusik'] } },
    ]);

    await engine.decide(parent, items[0]!.id, { status: 'answered', value: 'prusik' });

    expect(await engine.drive(parent)).toMatchObject({ status: 'completed', output: 'prusik' });
  });

  it.each([
    ['rejected', null, 'QUESTION_REJECTED'],
    ['withdrawn', null, 'QUESTION_WITHDRAWN'],
    ['answered', 'x', 'ANSWER_INVALID'],
  ] as const)('REQ-6: a question that is %s with %j ends in %s', async (status, value, code) => {
    const engine = engineFor([asking({})]);
    await engine.run('asking', null, { id: 'parent' });
    const { items } = await engine.store.listRequests({ tenant: 'default', run: 'parent', limit: 10 });

    // As whoever has the store may: what an engine lets through is tested below.
    await engine.store.decide({ run: parent, request: items[0]!.id, decision: { status, value } });

    expect(await engine.drive(parent)).toMatchObject({ status: 'failed', error: { code } });
  });

  it('REQ-6: an answer that does not fit is refused and leaves the question open, with a form to fill in', async () => {
    const engine = engineFor([asking({})]);
    await engine.run('asking', null, { id: 'parent' });
    const [question] = (await engine.store.listRequests({ tenant: 'default', run: 'parent', limit: 10 })).items;
    expect(question?.schema).toMatchObject({ type: 'string', minLength: 2 });

    for (const value of ['x', 7, null])
      await expect(engine.decide(parent, question!.id, { status: 'answered', value })).rejects.toMatchObject({
        code: 'DECISION_INVALID',
      });
    await expect(engine.decide(parent, question!.id, { status: 'approved' })).rejects.toMatchObject({
      code: 'REQUEST_KIND',
    });

    expect(await engine.drive(parent)).toMatchObject({ status: 'waiting' });
    await engine.decide(parent, question!.id, { status: 'answered', value: 'prusik' });
    expect(await engine.drive(parent)).toMatchObject({ status: 'completed', output: 'prusik' });
  });

  it.each([
    [{ fallback: 'nameless' }, { status: 'completed', output: 'nameless' }],
    [{}, { status: 'failed', error: { code: 'RUN_UNATTENDED' } }],
  ])('REQ-6: a question of a run that nobody attends, with %j, does not wait', async (question, expected) => {
    const engine = engineFor([asking(question)]);

    expect(await engine.run('asking', null, { id: 'parent', attended: false })).toMatchObject(expected);
    expect((await engine.store.listRequests({ tenant: 'default', limit: 10 })).items).toEqual([]);
  });

  it.each([
    [
      { expiresInMs: 0, fallback: 'nameless' },
      { status: 'completed', output: 'nameless' },
    ],
    [{ expiresInMs: 0 }, { status: 'failed', error: { code: 'QUESTION_EXPIRED' } }],
  ])('REQ-6: a question that expires with %j ends as %j', async (question, expected) => {
    // Lingers past the deadline instead of parking before it.
    const engine = engineFor([asking(question)], { parkAfterMs: 1_000 });

    expect(await engine.run('asking', null)).toMatchObject(expected);
  });
});

describe('ctx.state and ctx.log', () => {
  it('WFL-1: are notes of the journal, once, however often the run is resumed', async () => {
    const workflow = defineWorkflow({
      name: 'noting',
      input: z.null(),
      run: async (ctx) => {
        ctx.state.set('phase', 'first');
        ctx.log('begun', { items: 3 });
        await ctx.receive('go');
        ctx.state.set('phase', `after ${ctx.state.get<string>('phase')}`);
        return ctx.state.get<string>('phase') ?? null;
      },
    });
    const engine = engineFor([workflow]);
    expect(await engine.run('noting', null, { id: 'parent' })).toMatchObject({ status: 'waiting' });

    await engine.signal(parent, 'go', null);

    expect(await engine.drive(parent)).toMatchObject({ output: 'after first' });
    const notes = (await journalOf(engine.store, 'parent')).flatMap((entry) =>
      entry.type === 'note' ? [[entry.name, entry.data]] : [],
    );
    expect(notes).toEqual([
      ['state', { name: 'phase', value: 'first' }],
      ['log', { message: 'begun', attributes: { items: 3 } }],
      ['state', { name: 'phase', value: 'after first' }],
    ]);
  });
});

describe('schemas', () => {
  it('DEF-2: any Standard Schema will do, also one that takes its time and changes what it is given', async () => {
    const trimmed: StandardSchema<string, { text: string }> = {
      '~standard': {
        version: 1,
        vendor: 'of this test',
        validate: async (value) =>
          typeof value === 'string'
            ? { value: { text: value.trim() } }
            : { issues: [{ message: 'expected a text', path: ['deep', { key: 0 }] }] },
      },
    };
    const workflow = defineWorkflow({ name: 'trimming', input: trimmed, run: (_, { text }) => text });
    const engine = engineFor([workflow]);

    expect(await engine.run('trimming', ' a ')).toMatchObject({ output: 'a' });
    await expect(engine.start('trimming', 1)).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: 'The input of trimming does not fit its schema: deep.0: expected a text',
    });
  });
});

describe('a tree of workflows', () => {
  const leaf: DurableDefinition<null, string> = {
    name: 'leaf',
    kind: 'function',
    version: '1',
    run: (_ctx: DurableContext) => 'leaf',
  };
  const middle = defineWorkflow({
    name: 'middle',
    input: z.null(),
    agents: { leaf },
    delegation: {},
    run: (ctx) => ctx.agents.leaf.run('leaf', null),
  });
  const top = (delegation: { readonly depth?: number }) =>
    defineWorkflow({
      name: 'top',
      input: z.null(),
      agents: { below: middle },
      delegation,
      run: (ctx) => ctx.agents.below.run('below', null),
    });

  it('WFL-9: a workflow may call a workflow as deep as its policy says', async () => {
    const engine = engineFor([top({ depth: 2 })]);

    expect(await engine.run('top', null, { id: 'parent' })).toMatchObject({ output: 'leaf' });
    const { items } = await engine.store.listRuns({ tenant: 'default', root: 'parent', limit: 10 });
    expect(items.map((run) => [run.definition, run.depth]).toSorted()).toEqual([
      ['leaf', 2],
      ['middle', 1],
      ['top', 0],
    ]);
  });

  it('WFL-4: a tree deeper than its root allows is found when it is defined', () => {
    expect(() => top({})).toThrow('its agent below has agents of its own, 2 levels down, and delegation.depth is 1');
    expect(() => top({ depth: 2 })).not.toThrow();
  });

  it('DEF-3: two definitions of one name are found before anything runs', () => {
    const other = { ...leaf };

    expect(withChildren(top({ depth: 2 }), middle, leaf).map((definition) => definition.name)).toEqual([
      'top',
      'middle',
      'leaf',
    ]);
    expect(() => withChildren(middle, other)).toThrow('Two different definitions are named leaf');
  });

  it('DEF-3: a policy that cannot work is found when it is defined', () => {
    expect(() => top({ depth: -1 })).toThrow('Workflow top: delegation.depth');
    expect(() => defineWorkflow({ name: '', input: z.null(), run: () => null })).toThrow('definition name');
  });

  it('WFL-2: a refused call says in words why', async () => {
    const off = defineWorkflow({
      name: 'off',
      input: z.null(),
      agents: { leaf },
      run: (ctx) => ctx.agents.leaf.run('k', null),
    });

    expect(await engineFor(withChildren(off)).run('off', null)).toMatchObject({
      error: {
        code: 'DELEGATION_REFUSED',
        message: expect.stringMatching(/^The call of leaf was refused \(delegation_disabled\): .* declared/),
      },
    });
  });

  it('DEF-3: a misspelt option is refused, not passed over', async () => {
    const misspelt = { name: 'w', input: z.null(), run: () => null, policy: { calls: 1 } };
    expect(() => defineWorkflow(misspelt)).toThrow('Workflow w has no option policy: use delegation');

    const asked = await engineFor([asking({ timeoutMs: 5 } as object)]).run('asking', null);
    expect(asked).toMatchObject({
      error: { message: expect.stringContaining('The question name has no option timeoutMs: use expiresInMs') },
    });
  });
});
