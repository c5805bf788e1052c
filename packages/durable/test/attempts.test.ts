import { addUsage, emptyView, foldEvents, PrusikError, type RunEvent, type StepScope, type Usage } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { durable, engineOn, entriesOf, key } from './support.ts';

const passing = (retryAfterMs?: number): PrusikError =>
  new PrusikError('BROKEN', 'x', { retryable: true, meta: retryAfterMs === undefined ? {} : { retryAfterMs } });

/** Executes a step whose n-th execution does this, across parks, with all that its tree may spend in view. */
async function play(bodies: readonly ((scope: StepScope) => unknown)[], kind: 'model' | 'step' = 'model') {
  const clock = fakeClock();
  await using store = memoryStore({ clock });
  let executions = 0;
  const attempts: number[] = [];
  const work = durable('work', (ctx) =>
    ctx.step(
      's',
      (scope) => {
        attempts.push(scope.attempt);
        return bodies[(executions += 1) - 1]?.(scope) ?? null;
      },
      { kind, retry: { attempts: 5, backoffMs: 1 }, reserve: { calls: 1, tokens: 100, costMicros: 1_000 } },
    ),
  );
  const events: RunEvent[] = [];
  let held: unknown;
  const budget = { tokens: 10_000, costMicros: 100_000 };
  // A new engine after each park, as another process is.
  for (let status = 'waiting', first = true; status === 'waiting'; first = false) {
    await using engine = engineOn(store, [work], { clock });
    if (first) await engine.start('work', null, { id: 'r', budget });
    const reading = engine.events(key('r'));
    const heard = (async () => {
      for await (const event of reading) events.push(event);
    })();
    let over = false;
    const driving = engine.drive(key('r')).finally(() => (over = true));
    while (!over) {
      await new Promise(setImmediate);
      clock.advance(10);
    }
    ({ status } = await driving);
    if (status === 'waiting') held = (await store.ledger(key('r')))?.reserved;
    clock.advance(1_000_000);
    await reading.return?.();
    await heard;
  }
  const entries = await entriesOf(store, key('r'));
  const end = entries.find((entry) => entry.type === 'step-end');
  return { end, attempts, events, held, ledger: await store.ledger(key('r')), entries };
}

const tell = (usage: Usage, cost?: number) => (scope: StepScope) => scope.usage(usage, cost);

describe('DUR-13: what the executions of a step used', () => {
  it('is added up in the one record of the step and in the ledger, over pauses in memory and on record', async () => {
    const { end, ledger, held } = await play([
      (scope) => {
        tell({ inputTokens: 10, outputTokens: 1, estimated: true }, 13)(scope);
        throw passing();
      },
      (scope) => {
        tell({ inputTokens: 20, outputTokens: 2 }, 26)(scope);
        throw passing(60_000);
      },
      () => {
        throw passing();
      },
      (scope) => {
        tell({}, undefined)(scope);
        throw passing();
      },
      tell({ inputTokens: 40, outputTokens: 4 }, 52),
    ]);

    expect(end).toMatchObject({ usage: { inputTokens: 70, outputTokens: 7, estimated: true }, costMicros: 91 });
    expect(held).toEqual({ calls: 0, tokens: 0, costMicros: 0, runs: 0 });
    expect(ledger).toMatchObject({
      // Two told nothing, so each is charged as it was reserved. The refusal told what it used, and is no call.
      used: { calls: 4, tokens: 77 + 2 * 100, costMicros: 91 + 2 * 1_000 },
      reserved: { calls: 0, tokens: 0, costMicros: 0, runs: 0 },
    });
  });

  it('is not known where one of them told only a part', async () => {
    const { end, ledger } = await play([
      (scope) => {
        tell({ inputTokens: 10, outputTokens: 1 }, 13)(scope);
        throw passing();
      },
      tell({ inputTokens: 40 }),
    ]);

    expect(end).toMatchObject({ usage: { inputTokens: 50 } });
    expect(end).not.toHaveProperty('costMicros');
    expect(end).not.toHaveProperty('usage.outputTokens');
    // What is not known is charged as it was reserved, on top of what is.
    expect(ledger).toMatchObject({ used: { tokens: 111, costMicros: 1_013 } });
  });

  it('a sum knows no number that a part of it does not know', () => {
    expect(addUsage({ inputTokens: 1, outputTokens: 2, cachedInputTokens: 1 }, { inputTokens: 3 })).toEqual({
      inputTokens: 4,
    });
    expect(addUsage({ estimated: true }, {})).toEqual({ estimated: true });
  });
});

describe('EVT-5: a body that voids what it said', () => {
  it('is heard as another attempt, and its next execution as one more', async () => {
    const { events, attempts, end, entries } = await play([
      (scope) => {
        scope.delta('one');
        scope.reset();
        scope.delta('two');
        throw passing();
      },
      (scope) => {
        scope.delta('three');
        scope.reset();
        scope.delta('four');
      },
    ]);

    const deltas = events.map((one) => (one.live && one.event.type === 'step-delta' ? one.event : undefined));
    const live = deltas.filter((delta) => delta !== undefined);
    expect(live.map(({ attempt, offset, text }) => [attempt, offset, text])).toEqual([
      [1, 0, 'one'],
      [2, 0, 'two'],
      [3, 0, 'three'],
      [4, 0, 'four'],
    ]);
    expect(attempts).toEqual([1, 3]);
    expect(end).toMatchObject({ attempt: 4 });
    const until = deltas.findIndex((delta) => delta?.text === 'four') + 1;
    const view = foldEvents(emptyView(key('r')), events.slice(0, until)).runs['r'];
    expect(view?.live['s']?.blocks).toMatchObject([{ text: 'four' }]);
    expect(entries.filter(({ type }) => type === 'step-end')).toHaveLength(1);
  });
});

describe('WFL-4: a tree that limits its cost', () => {
  it('starts no model call that does not say what it may cost, and every other step', async () => {
    const work = durable('work', async (ctx) => {
      await ctx.step('other', () => 1, { reserve: { calls: 1 } });
      return ctx.step('s', () => 1, { kind: 'model', name: 'acme/m', reserve: { calls: 1, tokens: 5 } });
    });
    await using store = memoryStore();
    await using engine = engineOn(store, [work]);

    expect(await engine.run('work', null, { budget: { costMicros: 10 } })).toMatchObject({
      status: 'failed',
      error: { code: 'BUDGET_COST_UNKNOWN', meta: { model: 'acme/m' } },
    });
    expect(await engine.run('work', null, { budget: { tokens: 10 } })).toMatchObject({ status: 'completed' });
  });
});
