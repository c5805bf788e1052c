import {
  PrusikError,
  type DurableContext,
  type Effect,
  type Message,
  type Observer,
  type Store,
  type StepScope,
} from '@prusik/core';
import type { EffectLine, Life, WriteLine } from '@prusik/testing-contracts';
import { expect } from 'vitest';
import { durable, engineOn, entriesOf, key } from './support.ts';

const LIMITS = { leaseMs: 30_000, heartbeatMs: 10_000, maxInlineOutcomeBytes: 1_000 };
const LARGE = 'x'.repeat(2_000);
const SESSION = { id: 's', whenBusy: 'queue' } as const;

/**
 * A tree with everything in it: keyed, once and parallel steps, a timer, a signal, a refusal for want of room, three children of which one
 * asks for approval, a fourth that the budget refuses, ledgers of the tree and of parts of it, an outcome that stands in a blob, text in progress, messages, an event of its own, and a second run that
 * stands in the queue of its session.
 */
function definitions(write: WriteLine) {
  const act = (ctx: DurableContext, step: StepScope, effect: Effect): void =>
    write({ type: 'effect', run: ctx.run.key, step: step.key, effect, idempotencyKey: step.idempotencyKey });

  const child = durable('child', async (ctx, n) => {
    const tokens = await ctx.step(
      'model',
      (step) => {
        act(ctx, step, 'repeatable');
        step.usage({ inputTokens: 10, outputTokens: Number(n) });
        return Number(n);
      },
      { kind: 'model', reserve: { calls: 1, tokens: 100 } },
    );
    if (n === 2) await ctx.request('may-i', { kind: 'approval', body: { n } });
    return tokens * 10;
  });

  const main = durable(
    'main',
    async (ctx) => {
      const { step } = ctx;
      const [a, b] = await Promise.all([
        step('keyed', (scope) => (act(ctx, scope, 'keyed'), 1), { effect: 'keyed' }),
        step('plain', (scope) => (act(ctx, scope, 'repeatable'), ctx.uuid('u'))),
      ]);
      await ctx.sleep('nap', 5_000);
      await step('once', (scope) => (act(ctx, scope, 'once'), 3), { effect: 'once', inDoubt: 'fail' }).catch(
        () => null,
      );
      await step(
        'busy',
        (scope) => {
          if (scope.attempt === 1)
            throw new PrusikError('BUSY', 'no room', { retryable: true, meta: { retryAfterMs: 25_000 } });
          act(ctx, scope, 'once');
        },
        { effect: 'once', inDoubt: 'fail' },
      ).catch(() => null);
      const { value: told } = (await ctx.receive('go')) as { value?: unknown };
      const parts = await Promise.all(
        [1, 2, 3].map(async (n) => (await ctx.child<number>(`c${n}`, 'child', n, { budget: { tokens: 900 } })).output),
      );
      const fourth = await ctx.child('c4', 'child', 4).then(
        () => 'started',
        (error: PrusikError) => error.code,
      );
      const large = await step('large', (scope) => {
        act(ctx, scope, 'repeatable');
        scope.delta('half of it');
        return LARGE;
      });
      ctx.emit('summed', parts.length);
      await step('answer', (scope) => {
        act(ctx, scope, 'repeatable');
        scope.append(text('answer', 'assistant'));
      });
      return { a, told, parts, fourth, large: large === LARGE, sameUuid: b === ctx.uuid('u') };
    },
    { openingMessages: () => [text('ask', 'user')] },
  );

  const next = durable(
    'next',
    (ctx) =>
      ctx.step(
        'reply',
        (scope) => {
          act(ctx, scope, 'keyed');
          scope.append(text('reply', 'assistant'));
          return 'replied';
        },
        { effect: 'keyed' },
      ),
    { openingMessages: () => [text('again', 'user')] },
  );
  return [main, child, next];
}

/** A person and a client: whatever the runs wait for comes, and comes again in every life. */
export async function bringMainRunToEnd(
  { store, clock, write }: Life,
  parkAfterMs: number,
  observers: readonly Observer[] = [],
): Promise<void> {
  const engine = engineOn(store, definitions(write), { clock, limits: { ...LIMITS, parkAfterMs }, observers });
  await engine.start('main', null, { id: 'r', budget: { tokens: 1_000, calls: 20, runs: 3 }, session: SESSION });
  await engine.start('next', null, { id: 'n', session: SESSION });
  await engine.signal(key('r'), 'go', 'first');
  for (const run of ['r', 'n']) {
    for (let turn = 0; ; turn += 1) {
      const result = await engine.drive(key(run));
      const { status } = result;
      if (status === 'completed') break;
      if (status !== 'waiting' || turn > 50) throw new Error(`Run ${run} is ${status}`);
      if (result.status === 'waiting') clock.advance(Math.max(6_000, (result.wakeAt ?? 0) - clock.now()));
      const { items } = await store.listRequests({ tenant: 'default', root: run, status: ['open'], limit: 10 });
      for (const request of items) await engine.decide(request.run, request.id, { status: 'approved' });
    }
  }
  await engine[Symbol.asyncDispose]();
}

/** What the rules of every store cannot know: what these runs say, and how often a call was reserved in vain. */
export async function checkMainRun(store: Store, lines: readonly EffectLine[]): Promise<void> {
  const output = { a: 1, told: 'first', parts: [10, 20, 30], fourth: 'BUDGET_EXCEEDED', large: true, sameUuid: true };
  expect(await store.run(key('r'))).toMatchObject({ status: 'completed', output });
  expect(await store.run(key('n'))).toMatchObject({ status: 'completed', output: 'replied' });
  const messages = await store.messages({ tenant: 'default', of: 'session', id: 's' }, { after: 0, limit: 10 });
  expect(messages.map(({ message }) => message.id)).toEqual(['ask', 'answer', 'again', 'reply']);
  const { items: runs } = await store.listRuns({ tenant: 'default', root: 'r', limit: 10 });
  expect(runs).toHaveLength(4);
  const entries = (await Promise.all(runs.map((run) => entriesOf(store, run.key)))).flat();
  expect(entries.filter(({ type }) => type === 'note')).toHaveLength(1);
  const reserved = entries.filter((entry) => entry.type === 'step-intent' && entry.reserved !== undefined).length;
  const calls = lines.filter((line) => line.type === 'effect' && line.step === 'model').length;
  expect(reserved - calls, 'calls in flight at a death').toBeLessThanOrEqual(6);
}

function text(id: string, role: 'user' | 'assistant'): Message {
  return { v: 1, id, role, kind: role, content: [{ type: 'text', text: id }] };
}
