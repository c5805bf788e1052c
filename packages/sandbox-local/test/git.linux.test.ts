import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Sandbox, SandboxSession } from '@prusik/core';
import { temporarySandbox } from './temporary.ts';

const IDENTITY = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@b', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@b' };

let sandbox: Sandbox;
let session: SandboxSession;
beforeEach(async () => {
  sandbox = await temporarySandbox();
  await sandbox.workspaces.create({ id: 'w' });
  session = await sandbox.open({ workspace: 'w', env: IDENTITY });
});
afterEach(() => sandbox[Symbol.asyncDispose]());

async function git(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await session.exec('git', args);
  if (exitCode !== 0) throw new Error(`git ${args.join(' ')}: ${Buffer.from(stderr).toString()}`);
  return Buffer.from(stdout).toString('latin1');
}

it('SBX-1: git makes, fetches, shows and compares commits, with file names of any bytes', async () => {
  expect(await git('version')).toMatch(/^git version/);
  await git('init', '-q', '-b', 'main', 'origin');
  // A name that is no UTF-8, one with a newline, one with a quote.
  await session.exec('/bin/sh', [
    '-c',
    'cd origin && for f in "$(printf "\\377name")" "a\nb" "c\\"d" "ä"; do echo x > "$f"; done',
  ]);
  await git('-C', 'origin', 'add', '.');
  await git('-C', 'origin', 'commit', '-qm', 'first');
  await session.exec('/bin/sh', ['-c', 'echo y >> origin/ä']);
  await git('-C', 'origin', 'commit', '-qam', 'second');

  await git('init', '-q', '-b', 'main', 'copy');
  await git('-C', 'copy', 'fetch', '-q', '/workspace/origin', 'main:refs/heads/fetched');

  expect(await git('-C', 'copy', 'log', '--format=%s', 'fetched')).toBe('second\nfirst\n');
  expect((await git('-C', 'copy', 'ls-tree', '-z', '--name-only', 'fetched')).split('\0').toSorted()).toEqual(
    ['', 'a\nb', 'c"d', '\u00c3\u00a4', '\u00ffname'].toSorted(),
  );
  expect(await git('-C', 'copy', 'diff', '-z', '--numstat', 'fetched~', 'fetched')).toBe('1\t0\t\u00c3\u00a4\0');
  expect(await git('-C', 'copy', 'cat-file', 'blob', 'fetched:\u00e4')).toBe('x\ny\n');
});

it('SBX-6: git reads its configuration from the given environment, and none of the host', async () => {
  await session.writeTextFile({ path: 'home/.gitconfig', content: '[user]\n\tname = From Home\n' });
  const env = {
    HOME: '/workspace/home',
    GIT_CONFIG_COUNT: '1',
    GIT_CONFIG_KEY_0: 'core.abbrev',
    GIT_CONFIG_VALUE_0: '12',
    GIT_CONFIG_NOSYSTEM: '1',
  };

  const { stdout } = await session.exec('git', ['config', '--list', '--show-origin'], { env });

  expect(Buffer.from(stdout).toString()).toBe(
    'file:/workspace/home/.gitconfig\tuser.name=From Home\ncommand line:\tcore.abbrev=12\n',
  );
});

it('SBX-2: in a workspace with a repository at its top git still commits, though its hooks and configuration are read-only', async () => {
  await git('init', '-q', '.');
  await session.writeTextFile({ path: 'f', content: 'x' });
  await git('add', 'f');

  await git('commit', '-qm', 'first');

  expect(await git('log', '--format=%s')).toBe('first\n');
  await expect(git('config', 'core.pager', 'evil')).rejects.toThrow(/could not (write|lock)/);
});
