import { createEngine } from '@prusik/durable';
import { everyDeath, scriptedModel, type Life } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { defineAgent } from '../src/index.ts';
import { call } from './sourced.ts';
import { STORAGES } from './storages.ts';
import { actsOf, keyOf, resultsOf } from './support.ts';
import { listedTool, said, testSource } from './tool-source.ts';

const CALLS = [call('read', 'r', 'c1'), call('publish', 'p', 'c2')];

/** A turn with two tools of a source that lists another tool each time that it is asked, of which one may happen once. */
async function turn({ store, clock, write }: Life): Promise<void> {
  const model = scriptedModel(
    Array.from(
      { length: 50 },
      () =>
        ({ prompt }) =>
          prompt.some(({ role }) => role === 'assistant') ? 'Done.' : CALLS,
    ),
  );
  const far = testSource('far');
  const timeoutMs = 1e9; // time runs fast here
  far.listing = () => ({
    tools: [
      listedTool('read', { timeoutMs, description: `Reads, for the ${far.asked}th time.` }),
      listedTool('publish', { timeoutMs, effect: 'once' }),
    ],
    withheld: [],
  });
  far.executes = ({ name, callId }, { run, idempotencyKey }) => {
    const effect = name === 'publish' ? 'once' : 'repeatable';
    write({ type: 'effect', run: run.key, step: `tool:1:${callId}`, effect, idempotencyKey });
    return said(name);
  };
  const agent = defineAgent({ name: 'a', instructions: '', model, sources: [far] });
  // Its owner is this function: what stands on a store that died can never be closed.
  const engine = createEngine({ store, clock, definitions: [agent], limits: { parkAfterMs: 0 } });
  await engine.run('a', 'Go', { id: 'r' });
  await engine[Symbol.asyncDispose]();
}

describe.each(Object.entries(STORAGES))('a turn with tools of a source (%s)', (_, create) => {
  it('AGT-16, I4, TST-3: dies before and after every write: what is recorded is found again, and each effect is once or in doubt', async () => {
    let doubts = 0;

    const points = await everyDeath({
      create,
      live: turn,
      isSilent: (_run, step) => !step.startsWith('tool:'),
      async check({ store, lines, point }) {
        expect(await store.run(keyOf('r')), point).toMatchObject({ status: 'completed', output: 'Done.' });
        const results = (await resultsOf(store, 'r')) as Record<string, { readonly code?: string }>;
        expect(results['c1'], point).toEqual({ type: 'text', text: 'read' });
        const inDoubt = results['c2']?.code === 'STEP_IN_DOUBT';
        if (inDoubt) doubts += 1;
        else expect(results['c2'], point).toEqual({ type: 'text', text: 'publish' });
        expect(inDoubt ? [0, 1] : [1], point).toContain(actsOf(lines, 'tool:1:c2').length);
      },
    });

    expect(points.size).toBeGreaterThan(8);
    expect(doubts).toBeGreaterThan(0);
    expect(doubts).toBeLessThan(points.size / 2);
  }, 60_000);
});
