import { setTimeout as pause } from 'node:timers/promises';
import type { DurableContext, DurableDefinition, Effect, Json, Message, StepScope } from '@prusik/core';
import type { WriteLine } from '@prusik/testing-contracts';
import type { RunPlan } from './plan.ts';

/** What a run says when it has ended, to be compared with what clients did. */
export interface WorkOutput {
  readonly signal: Json;
  readonly decision: string | null;
  readonly children: readonly number[];
}

export type ChaosDefinition = DurableDefinition<Json, unknown>;

const EFFECTS = ['repeatable', 'keyed', 'once'] as const;
const CHILD_PACE_MS = 5;
/** Outcomes past it stand in blobs. */
export const INLINE_BYTES = 1_000;
const LARGE = INLINE_BYTES;

const effectOf = (n: number): Effect => EFFECTS[n % EFFECTS.length] ?? 'repeatable';

/** Keys of the steps that a run with this plan has when it has ended. */
export const stepKeys = (plan: RunPlan): readonly string[] => [
  ...Array.from({ length: plan.steps }, (_, n) => `s${n}`),
  ...(plan.session === null ? [] : ['reply']),
];

export const childStepKeys: readonly string[] = ['model', 'after'];

/** The functions that the workers drive. Their bodies tell `write` what they do. */
export function workload(write: WriteLine): readonly ChaosDefinition[] {
  const work: ChaosDefinition = {
    name: 'work',
    kind: 'function',
    version: '1',
    budget: { calls: 100, tokens: 10_000 },
    openingMessages: (input) => {
      const { id, session } = input as unknown as RunPlan;
      return session === null ? [] : [text(`${id}-user`, 'user')];
    },
    run: (ctx, input) => runPlanned(ctx, input as unknown as RunPlan, write),
  };
  const part: ChaosDefinition = {
    name: 'part',
    kind: 'function',
    version: '1',
    async run(ctx, n) {
      const act = actor(ctx, write, CHILD_PACE_MS);
      const options = { kind: 'model', reserve: { calls: 1, tokens: 50 } } as const;
      const value = await ctx.step(
        'model',
        async (step) => {
          await act(step, 'repeatable');
          step.usage({ inputTokens: 10, outputTokens: 5 });
          return Number(n) * 10;
        },
        options,
      );
      await ctx.step('after', (step) => act(step, 'keyed'), { effect: 'keyed' });
      return value;
    },
  };
  return [work, part];
}

async function runPlanned(ctx: DurableContext, plan: RunPlan, write: WriteLine): Promise<WorkOutput> {
  const act = actor(ctx, write, plan.paceMs);
  const step = (n: number): Promise<unknown> => {
    const effect = effectOf(n);
    // Half of what is in doubt goes on by itself, the other half asks a person.
    const inDoubt = n % 2 === 0 ? 'fail' : 'ask';
    const body = async (scope: StepScope): Promise<string> => {
      scope.delta('as it goes');
      // Some outcomes are too large for the journal, and stand in a blob.
      return (await act(scope, effect)).repeat(n % 4 === 3 ? LARGE : 1);
    };
    const done = ctx.step(`s${n}`, body, { effect, inDoubt });
    return effect === 'once' ? done.catch(() => 'in doubt') : done;
  };
  const half = Math.floor(plan.steps / 2);
  await steps(0, half);
  if (plan.napMs !== null) await ctx.sleep('nap', plan.napMs);
  const signal = plan.signal === null ? null : await ctx.receive('go');
  const children = await Promise.all(
    Array.from({ length: plan.children }, async (_, n) => (await ctx.child<number>(`part-${n}`, 'part', n)).output),
  );
  await steps(half, plan.steps);
  const decision = plan.approval ? await ctx.request('may-i', { kind: 'approval', body: { id: plan.id } }) : null;
  if (plan.session !== null) {
    await ctx.step('reply', async (scope) => {
      await act(scope, 'repeatable');
      scope.append(text(`${plan.id}-reply`, 'assistant'));
    });
  }
  return {
    signal: signal === null || signal.timedOut ? null : signal.value,
    decision: decision?.status ?? null,
    children,
  };

  async function steps(from: number, to: number): Promise<void> {
    const width = plan.parallel ? 2 : 1;
    for (let n = from; n < to; n += width)
      await Promise.all(Array.from({ length: Math.min(width, to - n) }, (_, more) => step(n + more)));
  }
}

/** The effect comes first and the time after it, so that most deaths fall between an effect and its outcome. */
function actor(ctx: DurableContext, write: WriteLine, paceMs: number) {
  return async (
    { key, idempotencyKey }: { readonly key: string; readonly idempotencyKey: string },
    effect: Effect,
  ): Promise<string> => {
    write({ type: 'effect', run: ctx.run.key, step: key, effect, idempotencyKey });
    await pause(paceMs);
    return key;
  };
}

function text(id: string, role: 'user' | 'assistant'): Message {
  return { v: 1, id, role, kind: role, content: [{ type: 'text', text: id }] };
}
