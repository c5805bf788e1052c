import { fakeClock, scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../src/index.ts';
import { hurried, newEngine, newStore, resultsOf } from './support.ts';

const ran: string[] = [];
const tool = (name: string) =>
  defineTool({
    name,
    description: name,
    input: z.object({}),
    effect: 'repeatable',
    execute: () => {
      ran.push(name);
      return `${name} ran`;
    },
  });
const [read, write] = [tool('read'), tool('write')];

const namesIn = (tools: readonly { readonly name: string }[] | undefined): readonly string[] =>
  (tools ?? []).map(({ name }) => name);

describe('AGT-11: tools that a step does not offer', () => {
  it('are not shown, and refused where the model names them; the next step may offer them', async () => {
    ran.length = 0;
    const model = scriptedModel([
      [
        { call: 'write', input: {} },
        { call: 'read', input: {} },
      ],
      [{ call: 'write', input: {} }],
      'Done.',
    ]);
    const store = newStore();
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model,
      tools: [read, write],
      activeTools: ({ step, context }) => (step === 1 && context === 'guest' ? ['read'] : ['write', 'read']),
    });

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r', context: 'guest' });

    expect(model.requests.map(({ tools }) => namesIn(tools))).toEqual([['read'], ['read', 'write'], ['read', 'write']]);
    expect(Object.values(await resultsOf(store, 'r'))).toEqual([
      { type: 'error', code: 'TOOL_NOT_OFFERED', text: expect.stringContaining('There are: read.') },
      { type: 'text', text: 'read ran' },
      { type: 'text', text: 'write ran' },
    ]);
    expect(ran).toEqual(['read', 'write']);
  });

  it('a step that is recorded is not chosen for again: a call that it offered is closed by its approval, not by a newer choice', async () => {
    const steps: number[] = [];
    const model = scriptedModel([{ call: 'write', input: {} }, 'Done.']);
    const store = newStore();
    const agentOf = (offered: readonly ('read' | 'write')[]) =>
      defineAgent({
        name: 'a',
        instructions: '',
        model,
        tools: [read, { ...write, approval: 'always' as const }],
        activeTools: ({ step }) => {
          steps.push(step);
          return offered;
        },
      });
    const first = newEngine([agentOf(['read', 'write'])], { store });
    const waiting = await first.run('a', 'Go', { id: 'r' });
    expect(waiting).toMatchObject({ status: 'waiting' });
    await first[Symbol.asyncDispose]();

    const second = newEngine([agentOf(['read'])], { store });
    const { items } = await store.listRequests({ tenant: 'default', run: 'r', limit: 10 });
    await second.decide({ tenant: 'default', run: 'r' }, items[0]?.id ?? '', { status: 'approved' });
    await second.drive({ tenant: 'default', run: 'r' });

    expect(steps).toEqual([1, 2]);
    expect(Object.values(await resultsOf(store, 'r'))).toEqual([{ type: 'text', text: 'write ran' }]);
  });

  const CHOICES: readonly (readonly [string, () => Promise<never>, string])[] = [
    ['throws', () => Promise.reject(new Error('no idea')), 'no idea'],
    ['hangs', () => new Promise<never>(() => {}), '10000 ms'],
    ['returns no list', async () => 'read' as never, 'no list'],
    ['names what is not there', async () => ['delete'] as never, '"delete"'],
  ];
  it.each(CHOICES)('a choice that %s fails the run and offers nothing', async (_what, activeTools, said) => {
    const clock = fakeClock();
    const model = scriptedModel(['Never asked.']);
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model,
      tools: [read],
      activeTools,
      clock,
    });

    const result = await hurried(clock, newEngine([agent], { store: newStore({ clock }), clock }).run('a', 'Go'));

    expect(result).toMatchObject({
      status: 'failed',
      error: { code: 'ACTIVE_TOOLS_FAILED', message: expect.stringContaining(said) },
    });
    expect(model.requests).toEqual([]);
  });
});
