import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '@prusik/core';
import { sandboxContract } from '@prusik/testing-contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalSandbox } from '../src/index.ts';
import { temporaryFolder, temporarySandbox } from './temporary.ts';

/** Takes bubblewrap's place, changes what it is told, and becomes it. */
const shim = (change: string): string => `#!/usr/bin/perl
exec '/usr/bin/bwrap', @ARGV if $ARGV[0] eq '--help';
use POSIX ();
open(my $in, '<&=', 3); local $/; my @told = split /\\0/, <$in>;
sub drop { my %names = map { $_ => 1 } @_; @told = grep { !$names{$_} } @told }
sub replace { my ($name, $by) = @_; @told = map { $_ eq $name ? $by : $_ } @told }
${change};
pipe(my $read, my $write); syswrite $write, join('', map { "$_\\0" } @told); close $write;
POSIX::dup2(fileno($read), 3); exec '/usr/bin/bwrap', @ARGV;`;

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true }));

async function weakened(change: string): Promise<Sandbox> {
  const bubblewrap = join(folder, `bwrap-${Math.random().toString(36).slice(2)}`);
  await writeFile(bubblewrap, shim(change));
  await chmod(bubblewrap, 0o755);
  return temporarySandbox({ bubblewrap });
}

describe('the trial at the start', () => {
  it.each([
    ['the network is shared', `drop '--unshare-net'`, /loopback/],
    ['the host is visible', `unshift @told, '--ro-bind', '/', '/host'`, /files of the host/],
    ['process ids are shared', `drop '--unshare-pid', '--as-pid-1', '--die-with-parent'`, /outlived/],
    ['there is no filter', `for (0..$#told) { splice @told, $_, 2 if $told[$_] eq '--seccomp' }`, /system call filter/],
    ['there are no limits', `@ARGV = grep { !/^--nproc/ } @ARGV`, /number of processes/],
    ['nothing runs', `@ARGV = (@ARGV[0..2], '/usr/bin/false')`, /bubblewrap said/],
  ])('SBX-2: it refuses when %s', async (_what, change, reason) => {
    const sandbox = await weakened(change);
    try {
      await expect(sandbox.level()).rejects.toMatchObject({
        code: 'SANDBOX_UNAVAILABLE',
        message: expect.stringMatching(reason),
      });
    } finally {
      await sandbox[Symbol.asyncDispose]();
    }
  });

  it('SBX-2: it passes when nothing is changed', async () => {
    const sandbox = await weakened('');
    try {
      expect(await sandbox.level()).toMatchObject({ files: 'enforced', network: 'enforced' });
    } finally {
      await sandbox[Symbol.asyncDispose]();
    }
  });
});

/** The suite's attacks, by title: the tests that a control adds. */
function attacksOn(create: () => Promise<Sandbox>): Map<string, () => Promise<void>> {
  const attacks = new Map<string, () => Promise<void>>();
  sandboxContract({
    test: (title, run) => attacks.set(title, run),
    create,
    control: () => temporarySandbox({ isolation: 'none' }),
  });
  sandboxContract({ test: (title) => attacks.delete(title), create });
  return attacks;
}

describe('the suite', () => {
  it.each([
    [
      'temporary files are shared',
      `for (reverse 4..$#told - 1) { splice @told, $_ - 4, 6, '--bind', '/dev/shm', '/dev/shm' if $told[$_] eq '--tmpfs' && $told[$_ + 1] eq '/dev/shm' }`,
      "SBX-2: a command cannot leave a file in the host's /dev/shm",
    ],
    ['memory is shared', `drop '--unshare-ipc'`, 'SBX-2: commands of two execs share no System V memory'],
    [
      'hooks can be written',
      `replace '--ro-bind-fd', '--bind-fd'`,
      "SBX-2: a command cannot plant a hook for the host's git",
    ],
    [
      'the configuration can be written',
      `replace '--ro-bind-fd', '--bind-fd'`,
      "SBX-2: a command cannot change the configuration of the host's git",
    ],
    [
      'the git folder can be renamed',
      `for (0..$#told) { splice @told, $_ - 2, 3 if ($told[$_] // '') eq '/workspace/.git' }`,
      'SBX-2: a command cannot swap the git folder for one with its own hooks',
    ],
  ])('SBX-2: it catches a sandbox in which %s', async (_what, change, title) => {
    const test = attacksOn(() => weakened(change)).get(title);

    await expect(test?.()).rejects.toThrow('The attack reached its goal');
  });

  const withoutLimits = async (): Promise<Sandbox> => {
    const sandbox = await temporarySandbox({ isolation: 'none' });
    return { ...sandbox, open: ({ limits: _ignored, ...options }) => sandbox.open(options) };
  };
  const attacks = [...attacksOn(withoutLimits)];

  it('TST-2: it has all its attacks', () => {
    expect(attacks.length).toBeGreaterThan(35);
  });

  it.each(attacks)('TST-2: on a sandbox that holds nothing it fails: %s', { timeout: 30_000 }, async (_title, test) => {
    await expect(test()).rejects.toThrow('The attack reached its goal');
  });
});

it('SBX-3: where user namespaces are refused it refuses and says so', async () => {
  // Inside a sandbox that forbids them, by the real bubblewrap.
  const sandbox = await weakened(
    `unshift @told, '--unshare-user', '--disable-userns'; @told = (); @ARGV = ('--unshare-user', '--uid', '1', '--disable-userns', '--dev-bind', '/', '/', '--', '/usr/bin/bwrap', '--unshare-user', '--ro-bind', '/', '/', 'true')`,
  );
  try {
    await expect(sandbox.level()).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringMatching(/namespace/),
    });
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
});

it('SBX-3: a user that cannot reach the root is refused with a reason', async () => {
  const closed = join(folder, 'closed');
  const sandbox = createLocalSandbox({ root: join(closed, 'root') });
  await chmod(folder, 0o700);
  try {
    await expect(sandbox.level()).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: expect.stringMatching(/Permission denied/),
    });
  } finally {
    await chmod(folder, 0o755);
    await sandbox[Symbol.asyncDispose]();
  }
});
