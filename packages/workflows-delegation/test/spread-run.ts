import {
  PrusikError,
  withChildren,
  type AnyDefinition,
  type DurableContext,
  type DurableDefinition,
  type Entry,
  type Json,
  type Store,
} from '@prusik/core';
import { createEngine } from '@prusik/durable';
import type { EffectLine, Life, WriteLine } from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { expect } from 'vitest';
import { z } from 'zod';
import { childrenOf, journalOf } from './engines.ts';

const ROOT = { tenant: 'default', run: 'root' };
const LIMITS = { leaseMs: 30_000, heartbeatMs: 10_000 };
const RESERVED = 100;
const USED = 15;
const MOST_BYTES = 1_000;
const AT_ONCE = 5;
/** What one child may spend, beside what the tree may: its call, and what deaths may lose. */
const PART = { tokens: 1_000 };

/**
 * Six items under a policy with a budget and too few places: of their children one fails, one answers in part, one says more than its call takes,
 * one asks a person, one sleeps under a budget of its own, and two race each other beside a third that never ends; who loses is cancelled, or does
 * not begin.
 */
function definitions(write: WriteLine): readonly AnyDefinition[] {
  /** A child whose model call reserves from the ledger, as every model call does. */
  const child = (name: string, then: (ctx: DurableContext) => Promise<Json>): DurableDefinition<null, Json> => ({
    name,
    kind: 'agent',
    version: '1',
    async run(ctx: DurableContext) {
      await ctx.step(
        'model',
        ({ idempotencyKey, usage }) => {
          write({ type: 'effect', run: ctx.run.key, step: 'model', effect: 'repeatable', idempotencyKey });
          usage({ inputTokens: 10, outputTokens: USED - 10 });
        },
        { kind: 'model', reserve: { calls: 1, tokens: RESERVED } },
      );
      return then(ctx);
    },
  });
  const agents = {
    answering: child('answering', async (ctx) => {
      ctx.partial({ code: 'IN_A_HURRY', message: 'there is more to say' });
      return 'answered';
    }),
    talking: child('talking', async () => 'x'.repeat(2 * MOST_BYTES)),
    failing: child('failing', () => Promise.reject(new PrusikError('CHILD_BROKE', 'over a stone'))),
    asking: child('asking', async (ctx) => (await ctx.request('may-i', { kind: 'approval', body: null })).status),
    slow: child('slow', async (ctx) => (await ctx.sleep('nap', 5_000), 'late')),
    patient: child('patient', async (ctx) => (await ctx.receive('never'), 'never')),
  };
  const codeOf = (error: PrusikError): string => error.code;
  const root = defineWorkflow({
    name: 'root',
    input: z.array(z.enum(['answering', 'failing', 'talking', 'asking', 'slow', 'race'])),
    agents,
    delegation: { calls: 8, parallel: AT_ONCE, tokens: 10_000 },
    run: (ctx, items) =>
      ctx.fanOut(items, async (item): Promise<Json> => {
        if (item === 'slow') return ctx.agents.slow.run(item, null, { budget: PART });
        if (item !== 'race') {
          const call = ctx.agents[item].result(item, null, { maxResultBytes: MOST_BYTES });
          return call.then(({ output, partial }) => (partial ? [output, partial.code] : output), codeOf);
        }
        const over = new AbortController();
        const enter = (name: 'answering' | 'patient', key: string) =>
          ctx.agents[name].run(key, null, { signal: over.signal }).then(() => key);
        const calls = [enter('patient', 'patient'), enter('answering', 'a'), enter('answering', 'b')];
        const winner = await Promise.race(calls);
        over.abort('the race is over');
        await ctx.step(`won by ${winner}`, ({ idempotencyKey }) =>
          write({
            type: 'effect',
            run: ctx.run.key,
            step: `won by ${winner}`,
            effect: 'repeatable',
            idempotencyKey,
          }),
        );
        const [patient] = await Promise.allSettled(calls);
        return [winner, patient?.status === 'rejected' ? patient.reason.code : 'never'];
      }),
  });
  return withChildren(root);
}

/** A person who approves whatever is asked, and comes again in every life. */
export async function bringSpreadToEnd({ store, clock, write }: Life, parkAfterMs: number): Promise<void> {
  const engine = createEngine({ store, definitions: definitions(write), clock, limits: { ...LIMITS, parkAfterMs } });
  await engine.start('root', ['failing', 'asking', 'slow', 'race', 'answering', 'talking'], { id: ROOT.run });
  for (let turn = 0; ; turn += 1) {
    const result = await engine.drive(ROOT);
    if (result.status === 'completed') break;
    if (result.status !== 'waiting' || turn > 50) throw new Error(`The root is ${result.status}`);
    clock.advance(Math.max(6_000, (result.wakeAt ?? 0) - clock.now()));
    const { items } = await store.listRequests({ tenant: 'default', root: ROOT.run, status: ['open'], limit: 10 });
    for (const { run, id } of items) await engine.decide(run, id, { status: 'approved' });
  }
  await engine[Symbol.asyncDispose]();
}

/** What the rules of every store cannot know: what these runs say, who won, and what the tree has spent. */
export async function checkSpread(store: Store, lines: readonly EffectLine[], deaths = 1): Promise<void> {
  const root = await store.run(ROOT);
  const [failed, asked, slow, raced, answered, talked] = (root?.output ?? []) as readonly Json[];
  expect([failed, asked, slow, talked]).toEqual(['CHILD_BROKE', 'approved', 'late', 'CHILD_RESULT_TOO_LARGE']);
  expect(answered).toEqual(['answered', 'IN_A_HURRY']);
  const journal = await journalOf(store, ROOT.run);
  const racing = new Set(['a', 'b']);
  const first = journal.find((entry) => entry.type === 'wait-end' && entry.outcome.ok && racing.has(entry.key));
  expect(raced).toEqual([first?.type === 'wait-end' ? first.key : undefined, 'CHILD_CANCELLED']);
  expect(journal.filter(({ type }) => type === 'step-end')).toHaveLength(1);
  const children = await childrenOf(store, ROOT.run);
  // The last of the race may still stand in the queue when the race is over; then it was never started.
  const keys = children.flatMap(({ parent }) => (parent === undefined || parent.key === 'b' ? [] : [parent.key]));
  expect(keys.toSorted()).toEqual(['a', 'answering', 'asking', 'failing', 'patient', 'slow', 'talking']);

  // What a part of the tree has spent, it has spent of the whole.
  const slowOne = children.find(({ parent }) => parent?.key === 'slow');
  for (const [run, of] of [
    [ROOT, children],
    [slowOne?.key ?? ROOT, children.filter((one) => one === slowOne)],
  ] as const) {
    const entries = (await Promise.all(of.map(({ key }) => journalOf(store, key.run)))).flat();
    const ledger = await store.ledger(run);
    expect(ledger?.reserved).toMatchObject({ calls: 0, tokens: 0 });
    expect(ledger?.used.tokens).toBe(spentBy(entries));
  }
  const calls = lines.filter((line) => line.type === 'effect' && line.step === 'model').length;
  const charged = (await store.ledger(ROOT))?.used.calls ?? 0;
  expect(charged - calls, 'calls in flight at a death').toBeLessThanOrEqual(deaths * AT_ONCE);
}

/** A call that told what it used is charged that; one that was lost, its reservation. */
function spentBy(entries: readonly Entry[]): number {
  const told = entries.filter((entry) => entry.type === 'step-end' && entry.usage !== undefined).length;
  const reserved = entries.filter((entry) => entry.type === 'step-intent').length;
  return told * USED + (reserved - told) * RESERVED;
}
