// Tools of an MCP server: with the AI SDK alone, and as a source of tools for an agent.
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { sqliteStore } from '@prusik/store-sqlite';
import { scriptedModel } from '@prusik/testing-contracts';

/** A whole server, by hand, so that nothing has to be installed. */
const serverCode = `
  const schema = { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] };
  const tool = { name: 'forecast', description: 'The weather of tomorrow.', inputSchema: schema };
  const methods = {
    initialize: () => ({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'weather', version: '1' } }),
    'tools/list': () => ({ tools: [tool] }),
    'tools/call': ({ arguments: { place } }) => ({ content: [{ type: 'text', text: 'Snow in ' + place }] }),
  };
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) return;
    const answer = methods[method] ? { result: methods[method](params) } : { error: { code: -32601, message: 'none' } };
    console.log(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
  });
`;
const root = mkdtempSync(join(tmpdir(), 'mcp-'));
chmodSync(root, 0o755);
// Not isolated, so that this example runs everywhere. In bubblewrap `isolation` and `require` are left out.
const sandbox = createLocalSandbox({ root, isolation: 'none' });
const require = { files: 'none', processes: 'none' } as const;
// Of a program that is root, commands run as somebody else, who may not reach wherever this Node.js is.
const command = process.getuid?.() === 0 ? join(root, 'node') : process.execPath;
if (command !== process.execPath) copyFileSync(process.execPath, command);
const args = ['-e', serverCode];
const model = scriptedModel([{ call: 'weather_forecast', input: { place: 'Chamonix' } }, 'It will snow.']);
// #region usage
import { filePins, mcpRunner } from '@prusik/mcp-runner';
import { stepCountIs, streamText } from 'ai';

const runner = mcpRunner({
  sandbox, // where servers run that are programs: isolated, without network
  pins: filePins(join(root, 'mcp-pins.json')), // commit it: a tool that is another one tomorrow is withheld
  servers: {
    weather: {
      transport: 'stdio',
      command,
      args,
      require,
      allow: ['forecast'],
      effects: { forecast: 'repeatable' }, // it only reads; everything else is called once and never again by itself
      approval: 'never', // by default a person is asked as often as the risk of the server says
    },
  },
});

const reply = streamText({
  model,
  prompt: 'What will the weather be in Chamonix?',
  tools: await runner.tools(), // { weather_forecast }
  stopWhen: stepCountIs(5),
});
console.log(await reply.text);
// #endregion usage
assert.match(JSON.stringify(model.requests[1]?.prompt.at(-1)), /Snow in Chamonix/);
const agentModel = scriptedModel([{ call: 'weather_forecast', input: { place: 'Arco' } }, 'Snow, too.']);
// #region agent
import { defineAgent } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';

const guide = defineAgent({
  name: 'guide',
  instructions: 'You plan tours.',
  model: agentModel,
  sources: [runner.source()], // asked with each model call; what it says is recorded, and calls go by the record
});
const harness = defineHarness({ store: sqliteStore({ path: join(root, 'runs.db') }), agents: { guide } });
const result = await harness.run('guide', 'And in Arco?');
// #endregion agent
assert.equal(result.status === 'completed' && result.output, 'Snow, too.');
assert.match(JSON.stringify(agentModel.requests[1]?.prompt.at(-1)), /Snow in Arco/);
// #region review
for (const change of await runner.review('weather')) console.log(change.tool, change.change, change.diff);
await runner.approve('weather', await runner.review('weather')); // what was shown, and nothing else
// #endregion review
await harness[Symbol.asyncDispose]();
await runner[Symbol.asyncDispose]();
await sandbox[Symbol.asyncDispose]();
rmSync(root, { recursive: true, force: true });
