import type { DurableContext, DurableDefinition, Json, Store } from '@prusik/core';
import type { PersonDecision } from '@prusik/durable';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { askTool, callNeeds, callTool, defineTool, type CallToolOptions, type ExecutionScope } from '../src/index.ts';
import { entriesOf, keyOf, newEngine, newStore, waitingOn } from './support.ts';

const publish = (done: string[] = [], more: object = {}) =>
  defineTool({
    name: 'publish',
    description: 'Publishes.',
    input: z.object({ q: z.string().max(10) }),
    approval: 'always',
    execute({ q }) {
      done.push(q);
      return `published ${q}`;
    },
    ...more,
  });

const workflow = (run: (ctx: DurableContext) => unknown): DurableDefinition<Json, unknown> => ({
  name: 'w',
  kind: 'workflow',
  version: '1',
  run,
});
const calling = (tool: ReturnType<typeof publish>, options?: CallToolOptions) =>
  workflow((ctx) => callTool(ctx, 'publish', tool, { q: 'x' }, options));

/** Runs to the approval, decides it, and drives on with what is defined by then. */
async function decided(
  before: ReturnType<typeof publish>,
  decision: PersonDecision,
  { after = before, options }: { readonly after?: typeof before; readonly options?: CallToolOptions } = {},
) {
  const store = newStore();
  const [request = ''] = waitingOn(await newEngine([calling(before, options)], { store }).run('w', null, { id: 'r' }));
  const engine = newEngine([calling(after, options)], { store });
  await engine.decide(keyOf('r'), request, decision);
  return { store, request, result: await engine.drive(keyOf('r')) };
}

const deniedOf = async (store: Store) =>
  (await entriesOf(store, 'r')).flatMap((entry) => (entry.type === 'step-end' ? (entry.denied ?? []) : []));

describe('REQ-4: a workflow calls a gated tool as an agent does', () => {
  it('asks about exactly this call, uses the approval up, and gives the output', async () => {
    const done: string[] = [];
    const { store, request, result } = await decided(publish(done), { status: 'approved', by: 'ann' });

    expect(result).toMatchObject({ output: { status: 'done', output: 'published x', edited: false } });
    expect(done).toEqual(['x']);
    expect(await store.request(keyOf('r'), request)).toMatchObject({
      body: { tool: 'publish', callId: 'publish', input: { q: 'x' } },
      schema: { type: 'object' },
      claimed: true,
    });
  });

  it('REQ-9: a denial is a value with its reason, and on record', async () => {
    const done: string[] = [];
    const { store, request, result } = await decided(publish(done), { status: 'rejected', reason: 'Too early.' });

    expect(result).toMatchObject({ output: { status: 'refused', by: 'person', reason: 'Too early.' } });
    expect(done).toEqual([]);
    expect(await deniedOf(store)).toEqual([{ callId: 'publish', tool: 'publish', by: 'person', request }]);
  });

  it('runs what a person put in its place, and what a part of it makes', async () => {
    const done: string[] = [];
    await decided(publish(done), { status: 'edited', value: { q: 'better' } });
    const options: CallToolOptions = {
      edit: { schema: { type: 'string' }, apply: (value) => ({ q: `${String(value)}!` }) },
    };
    const { result } = await decided(publish(done), { status: 'edited', value: 'part' }, { options });
    await expect(decided(publish(done), { status: 'edited', value: 7 }, { options })).rejects.toMatchObject({
      code: 'DECISION_INVALID',
    });

    expect(done).toEqual(['better', 'part!']);
    expect(result).toMatchObject({ output: { status: 'done', edited: true } });
  });

  it.each<[string, CallToolOptions['edit'] & object]>([
    [
      'throws',
      {
        schema: {},
        apply: () => {
          throw new Error('no');
        },
      },
    ],
    ['makes no input', { schema: {}, apply: () => ({ q: 'much too long for it' }) }],
  ])('REQ-2: an edit that %s is refused, and nothing runs', async (_, edit) => {
    const done: string[] = [];
    const { result } = await decided(publish(done), { status: 'edited', value: 1 }, { options: { edit } });
    expect(result).toMatchObject({ output: { status: 'refused', by: 'invalid' } });
    expect(done).toEqual([]);
  });

  it('REQ-2: a tool that changed after it was approved does not run', async () => {
    const done: string[] = [];
    const { result } = await decided(publish(done), { status: 'approved' }, { after: publish(done, { version: '2' }) });
    expect(result).toMatchObject({ output: { status: 'refused', by: 'changed' } });
    expect(done).toEqual([]);
  });

  it('REQ-3: its policy denies without asking, and once more right before the execution', async () => {
    const store = newStore();
    const denying = publish([], { approval: () => 'denied' });
    expect(await newEngine([calling(denying)], { store }).run('w', null, { id: 'r' })).toMatchObject({
      output: { status: 'refused', by: 'policy' },
    });
    expect(await deniedOf(store)).toMatchObject([{ by: 'policy' }]);

    const answers = ['user-approval', 'denied'];
    const done: string[] = [];
    const later = await decided(publish(done, { approval: () => answers.shift() }), { status: 'approved' });
    expect(later.result).toMatchObject({ output: { status: 'refused', by: 'policy' } });
    expect(await deniedOf(later.store)).toMatchObject([{ by: 'policy' }]);
    const ends = (await entriesOf(later.store, 'r')).filter(({ type }) => type === 'step-end');
    expect(ends.at(-1)).toMatchObject({ key: 'publish', outcome: { error: { code: 'TOOL_CALL_REFUSED' } } });

    const changing = ['approved', 'user-approval'];
    const engine = newEngine([calling(publish(done, { approval: () => changing.shift() }))]);
    expect(await engine.run('w', null)).toMatchObject({ output: { status: 'refused', by: 'policy' } });
    expect(done).toEqual([]);
  });

  it('REQ-3: a grant lets the next call run unasked', async () => {
    const done: string[] = [];
    const tool = publish(done, { approval: 'once' });
    const twice = workflow(async (ctx) => [
      await callTool(ctx, 'first', tool, { q: 'a' }),
      await callTool(ctx, 'second', tool, { q: 'b' }),
    ]);
    const engine = newEngine([twice]);
    const [request = ''] = waitingOn(await engine.run('w', null, { id: 'r' }));
    await engine.decide(keyOf('r'), request, { status: 'approved', grant: { scope: 'run', part: {} } });
    expect(await engine.drive(keyOf('r'))).toMatchObject({ status: 'completed' });
    expect(done).toEqual(['a', 'b']);
  });

  it('REQ-6: is refused at once in a run that nobody attends', async () => {
    expect(await newEngine([calling(publish())]).run('w', null, { attended: false })).toMatchObject({
      output: { status: 'refused', by: 'unattended' },
    });
  });

  it('REQ-6: asks for what the tool needs, with its approval used up once, and gives the output of the last execution', async () => {
    const seen: unknown[] = [];
    const asking = publish([], {
      execute({ q }: { readonly q: string }, { answers, state }: ExecutionScope) {
        seen.push([q, answers, state]);
        if (state === 2) return { booked: q };
        return callNeeds(
          {
            rope: { kind: 'question', body: { text: 'Which?' }, schema: { type: 'string' } },
            word: { kind: 'sample', model: 'm', maxTokens: 1, messages: [{ role: 'user', content: ['?'] }] },
          },
          seen.length,
        );
      },
    });
    const store = newStore();
    const engine = newEngine([calling(asking)], { store });
    const [approval = ''] = waitingOn(await engine.run('w', null, { id: 'r' }));
    await engine.decide(keyOf('r'), approval, { status: 'edited', value: { q: 'y' } });
    const [first = ''] = waitingOn(await engine.drive(keyOf('r')));
    expect(await store.request(keyOf('r'), first)).toMatchObject({
      kind: 'question',
      stepKey: 'publish:input:1.1',
      body: { tool: 'publish', callId: 'publish', need: 'rope' },
    });
    await expect(engine.decide(keyOf('r'), first, { status: 'answered', value: 7 })).rejects.toMatchObject({
      code: 'DECISION_INVALID',
    });
    await engine.decide(keyOf('r'), first, { status: 'answered', value: 'red' });
    const [second = ''] = waitingOn(await engine.drive(keyOf('r')));
    await engine.decide(keyOf('r'), second, { status: 'rejected' });

    expect(await engine.drive(keyOf('r'))).toMatchObject({
      output: { status: 'done', output: { booked: 'y' }, edited: true },
    });
    const word = { status: 'unavailable', reason: expect.stringContaining('may not ask') };
    expect(seen).toEqual([
      ['y', undefined, undefined],
      ['y', { rope: { status: 'answered', value: 'red' }, word }, 1],
      ['y', { rope: { status: 'rejected' }, word }, 2],
    ]);
  });

  it('rejects with what the tool throws, and for what it cannot call', async () => {
    const failing = publish([], {
      approval: 'never',
      execute() {
        throw new Error('broken');
      },
    });
    expect(await newEngine([calling(failing)]).run('w', null)).toMatchObject({ status: 'failed' });
    const long = workflow((ctx) => callTool(ctx, 'p', publish(), { q: 'much too long for it' }));
    expect(await newEngine([long]).run('w', null)).toMatchObject({ status: 'failed' });
    const asking = workflow((ctx) => callTool(ctx, 'p', askTool(), { question: 'well?' }));
    expect(await newEngine([asking]).run('w', null)).toMatchObject({
      status: 'failed',
      error: { message: expect.stringContaining('ctx.ask') },
    });
  });
});
