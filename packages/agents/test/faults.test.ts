import { fakeClock, scriptedModel, type ScriptedPart } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../src/index.ts';
import { entriesOf, hurried, keyOf, newEngine, newStore, resultsOf, threadOf, untilSaid } from './support.ts';

const q = z.object({ n: z.number() });

/** Rejections that nobody handles, while `work` runs. */
async function unhandledIn(work: () => Promise<unknown>): Promise<readonly unknown[]> {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  try {
    await work();
    await new Promise(setImmediate);
  } finally {
    process.off('unhandledRejection', note);
  }
  return unhandled;
}

describe('AGT-3: a reply with a hundred calls', () => {
  it('runs as many as the limits allow, no more at once than may, and tells the model of each in order', async () => {
    let running = 0;
    let most = 0;
    const work = defineTool({
      name: 'work',
      description: 'Works; every third time it fails.',
      input: q,
      effect: 'repeatable',
      async execute({ n }) {
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
        running -= 1;
        if (n % 3 === 0) throw new Error(`no ${n}`);
        return n;
      },
    });
    const calls = Array.from({ length: 100 }, (_, n): ScriptedPart => ({
      call: 'work',
      input: { n },
      callId: `c${n}`,
    }));
    const model = scriptedModel([calls, 'Done.']);
    const limits = { toolCalls: 64, parallelTools: 8 };
    const store = newStore();

    const result = await newEngine([defineAgent({ name: 'a', instructions: '', model, tools: [work], limits })], {
      store,
    }).run('a', 'Go', { id: 'r' });

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(most).toBe(8);
    const results = (await resultsOf(store, 'r')) as Record<string, { readonly type: string; readonly code?: string }>;
    const codes = Array.from({ length: 100 }, (_, n) => results[`c${n}`]?.code ?? results[`c${n}`]?.type);
    expect(codes).toEqual(
      Array.from({ length: 100 }, (_, n) => (n >= 64 ? 'AGENT_TOOL_CALL_LIMIT' : n % 3 === 0 ? 'TOOL_FAILED' : 'json')),
    );
    const shown = model.requests[1]?.prompt.at(-1)?.content as readonly { readonly toolCallId: string }[];
    expect(shown.map(({ toolCallId }) => toolCallId)).toEqual(calls.map((_, n) => `c${n}`));
  });
});

describe('AGT-13: a tool that goes on after its time', () => {
  it.each([
    ['returns', (late: PromiseWithResolvers<unknown>) => late.resolve('late')],
    ['fails', (late: PromiseWithResolvers<unknown>) => late.reject(new Error('late'))],
  ])('and %s when the run is over changes nothing, and nothing is unhandled', async (_, settle) => {
    const clock = fakeClock();
    const store = newStore();
    const late = Promise.withResolvers<unknown>();
    const slow = defineTool({
      name: 'slow',
      description: 'Never in time.',
      input: q,
      effect: 'repeatable',
      timeoutMs: 1_000,
      execute: () => late.promise,
    });
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model: scriptedModel([{ call: 'slow', input: { n: 1 } }, 'Done.']),
      tools: [slow],
    });

    const unhandled = await unhandledIn(async () => {
      const result = await hurried(clock, newEngine([agent], { store, clock }).run('a', 'Go', { id: 'r' }));
      expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
      const before = await entriesOf(store, 'r');
      settle(late);
      await new Promise(setImmediate);
      expect(await entriesOf(store, 'r')).toEqual(before);
    });

    expect(unhandled).toEqual([]);
    expect(await resultsOf(store, 'r')).toMatchObject({ call_1: { code: 'STEP_TIMEOUT' } });
  });
});

describe('AGT-10: a run that is cancelled while its model speaks', () => {
  it('keeps the text and the usage so far in its thread and journal, and calls nothing that was asked for', async () => {
    const clock = fakeClock();
    const store = newStore();
    const executed: number[] = [];
    const work = defineTool({
      name: 'work',
      description: 'Works.',
      input: q,
      execute: ({ n }) => void executed.push(n),
    });
    const model = scriptedModel([['Half an ', 'answer', { call: 'work', input: { n: 1 } }, { stallMs: 1e6 }]], {
      clock,
    });
    const agent = defineAgent({ name: 'a', instructions: '', model, tools: [work], clock });
    const engine = newEngine([agent], { store });
    await engine.start('a', 'Go', { id: 'r' });
    const said = untilSaid(engine, 'r', 'Half an answer');
    const running = engine.drive(keyOf('r'));
    await said;

    await engine.cancel(keyOf('r'));

    expect(await running).toMatchObject({ status: 'cancelled' });
    expect((await threadOf(store, 'r')).at(-1)).toMatchObject({
      role: 'assistant',
      content: [{ type: 'text', text: 'Half an answer' }],
    });
    expect(executed).toEqual([]);
    const end = (await entriesOf(store, 'r')).find(({ type }) => type === 'step-end');
    // Nobody said what it used, so it is estimated, and marked as that.
    expect(end).toMatchObject({
      usage: { inputTokens: expect.any(Number), outputTokens: expect.any(Number), estimated: true },
      outcome: { ok: true, value: { verdict: 'failed', estimated: true } },
    });
  });
});
