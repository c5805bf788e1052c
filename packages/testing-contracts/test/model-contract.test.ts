import { describe, expect, it } from 'vitest';
import {
  MODEL_TESTS,
  modelContract,
  modelTestsFor,
  recordModel,
  replayModel,
  runModelTest,
  scriptedModel,
  type ModelTest,
  type ModelUnderTest,
  type ScriptedPart,
} from '../src/index.ts';
import { MODEL_FAULTS, type ModelFault } from './model-faults.ts';

const abilities = {
  toolInputs: true,
  reasoning: true,
  metadata: true,
  usageDetails: true,
  contentFilter: true,
  streamErrors: true,
};
type Replies = readonly (readonly ScriptedPart[])[];

describe('the scripted model', () => {
  modelContract({ test: it, create: (replies) => ({ model: scriptedModel(replies) }), abilities });
});

describe('a model that is recorded', () => {
  const create = (replies: Replies): ModelUnderTest => ({ model: recordModel(scriptedModel(replies)).model });
  modelContract({ test: it, create, abilities });
});

/** What is told by a clock or another call is not in a recording; everything else is the same from it. */
describe('a model that is played from its recording', () => {
  const live = /while the reply is still|two calls at once|told to stop/;
  for (const test of MODEL_TESTS.filter(({ title }) => !live.test(title)))
    it(test.title, () =>
      runModelTest(test, async (replies) => {
        const { model, recording } = recordModel(scriptedModel(replies));
        for (const _ of replies) {
          try {
            const { stream } = await model.doStream({ prompt: [] });
            for await (const chunk of stream) void chunk;
          } catch {
            // It is in the recording.
          }
        }
        return { model: replayModel(JSON.parse(JSON.stringify(recording())) as never) };
      }),
    );
});

async function verdict(test: ModelTest, { create }: ModelFault): Promise<unknown> {
  try {
    await runModelTest(test, (replies) => ({ model: create(replies) }));
    return 'passes';
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: unknown };
    // What is no JSON text says so itself.
    return code === 'ERR_ASSERTION' || name === 'SyntaxError' ? 'fails' : error;
  }
}

describe('TST-2: the suite for models notices that', () => {
  it.each(MODEL_FAULTS.map((fault) => [`${fault.name}: ${fault.caughtBy}`, fault] as const))('%s', async (_, fault) => {
    const [test, ...others] = MODEL_TESTS.filter(({ title }) => title.includes(fault.caughtBy));
    expect(others).toEqual([]);
    expect(await verdict(test as ModelTest, fault)).toBe('fails');
  });

  it.each(MODEL_TESTS.map(({ title }) => title))('something is wrong: %s', (title) => {
    expect(MODEL_FAULTS.filter(({ caughtBy }) => title.includes(caughtBy))).not.toEqual([]);
  });

  it('TST-1: abilities choose the tests, and a model that has none is still asked what all must do', () => {
    const none = Object.fromEntries(Object.keys(abilities).map((name) => [name, false])) as unknown as typeof abilities;

    expect(modelTestsFor(abilities)).toEqual(MODEL_TESTS);
    expect(modelTestsFor(none).length).toBeGreaterThan(15);
    expect(modelTestsFor(none).every(({ needs }) => needs === undefined)).toBe(true);
  });
});
