// The tools of a sandbox: with the AI SDK alone, and as tools of an agent.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
const repository = join(root, 'repository');
mkdirSync(repository);
writeFileSync(join(repository, 'greet.txt'), 'Helo\n');
const fix = { call: 'edit', input: { path: 'greet.txt', old: 'Helo', new: 'Hello' } };
const fixerModel = scriptedModel([{ call: 'read', input: { path: 'greet.txt' } }, fix, 'Mended.']);
// #region repository
import { workspaceOf } from '@prusik/core';

const fixer = defineAgent({
  name: 'fixer',
  instructions: 'You mend the repository that is your workspace.',
  model: fixerModel,
  tools: defineSandboxTools({
    tools: ['read', 'grep', 'edit', 'bash'],
    sandbox, // the harness's: each call works in the workspace of its run
    approval: { edit: 'never', bash: 'never' }, // they reach only a copy, where the sandbox isolates
  }),
});
const repairs = defineHarness({ store: memoryStore(), sandbox, agents: { fixer }, keepOpen: ['sandbox'] });

// Made before the run under the id that the run looks for; without it the run begins with an empty one.
const workspace = workspaceOf({ tenant: 'default', run: 'fix-1' }); // of a conversation: { tenant, session }
await sandbox.workspaces.create({ id: workspace, from: { folder: repository } }); // or { gitRef: { repository, ref } }
const { snapshot: base } = await sandbox.workspaces.snapshot(workspace, { name: 'base' });

await repairs.run('fixer', 'Mend the greeting', { id: 'fix-1' });
const changes = await sandbox.workspaces.diff({ snapshot: base }, { workspace }); // the repository is as it was
// #endregion repository
assert.deepEqual(changes.changed, ['greet.txt']);
await repairs[Symbol.asyncDispose]();
await harness[Symbol.asyncDispose]();
rmSync(root, { recursive: true, force: true });
