import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sandbox } from '@prusik/core';
import { attackSandbox, SANDBOX_ATTACKS } from '@prusik/testing-contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLocalSandbox } from '../src/index.ts';
import { temporaryFolder, temporarySandbox } from './temporary.ts';
import { openWeakened, weakenedBubblewrap, type WeakenedOptions } from './weakened-sandbox.ts';

let folder: string;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => rm(folder, { recursive: true }));

const weakened = async (change: string): Promise<Sandbox> =>
  temporarySandbox({ bubblewrap: await weakenedBubblewrap(folder, change) });

const NO_FILTER = `cut ['--seccomp'], 1`;
const SHARED_PROCESSES = `drop '--unshare-pid', '--as-pid-1', '--die-with-parent'`;

describe('the trial at the start', () => {
  it.each([
    ['the network is shared', `drop '--unshare-net'`, /loopback/],
    ['the host is visible', `unshift @told, '--ro-bind', '/', '/host'`, /files of the host/],
    ['process ids are shared', SHARED_PROCESSES, /outlived/],
    ['there is no filter', NO_FILTER, /system call filter/],
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

interface Weakness extends Omit<WeakenedOptions, 'root'> {
  readonly what: string;
  /** The ends of the titles of the attacks that reach their goal in it. */
  readonly lets: readonly string[];
}

const WEAKNESSES: readonly Weakness[] = [
  {
    what: 'the folder for temporary files is the host’s, and commands start in it',
    change: `cut ['--perms', '1777', '--tmpfs', '/tmp'], 0, '--bind', '/tmp', '/tmp'; cut ['--size'], 1; ${NO_FILTER};
      cut ['--chdir'], 1, '--chdir', readlink '/proc/self/fd/5'`,
    lets: [
      'read a file of the host',
      'read a file of another workspace',
      'temporary files of one session are not those of another',
      'write a file of the host',
      'write through a symbolic link that it made',
      'write by the way up from its workspace',
      'an archive cannot be unpacked over the host',
      'make a hard link to a file of the host',
      "leave a file in the host's /tmp",
      'connect to a unix socket of the host',
    ],
  },
  {
    what: 'files of the host are shown',
    change: `mounted '--ro-bind', '/var', '/var', '--ro-bind', '/etc/passwd', '/etc/passwd'`,
    lets: ["read the host's list of users", 'see home folders, data, logs or disks of the host'],
  },
  {
    what: 'devices are those of the host',
    change: `cut ['--dev'], 1, '--dev-bind', '/dev', '/dev'; cut ['--size'], 1; cut ['--perms', '1777', '--tmpfs', '/dev/shm'], 0; cut ['--remount-ro', '/dev'], 0`,
    lets: ["leave a file in the host's /dev/shm", 'open a device of the host'],
  },
  {
    what: 'what is the host’s of the git folder can be written',
    change: `cut ['--ro-bind-fd'], 2`,
    lets: [
      "plant a hook for the host's git",
      "change the configuration of the host's git",
      "point the host's git at a configuration of its own",
      "plant what is run when the host's git uses its hooks through a link",
    ],
  },
  {
    what: 'the git folder can be renamed',
    change: `for (reverse 2..$#told) { splice @told, $_ - 2, 3 if $told[$_] eq '/workspace/.git' }`,
    lets: ['swap the git folder for one with its own hooks'],
  },
  {
    what: 'processes are those of the host',
    change: SHARED_PROCESSES,
    lets: [
      'see or signal a process of the host',
      'no process survives its exec',
      'no process survives its exec by forking twice',
      'no process survives its deadline',
      'no process escapes its deadline by handing on to the next',
      'no process survives its session',
    ],
  },
  {
    what: 'memory is shared',
    change: `drop '--unshare-ipc'`,
    lets: ['commands of two execs share no System V memory', 'commands of two execs share no message queue'],
  },
  {
    what: 'the network is the host’s',
    change: `drop '--unshare-net'; ${NO_FILTER}`,
    lets: [
      "connect to the host's loopback",
      'connect to an address of the network',
      'send a packet to the host',
      'send a packet to an address of the network',
      'ask a name server',
      'connect to an abstract unix socket of the host',
    ],
  },
  {
    what: 'there is no filter of system calls',
    change: `drop '--disable-userns'; ${NO_FILTER}`,
    lets: [
      'make a set-user-id program in its workspace',
      "listen to the kernel's events",
      'make a user namespace',
      'clone into a namespace',
      'clone into a namespace by the newer call',
      'mount a file system',
      'take hold of a mount',
      'store a key in the kernel',
      'reach the keys of its user',
      'trace a process',
      "read another process's memory",
      "take another process's files",
      'compare processes in the kernel',
      'switch address randomisation off',
      'name files by handle',
      'queue calls to the kernel past the filter',
      'hold the kernel up at a page fault',
      'type into a terminal',
      'keep files in memory that no limit counts',
    ],
  },
  {
    what: 'limits are ignored',
    change: '',
    withoutLimits: true,
    lets: [
      'start more processes than its limit',
      'a process cannot take more memory than its limit',
      'processes together cannot take more memory than their limit',
      'processes cannot take more memory than their limit by sharing it',
      'write a file larger than its limit',
      'a workspace cannot grow past its limit',
      'open more files than its limit',
      'flood its harness with output',
    ],
  },
  {
    what: 'temporary files have no limit',
    change: `cut ['--size'], 1`,
    lets: ['temporary files cannot grow without a limit'],
  },
  {
    what: 'commands run as root, in the host’s own user namespace',
    change: `cut ['--ro-bind', '/proc/sys'], 1; cut ['--uid'], 1; cut ['--gid'], 1; cut ['--cap-drop'], 1; ${NO_FILTER}; ${SHARED_PROCESSES};
      drop '--unshare-user', '--disable-userns'`,
    asRoot: true,
    lets: [
      'choose the program that the kernel starts at a crash',
      'make a device',
      'read the environment of another process',
      'read the environment of what started it',
    ],
  },
];

const attackThat = (end: string) =>
  SANDBOX_ATTACKS.filter(({ title }) => title.endsWith(` ${end}`) || title.endsWith(`: ${end}`));

describe('the suite', () => {
  it('TST-2: each of its attacks is caught in a sandbox that was weakened for it', () => {
    const caught = WEAKNESSES.flatMap(({ lets }) => lets.map(attackThat));

    expect(caught.filter((attacks) => attacks.length !== 1)).toEqual([]);
    expect(SANDBOX_ATTACKS.filter((attack) => !caught.flat().includes(attack))).toEqual([]);
  });

  it.each(WEAKNESSES)(
    'TST-2: it catches a sandbox in which $what',
    { timeout: 60_000 },
    async ({ lets, change, asRoot, withoutLimits }) => {
      const root = await temporaryFolder();
      const sandbox = await openWeakened({
        root,
        change,
        ...(asRoot ? { asRoot } : {}),
        ...(withoutLimits ? { withoutLimits } : {}),
      });
      try {
        const reached = await Promise.all(
          lets
            .flatMap(attackThat)
            .map(async (attack) => ({ title: attack.title, reached: await attackSandbox(attack, sandbox) })),
        );

        expect(reached.filter((attack) => !attack.reached)).toEqual([]);
        expect(reached.length).toBe(lets.length);
      } finally {
        await sandbox[Symbol.asyncDispose]();
        await rm(root, { recursive: true });
      }
    },
  );
});

it('SBX-3: where user namespaces are refused it refuses and says so', async () => {
  // Inside a sandbox that forbids them, by the real bubblewrap.
  const sandbox = await weakened(
    `@told = (); @ARGV = ('--unshare-user', '--uid', '1', '--disable-userns', '--dev-bind', '/', '/', '--', '/usr/bin/bwrap', '--unshare-user', '--ro-bind', '/', '/', 'true')`,
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
