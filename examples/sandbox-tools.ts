// The tools of a sandbox: with the AI SDK alone, and as tools of an agent.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';

const root = mkdtempSync(join(tmpdir(), 'sandbox-'));
chmodSync(root, 0o755);
// Not isolated, so that this example runs everywhere.
const sandbox = createLocalSandbox({ root, isolation: 'none' });
await sandbox.workspaces.create({ id: 'task-1' });
const session = await sandbox.open({ workspace: 'task-1' });
await session.writeTextFile({ path: 'notes.md', content: 'Version 1\n' });
const edit = { call: 'edit', input: { path: 'notes.md', old: 'Version 1', new: 'Version 2' } };
const model = scriptedModel([{ call: 'read', input: { path: 'notes.md' } }, edit, 'It is version 2 now.']);
// #region plain
import { sandboxTools } from '@prusik/agents/sandbox-tools';
import { stepCountIs, streamText } from 'ai';

const reply = streamText({
  model,
  system: session.description,
  prompt: 'Make it version 2',
  tools: sandboxTools(session), // no engine, no store: only a session of a sandbox
  stopWhen: stepCountIs(10),
});
console.log(await reply.text);
// #endregion plain
assert.equal(await session.readTextFile({ path: 'notes.md' }), 'Version 2\n');
const agentModel = scriptedModel([{ call: 'bash', input: { command: 'cat notes.md' } }, 'Version 2.']);
// #region agent
import { defineAgent } from '@prusik/agents';
import { defineSandboxTools } from '@prusik/agents/sandbox-tools';
import { defineHarness } from '@prusik/harness';

const coder = defineAgent({
  name: 'coder',
  instructions: session.description,
  model: agentModel,
  tools: defineSandboxTools({
    tools: ['read', 'grep', 'bash'], // those that it has; there are write, edit, list and glob, too
    session: () => session,
    approval: { bash: 'never' }, // else somebody is asked before write, edit and bash
  }),
});

const harness = defineHarness({ store: memoryStore(), sandbox, agents: { coder } });
const result = await harness.run('coder', 'Which version is it?');
// #endregion agent
assert.equal(result.status === 'completed' && result.output, 'Version 2.');
assert.match(JSON.stringify(agentModel.requests[1]?.prompt.at(-1)), /Version 2\\n\[exit code 0\]/);
await harness[Symbol.asyncDispose]();
rmSync(root, { recursive: true, force: true });
