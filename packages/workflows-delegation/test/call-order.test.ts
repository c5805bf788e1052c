import { getEventListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import {
  PrusikError,
  type AgentCallOptions,
  type DelegationPolicy,
  type DurableContext,
  type DurableDefinition,
  type Json,
} from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { defineWorkflow, type AgentCalls } from '@prusik/workflows-delegation';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { childrenOf, engineFor, journalOf } from './engines.ts';

const echo: DurableDefinition<string, string> = {
  name: 'echo',
  kind: 'function',
  version: '1',
  run: (ctx: DurableContext, text) => ctx.step('echo', () => text),
};
/** Takes a while to find that its input is a number. */
const picky: DurableDefinition<string, string> = {
  ...echo,
  name: 'picky',
  parseInput: async (input) => {
    await delay(2);
    if (typeof input !== 'string') throw new PrusikError('INPUT_INVALID', 'not a text');
    return input;
  },
};
const patient: DurableDefinition<string, string> = {
  ...echo,
  name: 'patient',
  run: async (ctx: DurableContext) => {
    await ctx.receive('never');
    return 'told';
  },
};
const aborted = AbortSignal.abort('not needed');

/** What became of a call, in one word. */
const fateOf = async (call: Promise<unknown>): Promise<string> =>
  call.then(String, (error: unknown) =>
    error instanceof TypeError
      ? 'TypeError'
      : `${(error as PrusikError).code} ${String((error as PrusikError).meta['reason'] ?? '')}`.trim(),
  );

/** Makes these calls one after another. */
const calling = (delegation: DelegationPolicy | undefined, calls: readonly Call[]) =>
  defineWorkflow({
    name: 'calling',
    input: z.null(),
    agents: { echo, picky },
    ...(delegation === undefined ? {} : { delegation: delegation as DelegationPolicy<'echo' | 'picky', 'fast'> }),
    run: async (ctx) => {
      const fates: string[] = [];
      for (const [index, { agent = 'echo', input = 'a', key = `call ${index}`, options = {} }] of calls.entries()) {
        const { run } = ctx.agents[agent] as AgentCalls<unknown, string>;
        fates.push(await fateOf(run(key, input, options)));
      }
      return fates;
    },
  });
interface Call {
  readonly agent?: 'echo' | 'picky';
  readonly key?: string;
  readonly input?: Json;
  readonly options?: AgentCallOptions;
}

/** What can be wrong with a call before its policy is asked, in the order in which it is told. */
const wrong: readonly [string, Call][] = [
  ['CALL_ABORTED', { options: { signal: aborted } }],
  ['TypeError', { options: { priority: 0.5, model: 'fast' } }],
  ['TypeError', { options: { onParentEnd: 'stay' as never } }],
  ['TypeError', { options: { timeout: 5 } as never }],
  ['NO_DEFINITION', { options: { model: 'fast' } }],
  ['INPUT_INVALID', { agent: 'picky', input: 7 }],
];

describe('a call that is not in order', () => {
  it.each(wrong)('WFL-3: %s costs nothing: no place, no count, no entry, no key', async (fate, call) => {
    const engine = engineFor([
      calling({ calls: 1, parallel: 1, models: ['fast'] }, [call, call, { key: 'call 0' }, {}]),
    ]);

    expect(await engine.run('calling', null, { id: 'parent' })).toMatchObject({
      output: [fate, fate, 'a', 'DELEGATION_REFUSED max_calls'],
    });
    expect(await childrenOf(engine.store, 'parent')).toHaveLength(1);
    const keys = (await journalOf(engine.store, 'parent')).flatMap((entry) => ('key' in entry ? [entry.key] : []));
    expect(new Set(keys)).toEqual(new Set(['call 0']));
  });

  it('WFL-3: CALL_ABORTED is what it is told also where its run was told to stop meanwhile', async () => {
    const fates: string[] = [];
    const stopped = defineWorkflow({
      name: 'stopped',
      input: z.null(),
      agents: { echo },
      delegation: {},
      run: async (ctx) => {
        await ctx.receive('never').catch(() => {});
        fates.push(await fateOf(ctx.agents.echo.run('late', 'a', { signal: aborted })));
      },
    });
    const engine = engineFor([stopped]);
    const running = engine.run('stopped', null, { id: 'parent' });
    await delay(0);
    await engine.cancel({ tenant: 'default', run: 'parent' });

    expect(await running).toMatchObject({ status: 'cancelled' });
    expect(fates).toEqual(['CALL_ABORTED']);
  });

  it('WFL-3: is told so before the policy is asked, and who may not ask for a model is not told whether there is one', async () => {
    const policies: readonly (DelegationPolicy | undefined)[] = [undefined, { agents: [] }, { depth: 0 }, { calls: 0 }];
    for (const policy of policies) {
      const result = await engineFor([
        calling(
          policy,
          wrong.map(([, call]) => call),
        ),
      ]).run('calling', null);
      expect(result).toMatchObject({
        output: [
          'CALL_ABORTED',
          'TypeError',
          'TypeError',
          'TypeError',
          expect.stringContaining('DELEGATION_REFUSED'),
          'INPUT_INVALID',
        ],
      });
    }
    // Also of a call with which nothing is wrong.
    expect(await engineFor([calling({ depth: 0 }, [{}])]).run('calling', null)).toMatchObject({
      output: ['DELEGATION_REFUSED max_depth'],
    });
    const asksForMore = calling({ models: ['other'] }, [{ options: { model: 'fast' } }]);
    expect(await engineFor([asksForMore]).run('calling', null)).toMatchObject({
      output: ['DELEGATION_REFUSED model_not_allowed'],
    });
  });

  it('WFL-3: is aborted before it is looked at otherwise', async () => {
    const both: Call = { agent: 'picky', input: 7, options: { signal: aborted, priority: 0.5 } };

    expect(await engineFor([calling({}, [both])]).run('calling', null)).toMatchObject({ output: ['CALL_ABORTED'] });
  });

  it('WFL-3, WFL-5: whose input takes a while to check does not change who comes first, nor does a replay', async () => {
    const store = memoryStore();
    const workflow = defineWorkflow({
      name: 'crowded',
      input: z.null(),
      agents: { echo, picky },
      delegation: { calls: 2 },
      run: async (ctx) => {
        const texts: readonly unknown[] = [7, 'a', 'b', 'c'];
        const fates = await Promise.all(
          texts.map((text, index) =>
            fateOf(
              index % 2 === 0
                ? ctx.agents.picky.run(`call ${index}`, text as string)
                : ctx.agents.echo.run(`call ${index}`, text as string),
            ),
          ),
        );
        await ctx.receive('go');
        return fates;
      },
    });
    await engineFor([workflow], { store }).run('crowded', null, { id: 'parent' });
    const again = engineFor([workflow], { store });
    await again.signal({ tenant: 'default', run: 'parent' }, 'go', null);

    expect(await again.drive({ tenant: 'default', run: 'parent' })).toMatchObject({
      output: ['INPUT_INVALID', 'a', 'b', 'DELEGATION_REFUSED max_calls'],
    });
  });
});

describe('a call with a signal', () => {
  it('WFL-3: that is aborted while it is queued leaves the queue, and its place to others', async () => {
    const workflow = defineWorkflow({
      name: 'crowded',
      input: z.null(),
      agents: { echo },
      delegation: { parallel: 1, calls: 3 },
      run: async (ctx) => {
        const abort = new AbortController();
        const calls = [
          ctx.agents.echo.run('a', 'a').finally(() => abort.abort('changed my mind')),
          ctx.agents.echo.run('b', 'b'),
          ctx.agents.echo.run('c', 'c', { signal: abort.signal }),
          ctx.agents.echo.run('d', 'd'),
        ].map(fateOf);
        const fates = await Promise.all(calls);
        return [...fates, await fateOf(ctx.agents.echo.run('c', 'again'))];
      },
    });
    const engine = engineFor([workflow]);

    expect(await engine.run('crowded', null, { id: 'parent' })).toMatchObject({
      output: ['a', 'b', 'CALL_ABORTED', 'DELEGATION_REFUSED max_calls', 'again'],
    });
  });

  it('WFL-3: that is given up before its start, though it had its place, does not count', async () => {
    const store = memoryStore();
    // The later build makes a call before what the earlier one has recorded, and gives it up by that.
    const changing = (isLater: boolean) =>
      defineWorkflow({
        name: 'changing',
        input: z.null(),
        agents: { echo },
        delegation: { calls: 1 },
        run: async (ctx) => {
          const abort = new AbortController();
          const early = isLater ? fateOf(ctx.agents.echo.run('early', 'e', { signal: abort.signal })) : undefined;
          await ctx.step('decided', () => null);
          abort.abort();
          await ctx.receive('go');
          return [(await early) ?? null, await fateOf(ctx.agents.echo.run('late', 'l'))];
        },
      });
    await engineFor([changing(false)], { store }).run('changing', null, { id: 'parent' });
    const later = engineFor([changing(true)], { store });
    await later.signal({ tenant: 'default', run: 'parent' }, 'go', null);

    expect(await later.drive({ tenant: 'default', run: 'parent' })).toMatchObject({ output: ['CALL_ABORTED', 'l'] });
  });

  it('WFL-3: that is aborted while it is looked at is given up, whatever its policy says, and does not wait for a place', async () => {
    const workflow = defineWorkflow({
      name: 'impatient',
      input: z.null(),
      agents: { patient, picky },
      delegation: { parallel: 1, calls: 2 },
      run: async (ctx) => {
        const stop = new AbortController();
        const first = fateOf(ctx.agents.patient.run('first', 'x', { signal: stop.signal }));
        await ctx.sleep('a while', 0);
        const given = async (key: string) => {
          const abort = new AbortController();
          const call = fateOf(ctx.agents.picky.run(key, 'y', { signal: abort.signal }));
          abort.abort('changed my mind');
          return call;
        };
        const withoutPlace = await given('without a place');
        const last = fateOf(ctx.agents.picky.run('last', 'z'));
        const pastTheCount = await given('past the count');
        stop.abort();
        return [await first, withoutPlace, pastTheCount, await last];
      },
    });

    expect(await engineFor([workflow]).run('impatient', null)).toMatchObject({
      output: ['CHILD_CANCELLED', 'CALL_ABORTED', 'CALL_ABORTED', 'z'],
    });
  });

  it('WFL-5: leaves nothing at a signal that outlives it', async () => {
    const { signal } = new AbortController();
    const workflow = defineWorkflow({
      name: 'many',
      input: z.null(),
      agents: { echo },
      delegation: { parallel: 2, calls: 50 },
      run: async (ctx) => {
        const calls = Array.from({ length: 50 }, (_, n) => ctx.agents.echo.run(`call ${n}`, 'a', { signal }));
        await Promise.all(calls);
        return getEventListeners(signal, 'abort').length;
      },
    });

    expect(await engineFor([workflow]).run('many', null)).toMatchObject({ output: 0 });
  });

  it('WFL-7: cancels a child that runs, and nobody else', async () => {
    const workflow = defineWorkflow({
      name: 'racing',
      input: z.null(),
      agents: { echo, patient },
      delegation: {},
      run: async (ctx) => {
        const abort = new AbortController();
        const slow = fateOf(ctx.agents.patient.run('slow', 'x', { signal: abort.signal }));
        const fast = await ctx.agents.echo.run('fast', 'y');
        abort.abort();
        return [fast, await slow];
      },
    });
    const engine = engineFor([workflow]);

    expect(await engine.run('racing', null, { id: 'parent' })).toMatchObject({ output: ['y', 'CHILD_CANCELLED'] });
    const children = await childrenOf(engine.store, 'parent');
    expect(children.map((run) => [run.parent?.key, run.status]).toSorted()).toEqual([
      ['fast', 'completed'],
      ['slow', 'cancelled'],
    ]);
  });
});

describe("a child's own calls", () => {
  const below = (delegation: DelegationPolicy<'echo'>) =>
    defineWorkflow({
      name: 'below',
      input: z.null(),
      agents: { echo },
      delegation,
      run: (ctx) => ctx.agents.echo.run('deep', 'x', delegation.calls === undefined ? { signal: aborted } : {}),
    });

  it.each<[string, DelegationPolicy<'echo'>]>([
    ['DELEGATION_REFUSED', { calls: 0 }],
    ['CALL_ABORTED', {}],
  ])('WFL-8: that end it with %s are not taken for what became of the call', async (code, policy) => {
    const workflow = defineWorkflow({
      name: 'above',
      input: z.null(),
      agents: { below: below(policy), echo },
      delegation: { depth: 2, calls: 2 },
      run: async (ctx) => {
        const failed = await ctx.agents.below.run('call', null).catch((error: PrusikError) => error);
        const { code: told, meta } = failed as PrusikError;
        return [
          told,
          meta['code'] ?? null,
          meta['agent'] ?? null,
          meta['key'] ?? null,
          await ctx.agents.echo.run('next', 'y'),
        ];
      },
    });

    expect(await engineFor([workflow]).run('above', null)).toMatchObject({
      output: ['CHILD_FAILED', code, 'below', 'call', 'y'],
    });
  });
});

describe('a call that its parent leaves', () => {
  it('WFL-7: starts before the parent ends, queued or not, and the parent does not wait for it', async () => {
    const workflow = defineWorkflow({
      name: 'leaving',
      input: z.null(),
      agents: { echo, patient },
      delegation: { parallel: 1 },
      run: (ctx) => {
        void ctx.agents.echo.run('first', 'x');
        void ctx.agents.patient.run('left', 'x', { onParentEnd: 'leave' });
        return 'returned';
      },
    });
    const engine = engineFor([workflow]);

    expect(await engine.run('leaving', null, { id: 'parent' })).toMatchObject({ output: 'returned' });
    const children = await childrenOf(engine.store, 'parent');
    expect(children.map((run) => [run.parent?.key, run.status === 'completed']).toSorted()).toEqual([
      ['first', true],
      ['left', false],
    ]);
  });
});
