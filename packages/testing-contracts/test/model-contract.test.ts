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
import { MODEL_FAULTS } from './model-faults.ts';

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

/** Says 'passes' or what is wrong: only a failed assertion means that a test has noticed. */
async function verdict(test: ModelTest, create: (replies: Replies) => ModelUnderTest | Promise<ModelUnderTest>) {
  try {
    await runModelTest(test, create);
    return 'passes';
  } catch (error) {
    const { code, name } = error as { code?: unknown; name?: unknown };
    // What is no JSON text says so itself.
    return code === 'ERR_ASSERTION' || name === 'SyntaxError' ? 'fails' : error;
  }
}

/** What depends on time or on another call is not in a recording; everything else is the same from it. */
describe('a model that is played from its recording', () => {
  const live = /while the reply is still|two calls at once|told to stop/;
  const tests = MODEL_TESTS.filter(({ title }) => !live.test(title)).map((test) => [test.title, test] as const);

  it.each(tests)('%s', async (_, test) => {
    const passed = await verdict(test, async (replies) => {
      const { model, recording } = recordModel(scriptedModel(replies));
      for (let played = 0; played < replies.length; played += 1) {
        try {
          const { stream } = await model.doStream({ prompt: [] });
          for await (const chunk of stream) void chunk;
        } catch {
          // It is in the recording.
        }
      }
      return { model: replayModel(JSON.parse(JSON.stringify(recording())) as never) };
    });

    expect(passed).toBe('passes');
  });
});

describe('TST-2: the suite for models notices that', () => {
  it.each(MODEL_FAULTS.map((fault) => [`${fault.name}: ${fault.caughtBy}`, fault] as const))('%s', async (_, fault) => {
    const [test, ...others] = MODEL_TESTS.filter(({ title }) => title.includes(fault.caughtBy));
    expect(others).toEqual([]);
    expect(await verdict(test as ModelTest, (replies) => ({ model: fault.create(replies) }))).toBe('fails');
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
