// An agent that was recorded once is tested without a network. Here a scripted model stands for the real one.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineAgent, defineTool } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { memoryStore } from '@prusik/store-memory';
import { createRecorder, scriptedModel, type RecorderOptions } from '@prusik/testing-contracts';
import { z } from 'zod';

// Recording is done at somebody's desk: where CI is set it is refused.
delete process.env['CI'];

const folder = mkdtempSync(join(tmpdir(), 'record-replay-'));
const file = join(folder, 'weather.recording.json');
let asked = 0;
const realModel = scriptedModel([[{ call: 'forecast', input: { city: 'Lund' } }], 'Rain in Lund.']);
const realTool = defineTool({
  name: 'forecast',
  description: 'Tells the weather.',
  input: z.object({ city: z.string() }),
  effect: 'repeatable',
  execute: async ({ city }) => {
    asked += 1;
    return `Rain in ${city} on ${new Date().toISOString().slice(0, 10)}`;
  },
});

async function testOfTheAgent(more: Pick<RecorderOptions, 'mode'>): Promise<string> {
  // #region usage
  // `PRUSIK_RECORD=1 npm test` asks the real ones and writes the file; `npm test` plays it.
  const recorder = createRecorder({
    file,
    // What differs from run to run is not compared.
    normalise: (text) => text.replace(/\d{4}-\d\d-\d\d/g, 'DAY'),
    ...more,
  });
  const agent = defineAgent({
    name: 'weather',
    instructions: 'Say what the forecast says.',
    model: recorder.model('weather', realModel),
    tools: [recorder.tool(realTool)],
  });
  const harness = defineHarness({ store: memoryStore(), agents: { weather: agent } });
  const result = await harness.run('weather', 'Do I need an umbrella in Lund?');
  // The file is written; or, played, whatever nobody asked for is told.
  await recorder[Symbol.asyncDispose]();
  // #endregion usage
  await harness[Symbol.asyncDispose]();
  return result.status === 'completed' ? String(result.output) : JSON.stringify(result);
}

try {
  assert.equal(await testOfTheAgent({ mode: 'record' }), 'Rain in Lund.');
  assert.equal(await testOfTheAgent({}), 'Rain in Lund.');
  assert.equal(asked, 1);
} finally {
  rmSync(folder, { recursive: true });
}
