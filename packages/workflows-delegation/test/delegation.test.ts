import { setTimeout as delay } from 'node:timers/promises';
import {
  PrusikError,
  type DelegationPolicy,
  type DurableContext,
  type DurableDefinition,
  type SerializedError,
} from '@prusik/core';
import type { RunResult } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { childrenOf, engineFor, journalOf } from './engines.ts';

const prompt = z.object({ prompt: z.string() });
const shout: DurableDefinition<{ prompt: string }, string> = {
  name: 'shout',
  kind: 'function',
  version: '1',
  run: (ctx: DurableContext, input) => ctx.step('shout', () => input.prompt.toUpperCase()),
};
const broken: DurableDefinition<{ prompt: string }, string> = {
  name: 'broken',
  kind: 'function',
  version: '1',
  run: () => {
    throw new PrusikError('MODEL_OVERLOADED', 'no room', { retryable: true, meta: { status: 529 } });
  },
};
const errorOf = (result: RunResult<unknown>): SerializedError | undefined =>
  result.status === 'failed' ? result.error : undefined;

/** Calls `shout` with each text at once, and gives what became of each call. */
function callEach(policy: DelegationPolicy<'shout'> | undefined) {
  return defineWorkflow({
    name: 'call-each',
    input: z.array(z.string()),
    agents: { shout },
    ...(policy ? { delegation: policy } : {}),
    run: async (ctx, texts) => {
      const calls = await Promise.allSettled(
        texts.map((text) => ctx.agents.shout.run(`shout ${text}`, { prompt: text })),
      );
      return calls.map((call) =>
        call.status === 'fulfilled' ? call.value : `${call.reason.code}: ${call.reason.meta.reason}`,
      );
    },
  });
}

describe('calls of agents', () => {
  it('WFL-1: gives the output of a child run, which has its lineage', async () => {
    const engine = engineFor([callEach({})]);

    const result = await engine.run('call-each', ['a'], { id: 'parent' });

    expect(result).toMatchObject({ status: 'completed', output: ['A'] });
    const [child] = await childrenOf(engine.store, 'parent');
    expect(child).toMatchObject({
      definition: 'shout',
      root: 'parent',
      parent: { run: 'parent', key: 'shout a' },
      depth: 1,
      status: 'completed',
    });
  });

  it('WFL-1: refuses every call until a policy is declared', async () => {
    const engine = engineFor([callEach(undefined)]);

    const result = await engine.run('call-each', ['a'], { id: 'parent' });

    expect(result).toMatchObject({ output: ['DELEGATION_REFUSED: delegation_disabled'] });
  });

  it('WFL-3: a refused call leaves no child, no entry and no used-up place', async () => {
    const engine = engineFor([callEach({ calls: 2, parallel: 1, whenFull: 'refuse' })]);

    const result = await engine.run('call-each', ['a', 'b', 'c'], { id: 'parent' });

    const full = 'DELEGATION_REFUSED: max_parallel';
    expect(result).toMatchObject({ output: ['A', full, full] });
    expect(await childrenOf(engine.store, 'parent')).toHaveLength(1);
    const keys = (await journalOf(engine.store, 'parent')).flatMap((entry) => ('key' in entry ? [entry.key] : []));
    expect(new Set(keys)).toEqual(new Set(['shout a']));
  });

  it('WFL-2: stops at the number of calls, queued ones included', async () => {
    const engine = engineFor([callEach({ calls: 3, parallel: 1 })]);

    const result = await engine.run('call-each', ['a', 'b', 'c', 'd'], { id: 'parent' });

    expect(result).toMatchObject({ output: ['A', 'B', 'C', 'DELEGATION_REFUSED: max_calls'] });
  });

  it('WFL-2: accepts no call after the deadline, queued ones neither', async () => {
    const clock = fakeClock();
    const late: DurableDefinition<null, string> = {
      name: 'late',
      kind: 'function',
      version: '1',
      run: (ctx: DurableContext) =>
        ctx.step('work', async ({ signal }) => {
          const { promise, resolve } = Promise.withResolvers<string>();
          signal.addEventListener('abort', () => resolve('done'), { once: true });
          clock.advance(20);
          return promise;
        }),
    };
    const hurried = defineWorkflow({
      name: 'hurried',
      input: z.null(),
      agents: { late },
      delegation: { wallMs: 20, parallel: 1 },
      run: async (ctx) => {
        const calls = await Promise.allSettled(['a', 'b'].map((key) => ctx.agents.late.run(key, null)));
        return calls.map((call) =>
          call.status === 'fulfilled' ? call.value : (call.reason.meta.reason ?? call.reason.code),
        );
      },
    });

    const result = await engineFor([hurried], { store: memoryStore({ clock }), clock }).run('hurried', null);

    expect(result).toMatchObject({ output: ['RUN_DEADLINE', 'deadline'] });
  });

  it('WFL-8: a failed child is a typed error that says which call it was', async () => {
    const workflow = defineWorkflow({
      name: 'hopeful',
      input: z.null(),
      agents: { broken },
      delegation: {},
      run: (ctx) => ctx.agents.broken.run('try', { prompt: '' }),
    });

    const engine = engineFor([workflow]);
    const result = await engine.run('hopeful', null, { id: 'parent' });

    const [child] = await childrenOf(engine.store, 'parent');
    expect(errorOf(result)).toEqual({
      code: 'MODEL_OVERLOADED',
      message: 'broken: no room',
      retryable: true,
      meta: { status: 529, agent: 'broken', key: 'try', child: child?.key.run },
    });
  });

  it('DUR-14: a child that somebody cancelled is not mistaken for a cancelled caller', async () => {
    const waiting: DurableDefinition<null, null> = {
      name: 'waiting',
      kind: 'function',
      version: '1',
      run: async (ctx: DurableContext) => {
        await ctx.receive('never');
        return null;
      },
    };
    const workflow = defineWorkflow({
      name: 'patient',
      input: z.null(),
      agents: { waiting },
      delegation: {},
      run: (ctx) => ctx.agents.waiting.run('wait', null),
    });
    const engine = engineFor([workflow]);
    expect(await engine.run('patient', null, { id: 'parent' })).toMatchObject({ status: 'waiting' });
    const [child] = await childrenOf(engine.store, 'parent');

    await engine.cancel(child!.key);

    expect(errorOf(await engine.drive({ tenant: 'default', run: 'parent' }))).toMatchObject({
      code: 'CHILD_CANCELLED',
    });
  });

  it('WFL-4: what the ledger refused to one child is not asked for again', async () => {
    const greedy: DurableDefinition<null, string> = {
      name: 'greedy',
      kind: 'agent',
      version: '1',
      run: (ctx: DurableContext) =>
        ctx.step(
          'model',
          (step) => {
            step.usage({ inputTokens: 50, outputTokens: 10 });
            return 'text';
          },
          { kind: 'model', reserve: { tokens: 60 } },
        ),
    };
    const workflow = defineWorkflow({
      name: 'frugal',
      input: z.null(),
      agents: { greedy },
      delegation: { tokens: 100 },
      run: async (ctx) => {
        const outcomes: unknown[] = [];
        for (const key of ['a', 'b', 'c']) {
          outcomes.push(
            await ctx.agents.greedy
              .run(key, null)
              .catch((error: PrusikError) => [error.code, error.meta['reason'] ?? '']),
          );
        }
        return outcomes;
      },
    });
    const engine = engineFor([workflow]);

    const result = await engine.run('frugal', null, { id: 'parent', budget: workflow.budget! });

    expect(result).toMatchObject({
      output: ['text', ['BUDGET_EXCEEDED', ''], ['DELEGATION_REFUSED', 'max_tokens']],
    });
    expect(await childrenOf(engine.store, 'parent')).toHaveLength(2);
    expect(await engine.store.ledger({ tenant: 'default', run: 'parent' })).toMatchObject({
      used: { tokens: 60 },
      reserved: { tokens: 0 },
    });
  });
});

describe('the end of a workflow', () => {
  it('WFL-7: a handler that returns is waited for until its children have ended, queued ones too', async () => {
    const workflow = defineWorkflow({
      name: 'careless',
      input: prompt,
      agents: { shout, broken },
      delegation: { parallel: 1 },
      run: (ctx, input) => {
        void ctx.agents.shout.run('a', input);
        void ctx.agents.broken.run('b', input);
        void ctx.agents.shout.run('c', input);
        return 'returned';
      },
    });
    const engine = engineFor([workflow]);

    const result = await engine.run('careless', { prompt: 'x' }, { id: 'parent' });

    expect(result).toMatchObject({ status: 'completed', output: 'returned' });
    const children = await childrenOf(engine.store, 'parent');
    expect(children.map((run) => run.status)).toEqual(['completed', 'failed', 'completed']);
    const journal = await journalOf(engine.store, 'parent');
    expect(journal.findIndex((entry) => entry.type === 'run-end')).toBe(journal.length - 1);
    expect(journal.filter((entry) => entry.type === 'wait-end')).toHaveLength(3);
  });

  it('WFL-7: a queued call whose input takes time to check is waited for too', async () => {
    const slowly: DurableDefinition<{ prompt: string }, string> = {
      ...shout,
      name: 'slowly',
      parseInput: (input) => delay(2, input as { prompt: string }),
    };
    const workflow = defineWorkflow({
      name: 'careless',
      input: prompt,
      agents: { shout, slowly },
      delegation: { parallel: 1 },
      run: (ctx, input) => {
        void ctx.agents.shout.run('a', input);
        void ctx.agents.slowly.run('b', input);
        return 'returned';
      },
    });
    const engine = engineFor([workflow]);

    await engine.run('careless', { prompt: 'x' }, { id: 'parent' });

    const children = await childrenOf(engine.store, 'parent');
    expect(children.map((run) => [run.definition, run.status])).toEqual([
      ['shout', 'completed'],
      ['slowly', 'completed'],
    ]);
  });

  it('WFL-3: a cancelled run is told so, whatever its policy says of the call', async () => {
    const codes: unknown[] = [];
    const begun = Promise.withResolvers<void>();
    const workflow = defineWorkflow({
      name: 'persistent',
      input: z.null(),
      agents: { shout },
      delegation: { calls: 0 },
      run: async (ctx) => {
        const call = (key: string) =>
          ctx.agents.shout.run(key, { prompt: '' }).catch((error: PrusikError) => codes.push(error.code));
        await call('before');
        begun.resolve();
        await ctx.receive('never').catch(() => call('after'));
      },
    });
    const engine = engineFor([workflow], { parkAfterMs: 5_000 });
    const running = engine.run('persistent', null, { id: 'parent' });
    await begun.promise;
    await engine.cancel({ tenant: 'default', run: 'parent' });

    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(codes).toEqual(['DELEGATION_REFUSED', 'RUN_CANCELLED']);
  });

  it('WFL-7: a handler that throws has its children cancelled and awaited, and its queued calls never start', async () => {
    const patient: DurableDefinition<null, null> = {
      name: 'patient',
      kind: 'function',
      version: '1',
      run: async (ctx: DurableContext) => {
        await ctx.receive('never');
        return null;
      },
    };
    const workflow = defineWorkflow({
      name: 'clumsy',
      input: z.null(),
      agents: { patient, broken },
      delegation: { parallel: 3 },
      run: async (ctx) => {
        const calls = ['a', 'b', 'c', 'd'].map((key) => ctx.agents.patient.run(key, null));
        await ctx.step('stumble', () => {
          throw new PrusikError('STUMBLED', 'over a root');
        });
        await Promise.all(calls);
      },
    });
    const engine = engineFor([workflow]);

    const result = await engine.run('clumsy', null, { id: 'parent' });

    expect(errorOf(result)).toMatchObject({ code: 'STUMBLED' });
    const children = await childrenOf(engine.store, 'parent');
    expect(children.map((run) => [run.parent?.key, run.status])).toEqual([
      ['a', 'cancelled'],
      ['b', 'cancelled'],
      ['c', 'cancelled'],
    ]);
    const parent = await engine.store.run({ tenant: 'default', run: 'parent' });
    expect(Math.max(...children.map((run) => run.endedAt!))).toBeLessThanOrEqual(parent!.endedAt!);
  });

  it('WFL-7: cancelling a workflow cancels its children, and nothing queued starts', async () => {
    const patient: DurableDefinition<null, null> = {
      name: 'patient',
      kind: 'function',
      version: '1',
      run: async (ctx: DurableContext) => {
        await ctx.receive('never');
        return null;
      },
    };
    const workflow = defineWorkflow({
      name: 'stopped',
      input: z.null(),
      agents: { patient },
      delegation: { parallel: 2 },
      run: (ctx) => ctx.fanOut(['a', 'b', 'c'], (key) => ctx.agents.patient.run(key, null), { concurrency: 3 }),
    });
    const engine = engineFor([workflow]);
    expect(await engine.run('stopped', null, { id: 'parent' })).toMatchObject({ status: 'waiting' });

    await engine.cancel({ tenant: 'default', run: 'parent' });
    const result = await engine.drive({ tenant: 'default', run: 'parent' });

    expect(result.status).toBe('cancelled');
    expect((await childrenOf(engine.store, 'parent')).map((run) => run.status)).toEqual(['cancelled', 'cancelled']);
  });

  it('WFL-1: an output that does not fit its schema fails the run', async () => {
    const workflow = defineWorkflow({
      name: 'wrong',
      input: z.null(),
      output: z.object({ bump: z.enum(['major', 'minor']) }),
      // A value of unknown shape, as a model gives it.
      run: () => JSON.parse('{"bump":"huge"}'),
    });

    expect(errorOf(await engineFor([workflow]).run('wrong', null))).toMatchObject({ code: 'OUTPUT_INVALID' });
  });

  it('WFL-1: an input that does not fit its schema is refused before anything is stored', async () => {
    const engine = engineFor([callEach({})]);

    await expect(engine.start('call-each', [1], { id: 'parent' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(await engine.store.run({ tenant: 'default', run: 'parent' })).toBeUndefined();
  });
});
