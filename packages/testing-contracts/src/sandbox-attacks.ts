import { randomUUID } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SandboxLimits, SandboxSession } from '@prusik/core';
import { findProcesses, type AttackedHost } from './sandbox-host.ts';

/** One way out of a sandbox. */
export interface SandboxAttack {
  /** What must hold, as the end of "SBX-n: a command cannot …". */
  readonly title: string;
  /** Limits under which it is tried. */
  readonly limits?: Partial<SandboxLimits>;
  /** Tries it; true when it reached its goal. Judged from the host wherever the host can see it. */
  readonly attempt: (session: SandboxSession, host: AttackedHost) => Promise<boolean>;
}

const sh = async (session: SandboxSession, script: string, ...args: readonly string[]): Promise<string> => {
  const { stdout } = await session.exec('/bin/sh', ['-c', script, 'sh', ...args]);
  return Buffer.from(stdout).toString('utf8');
};
/** Perl calls the kernel by number and is on every Debian machine. */
const perl = async (session: SandboxSession, program: string, ...args: readonly string[]): Promise<string> => {
  const { stdout } = await session.exec('/usr/bin/perl', ['-MSocket', '-e', program, ...args]);
  return Buffer.from(stdout).toString('utf8');
};
const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
/** A system call that a command has no business to make, on x86-64; the goal is that the kernel takes it. */
const systemCall = (title: string, call: string): SandboxAttack => ({
  title,
  attempt: async (session) => (await perl(session, `print "taken" if (${call}) != -1`)) === 'taken',
});
const writesOutside = (title: string, script: string): SandboxAttack => ({
  title,
  async attempt(session, { folder }) {
    const target = join(folder, randomUUID());
    await sh(session, script, folder, target);
    return exists(target);
  },
});
/** Leaves a file where two sandboxes, or a sandbox and the host, might share a folder. */
const leavesIn = (shared: string): SandboxAttack => ({
  title: `SBX-2: a command cannot leave a file in the host's ${shared}`,
  async attempt(session) {
    const file = join(shared, `prusik-${randomUUID()}`);
    await sh(session, 'echo left > "$1"', file);
    const left = await exists(file);
    await rm(file, { force: true });
    return left;
  },
});
const reaches = (title: string, program: string): SandboxAttack => ({
  title,
  async attempt(session, host) {
    await perl(session, program, String(host.tcpPort), String(host.udpPort), host.socketPath, host.abstractSocket);
    return host.wasReached();
  },
});
/** Starts a process that is to outlive what `end` does, and looks for it on the host. */
const survives = (
  title: string,
  start: string,
  end: (session: SandboxSession, script: string, marker: string) => Promise<void>,
): SandboxAttack => ({
  title,
  async attempt(session) {
    const marker = `prusik-survivor-${randomUUID()}`;
    await end(session, start, marker);
    const survivors = await findProcesses(marker);
    for (const pid of survivors) process.kill(pid, 'SIGKILL');
    return survivors.length > 0;
  },
});
const DETACHED = `setsid sh -c 'while :; do sleep 1; done' "$1" </dev/null >/dev/null 2>&1 & sleep 0.2`;
const DOUBLE_FORK = `(setsid sh -c '(while :; do sleep 1; done) & :' "$1" </dev/null >/dev/null 2>&1 &) ; sleep 0.2`;

const FILES: readonly SandboxAttack[] = [
  {
    title: 'SBX-2: a command cannot read a file of the host',
    attempt: async (session, { secretFile, secret }) => (await sh(session, 'cat "$1"', secretFile)).includes(secret),
  },
  {
    title: "SBX-2: a command cannot read the host's list of users",
    attempt: async (session) => (await sh(session, 'cat /etc/passwd')) === (await readFile('/etc/passwd', 'utf8')),
  },
  writesOutside('SBX-2: a command cannot write a file of the host', 'echo x > "$2"'),
  writesOutside(
    'SBX-2: a command cannot write through a symbolic link that it made',
    'ln -s "$1" link && echo x > "link/${2##*/}"',
  ),
  writesOutside(
    'SBX-2: an archive cannot be unpacked over the host',
    'echo x > f && tar -cPf a.tar --transform "s|^f|$2|" f && tar -xPf a.tar',
  ),
  {
    title: 'SBX-2: a command cannot make a hard link to a file of the host',
    attempt: async (session, { secretFile }) => {
      await sh(session, 'ln "$1" stolen', secretFile);
      return (await stat(secretFile)).nlink > 1;
    },
  },
  leavesIn('/tmp'),
  leavesIn('/dev/shm'),
  {
    title: 'SBX-2: a command cannot make a set-user-id program in its workspace',
    attempt: async (session) => {
      await sh(session, 'cp /bin/true tool && chmod 4755 tool');
      return (await sh(session, 'test -u tool && echo set')) === 'set\n';
    },
  },
  {
    title: "SBX-2: a command cannot plant a hook for the host's git",
    attempt: async (session) => {
      await sh(session, 'git init -q .');
      return (await sh(session, 'echo evil > .git/hooks/pre-commit; cat .git/hooks/pre-commit')) === 'evil\n';
    },
  },
  {
    title: 'SBX-2: a command cannot swap the git folder for one with its own hooks',
    attempt: async (session) => {
      await sh(session, 'git init -q .');
      await sh(session, 'mv .git away; mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit');
      return (await sh(session, 'cat .git/hooks/pre-commit')) === 'evil\n';
    },
  },
  {
    title: "SBX-2: a command cannot change the configuration of the host's git",
    attempt: async (session) => {
      await sh(session, 'git init -q .');
      await sh(session, 'git config core.fsmonitor evil; printf "[core]\\n\\tfsmonitor = evil\\n" >> .git/config');
      return (await sh(session, 'git config core.fsmonitor')) === 'evil\n';
    },
  },
];

const PROCESSES: readonly SandboxAttack[] = [
  {
    title: 'SBX-2: a command cannot see or signal a process of the host',
    attempt: async (session) => {
      const marker = `prusik-victim-${randomUUID()}`;
      const victim = await session.spawn({ command: `exec sh -c 'while :; do sleep 1; done' ${marker}` });
      try {
        await sh(
          session,
          'for p in /proc/[0-9]*; do if grep -q "$1" $p/cmdline && [ "${p#/proc/}" != $$ ]; then kill -9 "${p#/proc/}"; fi; done',
          `victim-${marker.slice(14)}`,
        );
        return (await findProcesses(marker)).length === 0;
      } finally {
        await victim.kill();
      }
    },
  },
  {
    title: 'SBX-6: a command cannot read the environment of another process',
    attempt: async (session) => {
      const secret = randomUUID();
      const victim = await session.spawn({ command: 'echo ready; while :; do sleep 1; done', env: { SECRET: secret } });
      try {
        await victim.stdout.getReader().read();
        return (await sh(session, 'cat /proc/[0-9]*/environ')).includes(secret);
      } finally {
        await victim.kill();
      }
    },
  },
  survives('SBX-5: no process survives its exec', DETACHED, async (session, script, marker) => {
    await session.exec('/bin/sh', ['-c', script, 'sh', marker]);
  }),
  survives('SBX-5: no process survives its exec by forking twice', DOUBLE_FORK, async (session, script, marker) => {
    await session.exec('/bin/sh', ['-c', script, 'sh', marker]);
  }),
  survives('SBX-5: no process survives its deadline', `${DETACHED}; sleep 60`, async (session, script, marker) => {
    await session.exec('/bin/sh', ['-c', script, 'sh', marker], { timeoutMs: 1_000 });
  }),
  survives(
    'SBX-5: no process survives its session',
    `${DETACHED}; echo ready; sleep 60`,
    async (session, script, marker) => {
      const started = await session.spawn({ command: script.replace('"$1"', marker) });
      await started.stdout.getReader().read();
      await session[Symbol.asyncDispose]();
    },
  ),
  {
    title: 'SBX-2: commands of two execs share no System V memory',
    attempt: async (session) => {
      const key = 0x5052_0000 + (process.pid & 0xffff);
      await perl(session, `shmget(${key}, 4096, 01666)`);
      const found = (await readFile('/proc/sysvipc/shm', 'utf8')).includes(String(key));
      await perl(session, `my $id = shmget(${key}, 0, 0); shmctl($id, 0, 0) if defined $id`);
      return found;
    },
  },
];

const NETWORK: readonly SandboxAttack[] = [
  reaches(
    "SBX-6: a command cannot connect to the host's loopback",
    'socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, sockaddr_in($ARGV[0], inet_aton("127.0.0.1")))',
  ),
  reaches(
    'SBX-6: a command cannot send a packet to the host',
    'socket(my $s, PF_INET, SOCK_DGRAM, 0); send($s, "x", 0, sockaddr_in($ARGV[1], inet_aton("127.0.0.1")))',
  ),
  reaches(
    'SBX-6: a command cannot connect to a unix socket of the host',
    'socket(my $s, PF_UNIX, SOCK_STREAM, 0); connect($s, sockaddr_un($ARGV[2]))',
  ),
  reaches(
    'SBX-6: a command cannot connect to an abstract unix socket of the host',
    'socket(my $s, PF_UNIX, SOCK_STREAM, 0); connect($s, pack("S a*", PF_UNIX, "\\0$ARGV[3]"))',
  ),
];

const SYSTEM_CALLS: readonly SandboxAttack[] = [
  systemCall('SBX-2: a command cannot make a user namespace', 'syscall(272, 0x10000000)'),
  systemCall(
    'SBX-2: a command cannot clone into a namespace',
    'do { my $p = syscall(56, 0x10000000 | 17, 0, 0, 0, 0); exit if $p == 0; $p }',
  ),
  systemCall(
    'SBX-2: a command cannot store a key in the kernel',
    'do { my ($t, $d, $p) = ("user", "prusik", "x"); syscall(248, $t, $d, $p, 1, -2) }',
  ),
  systemCall(
    'SBX-2: a command cannot trace a process',
    'do { my $p = fork; if (!$p) { sleep 5; exit } my $r = syscall(101, 16, $p, 0, 0); kill 9, $p; $r }',
  ),
  systemCall(
    "SBX-2: a command cannot read another process's memory",
    'do { my ($a, $b) = ("x" x 8, "y" x 8); my $l = pack("PQ", $a, 8); my $r = pack("PQ", $b, 8); syscall(310, $$ + 0, $l, 1, $r, 1, 0) }',
  ),
  systemCall('SBX-2: a command cannot switch address randomisation off', 'syscall(135, 0x0040000)'),
  systemCall(
    'SBX-2: a command cannot name files by handle',
    'do { my $h = pack("II", 128, 0) . "\\0" x 128; my $m = pack("i", 0); my $n = "/usr"; syscall(303, -100, $n, $h, $m, 0) }',
  ),
];

const LIMITS: readonly SandboxAttack[] = [
  {
    title: 'SBX-5: a command cannot start more processes than its limit',
    limits: { processes: 16 },
    attempt: async (session) =>
      (
        await sh(session, 'i=0; while [ $i -lt 32 ]; do sleep 2 & i=$((i+1)); done; echo all; kill $(jobs -p)')
      ).includes('all'),
  },
  {
    title: 'SBX-5: a process cannot take more memory than its limit',
    limits: { memoryBytes: 64 * 1024 * 1024 },
    attempt: async (session) =>
      (await perl(session, 'my $x = "x" x (256 * 1024 * 1024); print length $x')) === String(256 * 1024 * 1024),
  },
  {
    title: 'SBX-5: processes together cannot take more memory than their limit',
    limits: { memoryBytes: 128 * 1024 * 1024 },
    attempt: async (session) => {
      const { exceeded } = await session.exec('/usr/bin/perl', [
        '-e',
        'for (1..5) { if (!fork) { my $x = "x" x (24 * 1024 * 1024); $x =~ tr/x/y/; sleep 3; exit } } sleep 3',
      ]);
      return exceeded === null;
    },
  },
  {
    title: 'SBX-5: a command cannot write a file larger than its limit',
    limits: { fileBytes: 1024 * 1024 },
    attempt: async (session) => {
      await sh(session, 'head -c 3145728 /dev/zero > big');
      return (await sh(session, 'wc -c < big')).trim() === '3145728';
    },
  },
  {
    title: 'SBX-5: a workspace cannot grow past its limit',
    limits: { diskBytes: 64 * 1024 * 1024, fileBytes: 32 * 1024 * 1024 },
    attempt: async (session) => {
      const { exceeded } = await session.exec('/bin/sh', [
        '-c',
        'for i in 1 2 3 4 5 6; do head -c 31457280 /dev/zero > f$i; done; sleep 3; rm f*',
      ]);
      return exceeded === null;
    },
  },
  {
    title: 'SBX-5: a command cannot open more files than its limit',
    limits: { openFiles: 64 },
    attempt: async (session) =>
      (await perl(
        session,
        'my @f; for (1..100) { open(my $f, "<", "/dev/null") or last; push @f, $f } print scalar @f',
      )) === '100',
  },
  {
    title: 'SBX-5: temporary files cannot grow without a limit',
    attempt: async (session) => {
      const file = `/tmp/prusik-${randomUUID()}`;
      const written = await sh(session, 'head -c 400000000 /dev/zero > "$1"; wc -c < "$1"; rm "$1"', file);
      return written.trim() === '400000000';
    },
  },
];

/** Every attack. They need `/bin/sh`, perl, tar and git on Linux. */
export const SANDBOX_ATTACKS: readonly SandboxAttack[] = [
  ...FILES,
  ...PROCESSES,
  ...NETWORK,
  ...SYSTEM_CALLS,
  ...LIMITS,
];
