import { PrusikError, type CallNeed, type Entry, type StepFacts, type TraceContext } from '@prusik/core';
import { fakeClock, recordingObserver, scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import {
  bindModels,
  callNeeds,
  callTool,
  defineAgent,
  defineTool,
  modelRegistry,
  type LanguageModelObject,
  type ModelSpec,
} from '../src/index.ts';
import { agentOf, call } from './sourced.ts';
import { finish, httpError, streamModel, text } from './stream-model.ts';
import { entriesOf, hurried, newEngine, newStore } from './support.ts';
import { listedTool, testSource } from './tool-source.ts';

const factsIn = (entries: readonly Entry[]): Readonly<Record<string, StepFacts | undefined>> =>
  Object.fromEntries(
    entries.flatMap((entry) => (entry.type === 'step-end' ? [[entry.key, entry.facts] as const] : [])),
  );

/** A run of an agent whose model is `main`. */
async function play(main: ModelSpec<'main'> | LanguageModelObject, more: object = {}) {
  const clock = fakeClock();
  const store = newStore({ clock });
  const agent = bindModels(
    defineAgent({ name: 'a', instructions: '', model: 'main', clock, ...more }),
    modelRegistry({ main: 'model' in main ? main : { model: main } }),
  );
  const engine = newEngine([agent], { store, clock });
  const result = await hurried(clock, engine.run('a', 'Go', { id: 'r' }));
  return { result, entries: await entriesOf(store, 'r') };
}

const byCallId = (a?: StepFacts, b?: StepFacts): number => JSON.stringify(a).localeCompare(JSON.stringify(b));

const identified = (chunks: readonly object[]): readonly object[] => [
  { type: 'stream-start', warnings: [] },
  { type: 'response-metadata', id: 'reply-1', modelId: 'm2-2026-11' },
  ...chunks,
];

describe('what a model step tells of itself', () => {
  it('TEL-1: who answered in whose place, the reply’s id and model, and how it ended; nothing of what was said', async () => {
    const a = streamModel('a:m1', [httpError(503)]);
    const b = streamModel('b:m2', [identified([...text('Hello'), finish('stop', 10, 2)])]);

    const { result, entries } = await play({ model: a, fallbacks: [b] });

    expect(result).toMatchObject({ status: 'completed', output: 'Hello' });
    expect(factsIn(entries)).toEqual({
      'model:1': {
        of: 'model',
        answered: 'b/m2',
        responseModel: 'm2-2026-11',
        responseId: 'reply-1',
        finish: 'stop',
        firstChunkMs: 0,
        failed: [{ model: 'a/m1', why: 'overloaded' }],
      },
    });
  });

  it('TEL-1: how long the first piece of the reply took, from the request', async () => {
    const clock = fakeClock();
    const model = streamModel('a:m1', [identified([...text('Hello'), finish()])]);
    const doStream = model.doStream.bind(model);
    model.doStream = (options: never) => {
      clock.advance(340);
      return doStream(options) as never;
    };
    const agent = defineAgent({ name: 'a', instructions: '', model, clock });
    const store = newStore({ clock });

    await newEngine([agent], { store, clock }).run('a', 'Go', { id: 'r' });

    expect(factsIn(await entriesOf(store, 'r'))['model:1']).toMatchObject({ firstChunkMs: 340 });
  });

  it('TEL-1: that JSON was asked for, and of a step that failed that it did', async () => {
    const { entries } = await play(streamModel('a:m1', [[...text('{"a":1}'), finish('stop', 1, 1)]]), {
      output: z.object({ a: z.number() }),
    });
    const { result, entries: failed } = await play(streamModel('a:m1', [httpError(401)]));

    expect(factsIn(entries)['model:1']).toEqual({ of: 'model', finish: 'stop', firstChunkMs: 0, json: true });
    expect(result.status).toBe('failed');
    expect(factsIn(failed)['model:1']).toEqual({ of: 'model', finish: 'error' });
  });

  it('TEL-1: what the provider wrote into its cache is on record beside what it read from there', async () => {
    const model = scriptedModel([
      ['Hi', { inputTokens: 12, outputTokens: 9, cacheReadTokens: 5, cacheWriteTokens: 7 }],
    ]);

    const { entries } = await play(model);

    const usages = entries.flatMap((entry) => (entry.type === 'step-end' ? [entry.usage] : []));
    expect(usages).toEqual([{ inputTokens: 12, outputTokens: 9, cachedInputTokens: 5, cacheWriteInputTokens: 7 }]);
  });

  it('TEL-1: a model that a tool asks is told of too', async () => {
    const need: CallNeed = {
      kind: 'sample',
      model: 'small',
      maxTokens: 100,
      messages: [{ role: 'user', content: ['?'] }],
    };
    const think = defineTool({
      name: 'think',
      description: 'Thinks.',
      input: z.object({}),
      effect: 'repeatable',
      execute: (_, { answers }) => (answers === undefined ? callNeeds({ a: need }) : 'thought'),
    });
    const store = newStore();
    const agent = bindModels(
      defineAgent({ name: 'a', instructions: '', model: 'main', tools: [think], sampling: { models: ['small'] } }),
      modelRegistry({
        main: scriptedModel([{ call: 'think', input: {}, callId: 'c1' }, 'Done.']),
        small: streamModel('b:m2', [identified([...text('so'), finish('length', 1, 1)])]),
      }),
    );

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    const facts = factsIn(await entriesOf(store, 'r'));
    const [sampled] = Object.entries(facts).flatMap(([key, of]) => (key.startsWith('sample:') ? [of] : []));
    expect(sampled).toMatchObject({ of: 'model', finish: 'length', responseId: 'reply-1' });
  });
});

describe('what a step of a tool tells of itself', () => {
  it('TEL-1: its call, its source, and by which code it failed although the step has an outcome', async () => {
    const far = testSource('far', [listedTool('alpha')]);
    far.executes = ({ input: { q } }) =>
      q === 'bad'
        ? { type: 'outcome', parts: ['secret-4711'], failed: 'FAR_SAYS_NO' }
        : { type: 'outcome', parts: ['fine'] };
    const breaks = defineTool({
      name: 'breaks',
      description: 'Breaks.',
      input: z.object({ how: z.string() }),
      effect: 'repeatable',
      execute({ how }) {
        throw how === 'known' ? new PrusikError('OUT_OF_ROPE', 'secret-4711') : new Error('secret-4711');
      },
    });
    const calls = [
      call('alpha', 'x', 'c1'),
      call('alpha', 'bad', 'c2'),
      { call: 'breaks', input: { how: 'known' }, callId: 'c3' },
      { call: 'breaks', input: { how: 'other' }, callId: 'c4' },
    ];
    const { agent } = agentOf([calls, 'Done.'], [far], { tools: [breaks] });
    const store = newStore();

    await newEngine([agent], { store }).run('a', 'Go', { id: 'r' });

    const facts = Object.values(factsIn(await entriesOf(store, 'r')))
      .filter((one) => one?.of === 'tool')
      .toSorted(byCallId);
    expect(facts).toEqual([
      { of: 'tool', callId: 'c1', source: 'far' },
      { of: 'tool', callId: 'c2', source: 'far', error: 'FAR_SAYS_NO' },
      { of: 'tool', callId: 'c3', error: 'OUT_OF_ROPE' },
      { of: 'tool', callId: 'c4', error: 'TOOL_FAILED' },
    ]);
    expect(JSON.stringify(facts)).not.toContain('secret-4711');
  });

  it('TEL-1: its call where the step itself failed, and where a workflow makes it', async () => {
    const refuses = defineTool({
      name: 'refuses',
      description: 'Refuses.',
      input: z.object({}),
      effect: 'repeatable',
      execute: () => Promise.reject(new Error('no')),
    });
    const store = newStore();
    const flow = {
      name: 'w',
      kind: 'workflow',
      version: '1',
      run: (ctx: never) => callTool(ctx, 'go', refuses, {}),
    } as const;

    const result = await newEngine([flow as never], { store }).run('w', null, { id: 'r' });

    expect(result.status).toBe('failed');
    expect(factsIn(await entriesOf(store, 'r'))['go']).toEqual({ of: 'tool', callId: 'go' });
  });

  it('TEL-2: a tool and a source are told where their call stands in the trace', async () => {
    const told: (TraceContext | undefined)[] = [];
    const far = testSource('far', [listedTool('alpha')]);
    far.executes = (_, { trace }) => {
      told.push(trace);
      return { type: 'outcome', parts: ['fine'] };
    };
    const near = defineTool({
      name: 'near',
      description: 'Is near.',
      input: z.object({}),
      effect: 'repeatable',
      execute: (_, { trace }) => void told.push(trace),
    });
    const { agent } = agentOf([call('alpha', 'x', 'c1'), { call: 'near', input: {}, callId: 'c2' }, 'Done.'], [far], {
      tools: [near],
    });
    const observer = recordingObserver({ traces: true });

    await newEngine([agent], { store: newStore(), observers: [observer] }).run('a', 'Go', { id: 'r' });

    const ofTools = observer.calls.flatMap((one) =>
      one.type === 'step' && one.step.kind === 'tool' ? [one.trace] : [],
    );
    expect(ofTools).toHaveLength(2);
    expect(told).toEqual(ofTools);
  });
});
