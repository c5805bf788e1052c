import type { Json, Store } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { dyingStore, fakeClock, scriptedModel, type ScriptedPart } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineAgent, defineTool, type AnyAgent } from '../src/index.ts';
import { entriesOf, keyOf, newEngine, newStore, resultsOf, threadOf } from './support.ts';

const q = z.object({ q: z.string() });

/** The outside world: what really happened, and it survives every engine. */
function world() {
  const effects: string[] = [];
  const keys: string[] = [];
  return { effects, keys };
}

/** Answers by what it is shown, as a model that is asked again does: a script would run out when a call is repeated. */
const model = (calls: readonly ScriptedPart[][]) =>
  scriptedModel(
    Array.from({ length: 200 }, () => ({ prompt }) => {
      const round = prompt.filter(({ role }) => role === 'assistant').length;
      return calls[round] ?? 'Done.';
    }),
  );

function agentIn({ effects, keys }: ReturnType<typeof world>, rounds: readonly ScriptedPart[][]): AnyAgent {
  const read = defineTool({
    name: 'read',
    description: 'Reads.',
    input: q,
    effect: 'repeatable',
    execute: ({ q: value }) => `read ${value}`,
  });
  const save = defineTool({
    name: 'save',
    description: 'Saves.',
    input: q,
    effect: 'keyed',
    execute({ q: value }, { idempotencyKey }) {
      keys.push(`${value} ${idempotencyKey}`);
    },
  });
  const publish = defineTool({
    name: 'publish',
    description: 'Publishes.',
    input: q,
    approval: 'always',
    inDoubt: 'tell-model',
    execute: ({ q: value }) => void effects.push(value),
  });
  return defineAgent({ name: 'a', instructions: '', model: model(rounds), tools: [read, save, publish] });
}

const rounds: readonly ScriptedPart[][] = [
  [
    { call: 'read', input: { q: 'r' }, callId: 'c1' },
    { call: 'save', input: { q: 's' }, callId: 'c2' },
    { call: 'publish', input: { q: 'p' }, callId: 'c3' },
  ],
];

/** Drives to the end, with every approval given. */
async function driveToEnd(store: Store, agent: AnyAgent) {
  // Its owner is this function: what stands on a store that died can never be closed.
  const engine = createEngine({ store, definitions: [agent], limits: { parkAfterMs: 0 } });
  try {
    for (;;) {
      const result = await engine.run('a', 'Go', { id: 'r' });
      if (result.status !== 'waiting') return result;
      for (const { request } of result.requests) await engine.decide(keyOf('r'), request, { status: 'approved' });
    }
  } finally {
    await engine[Symbol.asyncDispose]();
  }
}

describe('I4: a kill at any call of the store, in a turn with three parallel tools of which one waits for a person', () => {
  it('runs each effect once, or in doubt only where the kill fell between its intent and its outcome', async () => {
    let points = 0;
    let doubts = 0;
    for (const when of ['before', 'after'] as const) {
      for (let dieAt = 1; ; dieAt += 1) {
        const clock = fakeClock();
        const store = newStore({ clock });
        const outside = world();
        const agent = agentIn(outside, rounds);
        const dying = dyingStore(store, dieAt, when);
        const first = driveToEnd(dying.store, agent);
        const ended = await Promise.race([first, dying.died]);
        if (typeof ended !== 'string') break;
        points += 1;
        clock.advance(60_000); // the lease of the dead has run out

        const result = await driveToEnd(store, agent);

        const at = `${when} call ${dieAt}`;
        expect(result, at).toMatchObject({ status: 'completed', output: 'Done.' });
        const results = (await resultsOf(store, 'r')) as Record<string, { code?: string }>;
        const inDoubt = results['c3']?.code === 'STEP_IN_DOUBT';
        doubts += inDoubt ? 1 : 0;
        const happened = outside.effects.join();
        expect(inDoubt ? ['', 'p'] : ['p'], at).toContain(happened);
        // A keyed effect may have been repeated, with one key.
        expect(new Set(outside.keys).size, at).toBe(1);
        expect(Object.keys(results).toSorted(), at).toEqual(['c1', 'c2', 'c3']);
        const entries = await entriesOf(store, 'r');
        const ends = entries.flatMap((entry) => (entry.type === 'step-end' ? [entry.key] : []));
        expect(new Set(ends).size, at).toBe(ends.length);
        expect(
          entries.filter(({ type }) => type === 'run-end'),
          at,
        ).toHaveLength(1);
        const ids = (await threadOf(store, 'r')).map(({ id }) => id);
        expect(new Set(ids).size, at).toBe(ids.length);
      }
    }
    expect(points).toBeGreaterThan(20);
    expect(doubts).toBeGreaterThan(0);
    expect(doubts).toBeLessThan(points / 4);
  });
});

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
