import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  createRecorder,
  MODEL_TESTS,
  modelContract,
  modelTestsFor,
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

const folder = mkdtempSync(join(tmpdir(), 'recordings-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newFile = (): string => join(folder, `${(files += 1)}.json`);

function recorded(replies: Replies, file: string): ModelUnderTest {
  const recorder = createRecorder({ file, mode: 'record', env: {} });
  return { model: recorder.model('m', scriptedModel(replies)), remove: () => recorder[Symbol.asyncDispose]() };
}

describe('a model that is recorded', () => {
  modelContract({ test: it, create: (replies) => recorded(replies, newFile()), abilities });
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

/** What a reader does while a reply is still being made is not in a recording; everything else is the same from it. */
describe('REC-3: a model that is played from its recording', () => {
  const live = /while the reply is still/;
  const tests = MODEL_TESTS.filter(({ title }) => !live.test(title)).map((test) => [test.title, test] as const);
  const silent = (): never => {
    throw new Error('Nobody is to be asked');
  };

  it.each(tests)('%s', async (_, test) => {
    const made: string[] = [];
    const recording = await verdict(test, (replies) => {
      made.push(newFile());
      return recorded(replies, made.at(-1) ?? '');
    });

    const passed = await verdict(test, () => {
      const recorder = createRecorder({ file: made.shift() ?? '', env: {} });
      return {
        model: recorder.model('m', { ...scriptedModel([]), doStream: silent, doGenerate: silent }),
        remove: () => recorder[Symbol.asyncDispose](),
      };
    });

    expect([recording, passed]).toEqual(['passes', 'passes']);
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
