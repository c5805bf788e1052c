import { randomUUID } from 'node:crypto';
import { perl, sh, type SandboxAttack } from './attack.ts';

const MIB = 1024 * 1024;

/** Whether five processes that each do this to 24 MiB go on under a limit of 128 MiB in all. */
const together = (title: string, take: string): SandboxAttack => ({
  title,
  limits: { memoryBytes: 80 * MIB },
  attempt: async (session) => {
    const { exceeded } = await session.exec('/usr/bin/perl', [
      '-e',
      `my $b = 24 * 1024 * 1024; for (1..5) { if (!fork) { ${take}; sleep 1; exit } } 1 while wait != -1`,
    ]);
    return exceeded === null;
  },
});

export const LIMIT_ATTACKS: readonly SandboxAttack[] = [
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
    limits: { memoryBytes: 32 * MIB },
    attempt: async (session) =>
      (await perl(session, 'my $x = "x" x (48 * 1024 * 1024); print length $x')) === String(48 * MIB),
  },
  together('SBX-5: processes together cannot take more memory than their limit', 'my $x = "x" x $b; $x =~ tr/x/y/'),
  together(
    'SBX-5: processes cannot take more memory than their limit by sharing it',
    // mmap: shared, anonymous; and a read into it, so that its pages are there.
    'my $at = syscall(9, 0, $b, 3, 0x21, -1, 0); open(my $z, "<", "/dev/zero"); syscall(0, fileno($z), $at, $b)',
  ),
  {
    title: 'SBX-5: a command cannot keep files in memory that no limit counts',
    attempt: async (session) =>
      (await perl(session, 'my $n = "x"; print "made" if syscall(319, $n, 0) != -1 || syscall(447, 0) != -1')) !== '',
  },
  {
    title: 'SBX-5: a command cannot write a file larger than its limit',
    limits: { fileBytes: MIB },
    attempt: async (session) => {
      await sh(session, 'head -c 3145728 /dev/zero > big');
      return (await sh(session, 'wc -c < big')).trim() === '3145728';
    },
  },
  {
    title: 'SBX-5: a workspace cannot grow past its limit',
    limits: { diskBytes: 16 * MIB },
    attempt: async (session) => {
      const { exceeded } = await session.exec('/bin/sh', [
        '-c',
        'for i in 1 2 3 4 5 6; do head -c 5242880 /dev/zero > f$i; done; sleep 1.5; rm f*',
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
      const written = await sh(session, 'head -c 300000000 /dev/zero > "$1"; wc -c < "$1"; rm "$1"', file);
      return written.trim() === '300000000';
    },
  },
  {
    title: 'SBX-5: a command cannot flood its harness with output',
    limits: { hardOutputBytes: MIB },
    attempt: async (session) => (await session.exec('head', ['-c', '3000000', '/dev/zero'])).exceeded === null,
  },
];
