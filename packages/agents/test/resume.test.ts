import type { Json } from '@prusik/core';
import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool } from '../src/index.ts';
import { keyOf, newEngine, newStore } from './support.ts';

const q = z.object({ q: z.string() });

describe('AGT-1: resume', () => {
  it('goes on in another engine where an engine was stopped in the middle, without repeating a completed step', async () => {
    const executed: number[] = [];
    const stop = new AbortController();
    const count = defineTool({
      name: 'count',
      description: 'Counts.',
      input: z.object({ n: z.number() }),
      effect: 'repeatable',
      execute({ n }, { signal }) {
        executed.push(n);
        if (n !== 5 || stop.signal.aborted) return n;
        stop.abort();
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
      },
    });
    const script = Array.from({ length: 10 }, (_, n) => ({ call: 'count', input: { n } }));
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model: scriptedModel([...script, 'Done.']),
      tools: [count],
    });
    const store = newStore();
    const first = newEngine([agent], { store });
    await first.start('a', 'Go', { id: 'r' });
    await first.drive(keyOf('r'), { signal: stop.signal }).catch((error: unknown) => error);
    await first[Symbol.asyncDispose]();

    const result = await newEngine([agent], { store }).drive(keyOf('r'));

    expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(executed).toEqual([0, 1, 2, 3, 4, 5, 5, 6, 7, 8, 9]);
  });

  it('goes on with the tools that the agent has now, at the next model call', async () => {
    const store = newStore();
    const done: Json[] = [];
    const gated = defineTool({
      name: 'gated',
      description: 'Asks.',
      input: q,
      approval: 'always',
      execute: ({ q: value }) => void done.push(value),
    });
    const extra = defineTool({ name: 'extra', description: 'New.', input: q, execute: () => 'new' });
    const script = [{ call: 'gated', input: { q: 'x' } }, { call: 'extra', input: { q: 'y' } }, 'Done.'];
    const scripted = scriptedModel(script);
    const before = defineAgent({ name: 'a', instructions: 'Old.', model: scripted, tools: [gated] });
    const after = defineAgent({ name: 'a', instructions: 'New.', model: scripted, tools: [gated, extra] });
    const first = newEngine([before], { store });
    const waiting = await first.run('a', 'Go', { id: 'r' });
    await first[Symbol.asyncDispose]();
    if (waiting.status !== 'waiting') throw new Error(waiting.status);

    const second = newEngine([after], { store });
    await second.decide(keyOf('r'), waiting.requests[0]?.request ?? '', { status: 'approved' });

    expect(await second.drive(keyOf('r'))).toMatchObject({ status: 'completed', output: 'Done.' });
    expect(done).toEqual(['x']);
    expect(scripted.requests[1]?.prompt[0]).toMatchObject({ content: 'New.' });
    expect(scripted.requests[1]?.tools?.map(({ name }) => name)).toEqual(['gated', 'extra']);
  });
});
