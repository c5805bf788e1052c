// An agent with a skill: it sees what the skill is for, reads it when a task fits, and gets no right by it.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';

const parent = mkdtempSync(join(tmpdir(), 'skills-'));
const folder = join(parent, 'release-notes');
mkdirSync(folder);
writeFileSync(
  join(folder, 'SKILL.md'),
  `---
name: release-notes
description: Words release notes. Use it when changes have to be told to users.
---
Say what a user notices, first what breaks. See style.md.
`,
);
writeFileSync(join(folder, 'style.md'), 'Short sentences.');
const model = scriptedModel([{ call: 'read_skill', input: { skill: 'release-notes' } }, 'Nothing breaks.']);
// #region usage
import { defineAgent, skill } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';

const writer = defineAgent({
  name: 'writer',
  instructions: 'You help with releases.',
  model,
  skills: [skill(folder)], // a folder with a SKILL.md, by its path or its URL
});

const harness = defineHarness({ store: memoryStore(), agents: { writer } });
const result = await harness.run('writer', 'Word the notes of version 2');
// #endregion usage
assert.equal(result.status === 'completed' && result.output, 'Nothing breaks.');
assert.match(JSON.stringify(model.requests[0]?.prompt[0]), /release-notes: Words release notes/);
assert.match(JSON.stringify(model.requests[1]?.prompt.at(-1)), /Say what a user notices.*style\.md \(16 bytes\)/);
await harness[Symbol.asyncDispose]();
rmSync(parent, { recursive: true });
