import { createEngine } from '@prusik/durable';
import { everyDeath, scriptedModel, type EffectLine, type Life, type ScriptedPart } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../src/index.ts';
import { STORAGES } from './storages.ts';
import { entriesOf, keyOf, resultsOf, threadOf } from './support.ts';

const CALLS: readonly ScriptedPart[] = [
  { call: 'read', input: { q: 'r' }, callId: 'c1' },
  { call: 'save', input: { q: 's' }, callId: 'c2' },
  { call: 'publish', input: { q: 'p' }, callId: 'c3' },
];

/** A turn with three tools side by side, one of which waits for a person, who approves. */
async function turn({ store, clock, write }: Life): Promise<void> {
  // Answers by what it is shown, as a model that is asked again does: a script would run out when a call is repeated.
  const model = scriptedModel(
    Array.from(
      { length: 50 },
      () =>
        ({ prompt }) =>
          prompt.some(({ role }) => role === 'assistant') ? 'Done.' : CALLS,
    ),
  );
  const tool = (name: string, effect: 'repeatable' | 'keyed' | 'once', gated: boolean) =>
    defineTool({
      name,
      description: 'Acts.',
      input: z.object({ q: z.string() }),
      effect,
      timeoutMs: 1e9, // time runs fast here
      ...(gated ? { approval: 'always', inDoubt: 'tell-model' } : {}),
      execute({ q }, { run, callId, idempotencyKey }) {
        write({ type: 'effect', run: run.key, step: `tool:1:${callId}`, effect, idempotencyKey });
        return `${name} ${q}`;
      },
    });
  const tools = [tool('read', 'repeatable', false), tool('save', 'keyed', false), tool('publish', 'once', true)];
  const agent = defineAgent({ name: 'a', instructions: '', model, tools });
  // Its owner is this function: what stands on a store that died can never be closed.
  const engine = createEngine({ store, clock, definitions: [agent], limits: { parkAfterMs: 0 } });
  for (;;) {
    const result = await engine.run('a', 'Go', { id: 'r' });
    if (result.status !== 'waiting') break;
    for (const { request } of result.requests) await engine.decide(keyOf('r'), request, { status: 'approved' });
  }
  await engine[Symbol.asyncDispose]();
}

describe.each(Object.entries(STORAGES))('a turn with three tools side by side, one of them gated (%s)', (_, create) => {
  it('I4, TST-3: dies before and after every write: each effect is once, or in doubt only where the kill fell between its intent and its outcome', async () => {
    let doubts = 0;

    const points = await everyDeath({
      create,
      live: turn,
      // Models and what only stores a result act on nothing outside.
      isSilent: (_run, step) => !step.startsWith('tool:'),
      async check({ store, lines, point }) {
        const run = await store.run(keyOf('r'));
        expect(run, point).toMatchObject({ status: 'completed', output: 'Done.' });
        const results = (await resultsOf(store, 'r')) as Record<string, { readonly code?: string }>;
        expect(Object.keys(results).toSorted(), point).toEqual(['c1', 'c2', 'c3']);
        const inDoubt = results['c3']?.code === 'STEP_IN_DOUBT';
        const published = actsOf(lines, 'tool:1:c3').length;
        if (inDoubt) doubts += 1;
        // Nobody knows of one in doubt; of all others it happened once.
        expect(inDoubt ? [0, 1] : [1], point).toContain(published);
        expect(new Set(actsOf(lines, 'tool:1:c2')).size, point).toBe(1);
        const ends = (await entriesOf(store, 'r')).flatMap((entry) => (entry.type === 'step-end' ? [entry.key] : []));
        expect(new Set(ends).size, point).toBe(ends.length);
        const ids = (await threadOf(store, 'r')).map(({ id }) => id);
        expect(new Set(ids).size, point).toBe(ids.length);
      },
    });

    expect(points.size).toBeGreaterThan(15);
    expect(doubts).toBeGreaterThan(0);
    expect(doubts).toBeLessThan(points.size / 4);
  }, 120_000);
});

/** Idempotency keys under which a step has acted. */
const actsOf = (lines: readonly EffectLine[], step: string): readonly string[] =>
  lines.flatMap((line) => (line.type === 'effect' && line.step === step ? [line.idempotencyKey] : []));
