import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { workspaceOf } from '@prusik/core';
import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { defineAgent, skill, skillMounts } from '../src/index.ts';
import { defineSandboxTools } from '../src/sandbox/index.ts';
import { caller, newSession, sandboxOf, sh } from './sandbox-place.ts';
import { sandboxToolTests } from './sandbox-tool-tests.ts';
import { keyOf, newEngine, newStore, resultsOf } from './support.ts';

describe('bubblewrap', () => {
  sandboxToolTests('bubblewrap');

  const sandbox = sandboxOf('bubblewrap');

  it('AGT-12: an agent finds the folder of a mounted skill in its sandbox, and cannot change it', async () => {
    const parent = await mkdtemp(join(tmpdir(), 'skills-'));
    onTestFinished(() => rm(parent, { recursive: true }));
    const folder = join(parent, 'greeting');
    await mkdir(join(folder, 'scripts'), { recursive: true });
    await writeFile(
      join(folder, 'SKILL.md'),
      '---\nname: greeting\ndescription: Greets people.\n---\nRun scripts/greet.sh with a name.\n',
    );
    await writeFile(join(folder, 'scripts/greet.sh'), '#!/bin/sh\necho "Hello, $1"\n', { mode: 0o755 });
    await chmod(parent, 0o755);
    const skills = [skill(folder, { mount: true })];
    const session = await newSession(await sandbox(), { mounts: skillMounts(skills) });
    const bash = (command: string) => ({ call: 'bash', input: { command } });
    const model = scriptedModel([
      { call: 'read_skill', input: { skill: 'greeting' } },
      bash('/skills/greeting/scripts/greet.sh Ada > out; cat out'),
      bash(
        'echo evil > /skills/greeting/scripts/greet.sh || echo evil > /skills/greeting/new || mv /skills/greeting /skills/x',
      ),
      bash('ls /skills /skills/greeting'),
      'Done.',
    ]);
    const agent = defineAgent({
      name: 'a',
      instructions: '',
      model,
      skills,
      tools: defineSandboxTools({ tools: ['bash'], session: () => session, approval: { bash: 'never' } }),
    });
    const store = newStore();

    await newEngine([agent], { store }).run('a', 'Greet Ada', { id: 'r' });

    const told = (Object.values(await resultsOf(store, 'r')) as { text: string }[]).map(({ text }) => text);
    expect(told[0]).toContain('Commands find the files of this skill in /skills/greeting.');
    expect(told[1]).toBe('Hello, Ada\n[exit code 0]');
    expect(told[2]).toMatch(/Read-only file system[^]*Read-only file system[^]*\[exit code 1\]$/);
    expect(told[3]).toBe('/skills:\ngreeting\n\n/skills/greeting:\nSKILL.md\nscripts\n[exit code 0]');
  });

  it('SBX-8: a command that a kill cut off has reached nothing that lasts', async () => {
    const [bash] = defineSandboxTools({ tools: ['bash'], sandbox: await sandbox() });
    const run = { key: keyOf('r'), workspace: workspaceOf(keyOf('r')) };

    expect(await bash?.check?.({}, { run, callId: 'c' } as never)).toEqual({ became: 'not-run' });
  });

  it('SBX-8: what is ignored is what git ignores', async () => {
    const session = await newSession(await sandbox());
    const names = [
      'a',
      'b.log',
      'keep.log',
      'dist/a',
      'x/dist/b',
      'doc/a.txt',
      'doc/deep/a.txt',
      '#a',
      '!a',
      'a b',
      'build',
      'x/build/c',
      'foo/bar',
      'y/foo/bar',
      'z[1]',
      'cache~/d',
    ];
    const rules =
      '# rules\n*.log\n!keep.log\ndist/\n/build\ndoc/**/*.txt\n!doc/a.txt\n\\#a\n\\!a\nfoo/bar\nz[[]1]\n*~\na\\ b \n';
    for (const path of names) await session.writeTextFile({ path, content: '' });
    await session.writeTextFile({ path: '.gitignore', content: rules });
    await session.writeTextFile({ path: 'x/.gitignore', content: '!dist/\n*.c\n!/build/**\n' });

    const git = await sh(session, 'git init -q . && git ls-files -z --others --exclude-standard | tr "\\0" "\\n"');

    expect((await caller(session)('glob', { pattern: '**' })).split('\n').toSorted()).toEqual(
      git.trim().split('\n').toSorted(),
    );
  });
});
