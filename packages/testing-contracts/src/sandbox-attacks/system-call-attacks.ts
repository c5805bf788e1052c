import { readFileSync } from 'node:fs';
import { perl, sh, systemCall, type SandboxAttack } from './attack.ts';

/** Where a setting of the kernel has one of these values nobody can; `undefined` where the kernel has no such setting. */
const unless = (setting: string, values: RegExp) => (): string | undefined => {
  let value: string;
  try {
    value = readFileSync(`/proc/sys/${setting}`, 'latin1').trim();
  } catch {
    return undefined;
  }
  return values.test(value) ? `${setting.replaceAll('/', '.')} is ${value}` : undefined;
};

/** `call` with the pid of a child in `$p`. */
const onChild = (call: string): string =>
  `do { my $p = fork; if (!$p) { sleep 5; exit } my $r = ${call}; kill 9, $p; $r }`;

export const SYSTEM_CALL_ATTACKS: readonly SandboxAttack[] = [
  systemCall('SBX-2: a command cannot make a user namespace', 'syscall(272, 0x10000000)'),
  systemCall(
    'SBX-2: a command cannot clone into a namespace',
    'do { my $p = syscall(56, 0x10000000 | 17, 0, 0, 0, 0); exit if $p == 0; $p }',
  ),
  systemCall(
    'SBX-2: a command cannot clone into a namespace by the newer call',
    'do { my $a = pack("Q8", 0x10000000, 0, 0, 0, 17, 0, 0, 0); my $p = syscall(435, $a, 64); exit if $p == 0; $p }',
  ),
  {
    title: 'SBX-2: a command cannot mount a file system',
    attempt: async (session) =>
      (await sh(session, 'unshare -Urm sh -c "mount -t tmpfs none /dev/shm && echo mounted"')) === 'mounted\n',
  },
  systemCall('SBX-2: a command cannot take hold of a mount', 'do { my $p = "/"; syscall(428, -100, $p, 0) }'),
  systemCall(
    'SBX-2: a command cannot store a key in the kernel',
    'do { my ($t, $d, $p) = ("user", "prusik", "x"); syscall(248, $t, $d, $p, 1, -2) }',
  ),
  systemCall('SBX-2: a command cannot reach the keys of its user', 'syscall(250, 0, -4, 1)'),
  systemCall('SBX-2: a command cannot trace a process', onChild('syscall(101, 16, $p, 0, 0)')),
  systemCall(
    "SBX-2: a command cannot read another process's memory",
    'do { my ($a, $b) = ("x" x 8, "y" x 8); my $l = pack("PQ", $a, 8); my $r = pack("PQ", $b, 8); syscall(310, $$ + 0, $l, 1, $r, 1, 0) }',
  ),
  systemCall(
    "SBX-2: a command cannot take another process's files",
    onChild('do { my $d = syscall(434, $p, 0); syscall(438, $d, 2, 0) }'),
  ),
  systemCall('SBX-2: a command cannot compare processes in the kernel', onChild('syscall(312, $$ + 0, $p, 0, 1, 1)')),
  systemCall('SBX-2: a command cannot switch address randomisation off', 'syscall(135, 0x0040000)'),
  systemCall(
    'SBX-2: a command cannot name files by handle',
    'do { my $h = pack("II", 128, 0) . "\\0" x 128; my $m = pack("i", 0); my $n = "/usr"; syscall(303, -100, $n, $h, $m, 0) }',
  ),
  systemCall(
    'SBX-2: a command cannot queue calls to the kernel past the filter',
    'do { my $p = "\\0" x 120; syscall(425, 8, $p) }',
    unless('kernel/io_uring_disabled', /^[12]$/),
  ),
  systemCall('SBX-2: a command cannot hold the kernel up at a page fault', 'syscall(323, 1)'),
  {
    title: 'SBX-2: a command cannot type into a terminal',
    uncontrolled: unless('dev/tty/legacy_tiocsti', /^0$/),
    // A terminal of its own, which any other stands for; its end ends the child, so nothing waits in a buffer. The number with a bit above the 32 that the kernel reads is the same call.
    attempt: async (session) =>
      (await perl(
        session,
        `$| = 1; if (fork) { wait } else {
          POSIX::setsid(); open(my $m, "+<", "/dev/ptmx"); my $n = pack("i", 0);
          ioctl($m, 0x40045431, $n); ioctl($m, 0x80045430, $n); open(my $t, "+<", "/dev/pts/" . unpack("i", $n));
          for (0x5412, 0x100005412) { my $c = "x"; print "typed" if syscall(16, fileno($t), $_, $c) != -1 }
        }`,
      )) !== '',
  },
];
