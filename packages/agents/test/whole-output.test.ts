import { blobsOf, type Json, type Store, type ToolOutput } from '@prusik/core';
import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../src/index.ts';
import { newEngine, newStore, resultsOf, threadOf } from './support.ts';

/** What the call of a tool that returns this came to. */
async function outputOf(value: unknown, store: Store = newStore()): Promise<ToolOutput> {
  const tool = defineTool({
    name: 'act',
    description: 'Acts.',
    input: z.object({}),
    maxOutputBytes: 100,
    maxOutputLines: 10,
    execute: () => value,
  });
  const model = scriptedModel([{ call: 'act', input: {} }, 'Done.']);
  const agent = defineAgent({ name: 'a', instructions: '', model, tools: [tool] });
  expect(await newEngine([agent], { store }).run('a', 'Go', { id: 'r' })).toMatchObject({ status: 'completed' });
  return Object.values(await resultsOf(store, 'r'))[0] as ToolOutput;
}

async function textOf(store: Store, hash: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of store.readBlob('default', hash)) pieces.push(piece);
  return Buffer.concat(pieces).toString('utf8');
}

describe('AGT-4: a result that is cut for the model', () => {
  const LARGE: readonly (readonly [string, string | Json, string])[] = [
    ['a text of many bytes', 'ä'.repeat(500), 'text/plain'],
    ['a text of many lines', 'a\n'.repeat(30), 'text/plain'],
    ['JSON', { rows: Array.from({ length: 50 }, (_, n) => n) }, 'application/json'],
  ];
  it.each(LARGE)('is kept whole, and named: %s', async (_what, value, mediaType) => {
    const store = newStore();

    const output = await outputOf(value, store);

    const whole = typeof value === 'string' ? value : JSON.stringify(value);
    const bytes = Buffer.byteLength(whole);
    if (output.type !== 'text' || output.whole === undefined) throw new Error(`nothing is kept: ${output.type}`);
    const { blob } = output.whole;
    expect(output.whole).toEqual({ blob, bytes, mediaType });
    expect(output.text).toContain('left out …]');
    expect(output.text).toMatch(new RegExp(`\\n\\[The whole result, ${bytes} bytes, is kept as ${blob}\\]$`));
    expect(await textOf(store, blob)).toBe(whole);
    const result = (await threadOf(store, 'r')).find(({ role }) => role === 'tool');
    expect(blobsOf(result ?? { content: [] })).toEqual([blob]);
    // As long as its message: a sweep leaves it.
    await store.sweepBlobs({ graceMs: 0 });
    expect(await textOf(store, blob)).toBe(whole);
  });

  it('is cut all the same where it cannot be kept, and nothing is kept of one that is not cut', async () => {
    const full = newStore({ maxBlobBytes: 100 });

    expect(await outputOf('short')).toEqual({ type: 'text', text: 'short' });
    expect(await outputOf({ n: 1 })).toEqual({ type: 'json', value: { n: 1 } });
    for (const output of [await outputOf('x'.repeat(1_000), full), await outputOf('x'.repeat(17 * 1_048_576))]) {
      expect(output).toMatchObject({ type: 'text', text: expect.stringMatching(/left out …\]\nx+$/) });
      expect(output).not.toHaveProperty('whole');
    }
  });
});
