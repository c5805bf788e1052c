import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRecorder, scriptedModel, type Recorder } from '@prusik/testing-contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bindModels, defineAgent, defineTool, modelRegistry, type ModelErrorClass } from '../src/index.ts';
import { newEngine } from './support.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'agent-replay-'));
  file = join(folder, 'agent.recording.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('REC-3: an agent that is played from a recording', () => {
  const look = (more: string) =>
    defineTool({
      name: 'look',
      description: 'Looks.',
      input: z.object({ at: z.string() }),
      effect: 'repeatable',
      execute: ({ at }) => `${more} ${at}`,
    });
  const script = () => scriptedModel([[{ call: 'look', input: { at: 'A' } }], 'Seen.'], { modelId: 'main' });

  function run(
    recorder: Recorder,
    { tool = look('real'), main = script(), instructions = 'Look.', spare = scriptedModel([]), on }: Options = {},
  ) {
    const agent = defineAgent({ name: 'a', instructions, model: 'main', tools: [recorder.tool(tool)] });
    const models = modelRegistry({
      main: { model: recorder.model('main', main), fallbacks: [spare], ...(on === undefined ? {} : { on }) },
    });
    return newEngine([bindModels(agent, models)]).run('a', 'Go', { id: 'r' });
  }
  interface Options {
    readonly tool?: ReturnType<typeof look>;
    readonly main?: ReturnType<typeof scriptedModel>;
    readonly instructions?: string;
    readonly spare?: ReturnType<typeof scriptedModel>;
    readonly on?: readonly ModelErrorClass[];
  }

  async function recorded(): Promise<void> {
    const recorder = createRecorder({ file, mode: 'record', env: {} });
    expect(await run(recorder)).toMatchObject({ status: 'completed', output: 'Seen.' });
    await recorder[Symbol.asyncDispose]();
  }
  const silent = () => scriptedModel([], { modelId: 'main' });

  it('says and does the same, and neither its model nor its tool is asked', async () => {
    await recorded();
    const recorder = createRecorder({ file, env: {} });
    const main = silent();

    const result = await run(recorder, { main, tool: look('another') });

    await recorder[Symbol.asyncDispose]();
    expect(result).toMatchObject({ status: 'completed', output: 'Seen.' });
    expect(main.requests).toEqual([]);
  });

  it('fails where its instructions changed, after one attempt, and no other model is asked', async () => {
    await recorded();
    const recorder = createRecorder({ file, env: {} });
    const spare = scriptedModel(['Instead.']);

    const result = await run(recorder, { main: silent(), instructions: 'Look twice.', spare });

    expect(result).toMatchObject({ status: 'failed', error: { code: 'REPLAY_CHANGED' } });
    expect(result).toMatchObject({ error: { message: expect.stringContaining('- Look.\n+ Look twice.') } });
    expect(spare.requests).toEqual([]);
    await expect(recorder[Symbol.asyncDispose]()).rejects.toMatchObject({ code: 'REPLAY_CHANGED' });
  });

  it('is told by the disposal where a route asks another model after whatever failure', async () => {
    await recorded();
    const recorder = createRecorder({ file, env: {} });
    const spare = scriptedModel(['Instead.']);

    const result = await run(recorder, { main: silent(), instructions: 'Look twice.', spare, on: ['invalid'] });

    expect(result).toMatchObject({ status: 'completed', output: 'Instead.' });
    await expect(recorder[Symbol.asyncDispose]()).rejects.toMatchObject({
      code: 'REPLAY_CHANGED',
      message: expect.stringContaining('- Look.\n+ Look twice.'),
    });
  });
});
