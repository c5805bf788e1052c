import type { StandardSchema } from '@prusik/core';
import { fakeClock, scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, type ModelSchema } from '../src/index.ts';
import { hurried, newEngine, newStore, resultsOf } from './support.ts';

type Misbehaviour = (value: unknown) => unknown;
const MISBEHAVIOURS: readonly [string, Misbehaviour][] = [
  [
    'throws',
    () => {
      throw new Error('no');
    },
  ],
  [
    'throws nothing',
    () => {
      throw undefined;
    },
  ],
  ['rejects', () => Promise.reject(new Error('no'))],
  ['never settles', () => new Promise(() => {})],
  ['gives nothing', () => undefined],
  ['gives nonsense', () => ({ issues: 'many' })],
];

/** A schema that says itself like zod's and behaves badly when it is asked. */
const bad = (validate: Misbehaviour): ModelSchema<{ q: string }> => {
  const { '~standard': standard } = z.object({ q: z.string() });
  return { '~standard': { ...standard, validate } } as unknown as ModelSchema<{ q: string }>;
};

async function play(script: readonly ScriptedReply[], more: object) {
  const clock = fakeClock();
  const model = scriptedModel(script);
  const limits = { modelStallMs: 1e9, modelTimeoutMs: 1e9 };
  const agent = defineAgent({ name: 'a', instructions: '', model, clock, limits, ...more });
  const store = newStore();
  const engine = newEngine([agent], { store });
  const started = clock.now();
  const result = await hurried(clock, engine.run('a', 'Go', { id: 'r' }));
  return { result, model, results: await resultsOf(store, 'r').catch(() => ({})), tookMs: clock.now() - started };
}

describe('AGT-13: code of the author may do anything, and the run goes on or ends in a defined way', () => {
  it.each(MISBEHAVIOURS)('the schema of a tool that %s is an invalid input', async (_, validate) => {
    const tool = defineTool({ name: 'look', description: 'Looks.', input: bad(validate), execute: () => 'ran' });

    const { result, results } = await play([{ call: 'look', input: { q: 'x' } }, 'Done.'], { tools: [tool] });

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(results).toMatchObject({ call_1: { type: 'error', code: 'TOOL_INPUT_INVALID' } });
  });

  it.each(MISBEHAVIOURS)(
    'the schema of the output that %s is told to the model, within the bound',
    async (_, validate) => {
      const { result, model } = await play(['{}', '{}', '{}', '{}'], { output: bad(validate) });

      expect(result).toMatchObject({ status: 'failed', error: { code: 'AGENT_OUTPUT_INVALID' } });
      expect(model.requests).toHaveLength(3);
    },
  );

  it.each(MISBEHAVIOURS)('the schema of the input that %s refuses the run', async (_, validate) => {
    const input: StandardSchema = bad(validate);

    await expect(play([], { input })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  it.each(MISBEHAVIOURS)(
    'instructions: a function that %s fails the run at once, and no model is asked',
    async (_, misbehave) => {
      let asked = 0;
      const instructions = (): unknown => {
        asked += 1;
        return misbehave(undefined);
      };

      const { result, model, tookMs } = await play(['Never.'], { instructions });

      expect(result).toMatchObject({ status: 'failed', error: { code: 'AGENT_INSTRUCTIONS_FAILED' } });
      expect(asked).toBe(1);
      expect(model.requests).toEqual([]);
      expect(tookMs).toBeLessThan(30_000);
    },
  );
});
