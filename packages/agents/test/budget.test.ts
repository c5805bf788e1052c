import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { estimateTokens } from '../src/estimate.ts';
import { defineAgent, defineTool } from '../src/index.ts';
import { entriesOf, keyOf, newEngine, newStore, threadOf } from './support.ts';

const look = defineTool({
  name: 'look',
  description: 'Looks.',
  input: z.object({}),
  effect: 'repeatable',
  execute: () => 'seen',
});

const agent = (more: object = {}) =>
  defineAgent({
    name: 'a',
    instructions: '',
    model: scriptedModel([
      [{ call: 'look' }, { inputTokens: 100, outputTokens: 20 }],
      ['Done.', { inputTokens: 150, outputTokens: 10 }],
    ]),
    tools: [look],
    settings: { maxOutputTokens: 50 },
    ...more,
  });

describe('WFL-4: a budget of the tree', () => {
  it('is reserved from before each model call, and settled with what the call used', async () => {
    const store = newStore();

    const result = await newEngine([agent()], { store }).run('a', 'Go', {
      id: 'r',
      budget: { tokens: 1_000, calls: 5 },
    });

    expect(result).toMatchObject({ status: 'completed' });
    expect(await store.ledger(keyOf('r'))).toMatchObject({
      used: { calls: 2, tokens: 280 },
      reserved: { calls: 0, tokens: 0 },
    });
    const reserved = (await entriesOf(store, 'r')).flatMap((entry) =>
      entry.type === 'step-intent' ? [entry.reserved?.tokens ?? 0] : [],
    );
    // The second call is expected to take what the first took and said, the result since, and its own output.
    const shown = estimateTokens((await threadOf(store, 'r')).filter(({ role }) => role === 'tool'));
    expect(shown).toBeGreaterThan(0);
    expect(reserved[1]).toBe(120 + shown + 50);
  });

  it('starts no model call that it has no room for', async () => {
    const model = scriptedModel([{ call: 'look' }]);

    const result = await newEngine([agent({ model })]).run('a', 'Go', { budget: { calls: 1 } });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'BUDGET_EXCEEDED' } });
    model.assertFinished();
  });

  it('costs no commit where there is none', async () => {
    const store = newStore();

    await newEngine([agent()], { store }).run('a', 'Go', { id: 'r' });

    expect((await entriesOf(store, 'r')).filter(({ type }) => type === 'step-intent')).toEqual([]);
  });
});
