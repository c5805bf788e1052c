import { readdirSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { leavesIn, perl, sh, systemCall, writesOutside, type SandboxAttack } from './attack.ts';

const ROOT_ONLY = (): string => 'only root could, and no command runs as root';

/** Devices that every program may have. */
const HARMLESS = new Set(['null', 'zero', 'full', 'random', 'urandom', 'tty', 'ptmx', 'console']);

function openDevices(): readonly string[] {
  return readdirSync('/dev').filter((name) => {
    if (HARMLESS.has(name)) return false;
    const stats = statSync(join('/dev', name), { throwIfNoEntry: false });
    return stats !== undefined && (stats.isCharacterDevice() || stats.isBlockDevice()) && (stats.mode & 0o004) !== 0;
  });
}

export const FILE_ATTACKS: readonly SandboxAttack[] = [
  {
    title: 'SBX-2: a command cannot read a file of the host',
    attempt: async (session, { host }) => (await sh(session, 'cat "$1"', host.secretFile)).includes(host.secret),
  },
  {
    title: "SBX-2: a command cannot read the host's list of users",
    attempt: async (session) => (await sh(session, 'cat /etc/passwd')) === (await readFile('/etc/passwd', 'utf8')),
  },
  {
    title: 'SBX-2: a command cannot see home folders, data, logs or disks of the host',
    attempt: async (session) => (await sh(session, 'ls -d /home /root /var /srv /opt /mnt /media /boot /sys')) !== '',
  },
  {
    title: 'SBX-2: a command cannot read a file of another workspace',
    async attempt(session, { openOther, host: { secret } }) {
      const other = await openOther();
      await other.writeTextFile({ path: 'secret', content: secret });
      // The path as commands see it, and the one on the host that the list of mounts tells: both sessions work together.
      const path = await sh(other, `grep " $PWD " /proc/self/mountinfo | cut -d' ' -f4`);
      return (await sh(session, 'cat "$1/secret" "$2/secret"', other.directory, path.trim())).includes(secret);
    },
  },
  {
    title: 'SBX-2: temporary files of one session are not those of another',
    async attempt(session, { openOther, host: { secret } }) {
      const file = `/tmp/prusik-${secret}`;
      const other = await openOther();
      const kept = await other.spawn({ command: `echo "${secret}" > ${file}; echo written; exec sleep 60` });
      await kept.stdout.getReader().read();
      const seen = await sh(session, 'cat "$1"; rm "$1"', file);
      await kept.kill();
      return seen.includes(secret);
    },
  },
  writesOutside('SBX-2: a command cannot write a file of the host', 'echo x > "$2"'),
  writesOutside(
    'SBX-2: a command cannot write through a symbolic link that it made',
    'ln -s "$1" link && echo x > "link/${2##*/}"',
  ),
  writesOutside(
    'SBX-2: a command cannot write by the way up from its workspace',
    'p=$PWD; up=; while [ "$p" != / ]; do p=$(dirname "$p"); up=$up../; done; echo x > "$up$2"',
  ),
  writesOutside(
    'SBX-2: an archive cannot be unpacked over the host',
    'echo x > f && tar -cPf a.tar --transform "s|^f|$2|" f && tar -xPf a.tar',
  ),
  {
    title: 'SBX-2: a command cannot make a hard link to a file of the host',
    attempt: async (session, { host: { secretFile } }) => {
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
    title: 'SBX-2: a command cannot open a device of the host',
    uncontrolled: () => (openDevices().length === 0 ? 'every device is closed to ordinary users' : undefined),
    attempt: async (session) =>
      (await perl(
        session,
        'for (@ARGV) { sysopen(my $f, "/dev/$_", O_RDONLY | O_NONBLOCK) and print "opened" }',
        // Some cannot be opened by anybody: no hardware is behind them.
        ...openDevices(),
      )) !== '',
  },
  systemCall(
    'SBX-2: a command cannot make a device',
    'do { my $n = "node"; syscall(133, $n, 020666, 259) }',
    ROOT_ONLY,
  ),
  {
    title: 'SBX-2: a command cannot choose the program that the kernel starts at a crash',
    uncontrolled: ROOT_ONLY,
    // Only opened: written, it would be the host's.
    attempt: async (session) =>
      (await perl(session, 'print "opened" if sysopen(my $f, "/proc/sys/kernel/core_pattern", O_WRONLY)')) === 'opened',
  },
];

const inRepository = (title: string, script: string, planted: string): SandboxAttack => ({
  title,
  async attempt(session) {
    await sh(session, 'git init -q .');
    return (await sh(session, `${script}\n${planted}`)).endsWith('evil\n');
  },
});

export const GIT_ATTACKS: readonly SandboxAttack[] = [
  inRepository(
    "SBX-2: a command cannot plant a hook for the host's git",
    'echo evil > .git/hooks/pre-commit',
    'cat .git/hooks/pre-commit',
  ),
  inRepository(
    'SBX-2: a command cannot swap the git folder for one with its own hooks',
    'mv .git away; mkdir -p .git/hooks; echo evil > .git/hooks/pre-commit',
    'cat .git/hooks/pre-commit',
  ),
  inRepository(
    "SBX-2: a command cannot change the configuration of the host's git",
    'git config core.fsmonitor evil; printf "[core]\\n\\tfsmonitor = evil\\n" >> .git/config',
    'git config core.fsmonitor',
  ),
  inRepository(
    "SBX-2: a command cannot point the host's git at a configuration of its own",
    'cp -r .git own; printf "[core]\\n\\tfsmonitor = evil\\n" >> own/config; rm -f .git/commondir; echo ../own > .git/commondir',
    'git config core.fsmonitor',
  ),
  inRepository(
    "SBX-2: a command cannot plant what is run when the host's git uses its hooks through a link",
    'ln -sf /workspace/evil .git/hooks/pre-commit || ln -sf "$PWD/evil" .git/hooks/pre-commit',
    'test -L .git/hooks/pre-commit && echo evil',
  ),
];
