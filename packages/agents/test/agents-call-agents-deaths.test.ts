import { withChildren } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { everyDeath, scriptedModel, type Life, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { agentTool, defineAgent, defineTool } from '../src/index.ts';
import { STORAGES } from './storages.ts';
import { keyOf, resultsOf, threadOf } from './support.ts';

/** Calls before it has said anything, and is done after that: whoever is asked again answers the same. */
const asks = (calls: ScriptedReply) =>
  scriptedModel(
    Array.from(
      { length: 100 },
      () =>
        ({ prompt }) =>
          prompt.some(({ role }) => role === 'assistant') ? 'Done.' : calls,
    ),
  );

/** Three levels of agents under one budget: two of the second side by side, one of which a person has to allow. */
async function tree({ store, clock, write }: Life): Promise<void> {
  const save = defineTool({
    name: 'save',
    description: 'Saves.',
    input: z.object({}),
    effect: 'keyed',
    timeoutMs: 1e9, // time runs fast here
    execute(_, { run, callId, idempotencyKey }) {
      write({ type: 'effect', run: run.key, step: `tool:1:${callId}`, effect: 'keyed', idempotencyKey });
      return 'saved';
    },
  });
  const base = { description: 'Works.', instructions: '', limits: { modelTimeoutMs: 1e9, modelStallMs: 1e9 } };
  const writer = defineAgent({
    ...base,
    name: 'writer',
    model: asks({ call: 'save', input: {}, callId: 'c1' }),
    tools: [save],
  });
  const editor = defineAgent({
    ...base,
    name: 'editor',
    model: asks({ call: 'writer', input: { prompt: 'w' }, callId: 'c1' }),
    tools: [agentTool(writer)],
    delegation: {},
  });
  const lead = defineAgent({
    ...base,
    name: 'lead',
    model: asks([
      { call: 'editor', input: { prompt: 'a' }, callId: 'c1' },
      { call: 'asked', input: { prompt: 'b' }, callId: 'c2' },
    ]),
    tools: [agentTool(editor), agentTool(editor, { name: 'asked', approval: 'always' })],
    delegation: { depth: 2, tokens: 1_000_000 },
  });
  const limits = { parkAfterMs: 0, capacityWaitMs: 1e9 };
  // Its owner is this function: what stands on a store that died can never be closed.
  const engine = createEngine({ store, clock, definitions: withChildren(lead) as never, limits });
  for (;;) {
    const result = await engine.run('lead', 'Go', { id: 'r', budget: { tokens: 1_000_000 } });
    if (result.status !== 'waiting') break;
    for (const { run, request } of result.requests) await engine.decide(run, request, { status: 'approved' });
  }
  await engine[Symbol.asyncDispose]();
}

describe.each([
  ['memory', 1],
  // The same code decides in both; what a file adds is looked at here and there.
  ['SQLite', 4],
] as const)('three levels of agents under one budget (%s)', (storage, every) => {
  it('WFL-6, WFL-9, TST-3: die before and after every write: each call has one child, its result once, and nothing stays reserved', async () => {
    const points = await everyDeath({
      create: STORAGES[storage],
      every,
      live: tree,
      // Models, gates and what only stores a result act on nothing outside.
      isSilent: (_run, step) => !step.startsWith('tool:'),
      async check({ store, lines, point }) {
        const runs = (await store.listRuns({ tenant: 'default', root: 'r', limit: 20 })).items;
        const names = runs.map(({ definition }) => definition).toSorted();
        expect(names, point).toEqual(['editor', 'editor', 'lead', 'writer', 'writer']);
        expect(new Set(runs.map(({ status }) => status)), point).toEqual(new Set(['completed']));
        for (const { key, definition } of runs) {
          const results = Object.values(await resultsOf(store, key.run));
          expect(results, point).toHaveLength(definition === 'lead' ? 2 : 1);
          expect(results, point).not.toContainEqual(expect.objectContaining({ type: 'error' }));
          const ids = (await threadOf(store, key.run)).map(({ id }) => id);
          expect(new Set(ids).size, point).toBe(ids.length);
        }
        expect(
          new Set(lines.flatMap((line) => (line.type === 'effect' ? [line.idempotencyKey] : []))).size,
          point,
        ).toBe(2);
        const request = (await store.listRequests({ tenant: 'default', run: 'r', limit: 10 })).items;
        expect(request, point).toMatchObject([{ status: 'approved', claimed: true }]);
        const ledger = await store.ledger(keyOf('r'));
        expect(ledger?.reserved, point).toMatchObject({ calls: 0, tokens: 0, costMicros: 0 });
      },
    });

    expect(points.size * every).toBeGreaterThan(60);
  }, 240_000);
});

describe('an agent that hands back what it has, called by another', () => {
  it('WFL-10, TST-3: hands back the same, marked, wherever it dies', async () => {
    const points = await everyDeath({
      create: STORAGES.memory,
      isSilent: () => true,
      async live({ store, clock }) {
        const look = defineTool({
          name: 'look',
          description: 'Looks.',
          input: z.object({}),
          effect: 'repeatable',
          timeoutMs: 1e9,
          execute: () => 'seen',
        });
        const limits = { modelTimeoutMs: 1e9, modelStallMs: 1e9 };
        const said = Array.from({ length: 50 }, () => ({ prompt }: { readonly prompt: readonly unknown[] }) => [
          `Said ${prompt.length}.`,
          { call: 'look', input: {} },
        ]);
        const writer = defineAgent({
          name: 'writer',
          description: 'Writes.',
          instructions: '',
          model: scriptedModel(said),
          tools: [look],
          limits: { ...limits, steps: 2 },
        });
        const lead = defineAgent({
          name: 'lead',
          instructions: '',
          model: asks({ call: 'writer', input: { prompt: 'w' }, callId: 'c1' }),
          tools: [agentTool(writer)],
          delegation: { whenExhausted: 'partial' },
          limits,
        });
        const definitions = withChildren(lead) as never;
        const engine = createEngine({ store, clock, definitions, limits: { parkAfterMs: 0 } });
        await engine.run('lead', 'Go', { id: 'r' });
        await engine[Symbol.asyncDispose]();
      },
      async check({ store, point }) {
        expect(await store.run(keyOf('r')), point).toMatchObject({ status: 'completed', output: 'Done.' });
        const [child] = (await store.listRuns({ tenant: 'default', parent: 'r', limit: 5 })).items;
        expect(child && (await store.run(child.key)), point).toMatchObject({
          output: 'Said 3.',
          partial: { code: 'AGENT_STEP_LIMIT' },
        });
        const text = expect.stringMatching(/^Said 3\.\n\[This is not the whole: AGENT_STEP_LIMIT/);
        expect(await resultsOf(store, 'r'), point).toMatchObject({ c1: { text } });
      },
    });

    expect(points.size).toBeGreaterThan(20);
  }, 120_000);
});
