import { randomUUID } from 'node:crypto';
import { perl, sh, survives, type SandboxAttack } from './attack.ts';
import { findProcesses } from './host.ts';

const DETACHED = `setsid sh -c 'while :; do sleep 1; done' "$1" </dev/null >/dev/null 2>&1 & sleep 0.2`;
const DOUBLE_FORK = `(setsid sh -c '(while :; do sleep 1; done) & :' "$1" </dev/null >/dev/null 2>&1 &) ; sleep 0.2`;
/**
 * Each starts its successor in a session of its own and ends, deaf to polite signals: whoever is killed has one already. The fifteenth, half a
 * second past the deadline, stays to be found, and ends by itself where nobody else can end it.
 */
const RELAY = `trap '' TERM HUP INT; export N=15 S='N=$((N-1)); [ $N -gt 0 ] || { sleep 5; exit; }; sleep 0.1; setsid sh -c "$S" sh "$1" </dev/null >/dev/null 2>&1 &'; sh -c "$S" sh "$1"; sleep 10`;

const runsOut = async (...[session, script, marker]: Parameters<Parameters<typeof survives>[2]>): Promise<void> => {
  await session.exec('/bin/sh', ['-c', script, 'sh', marker], { timeoutMs: 1_000 });
};

/** Two commands that agree on a name: one makes it, the other looks for it. */
const meets = (title: string, make: string, find: string, remove: string): SandboxAttack => ({
  title,
  async attempt(session) {
    const name = String(0x1000_0000 + Math.floor(Math.random() * 0x1000_0000));
    await perl(session, make, name);
    const found = await perl(session, find, name);
    await perl(session, remove, name);
    return found === 'found';
  },
});

export const PROCESS_ATTACKS: readonly SandboxAttack[] = [
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
      // It ends by itself: where nothing ties it to its session, as in a weakened sandbox, nobody else ends it.
      const victim = await session.spawn({ command: 'echo ready; exec sleep 10', env: { SECRET: secret } });
      try {
        await victim.stdout.getReader().read();
        return (await sh(session, 'cat /proc/[0-9]*/environ')).includes(secret);
      } finally {
        await victim.kill();
      }
    },
  },
  {
    title: 'SBX-6: a command cannot read the environment of what started it',
    uncontrolled: () => (process.geteuid?.() === 0 ? 'this process is root, and commands are not' : undefined),
    attempt: async (session) => {
      const given = new Set((await sh(session, 'env')).split('\n'));
      const seen = await sh(
        session,
        'p=$$; while [ "${p:-0}" -gt 0 ]; do cat /proc/$p/environ; p=$(sed -n "s/^PPid:\t//p" /proc/$p/status); done',
      );
      return seen.split('\0').some((entry) => {
        const [name = '', ...value] = entry.split('=');
        return name !== '' && !given.has(entry) && process.env[name] === value.join('=');
      });
    },
  },
  survives('SBX-5: no process survives its exec', DETACHED, async (session, script, marker) => {
    await session.exec('/bin/sh', ['-c', script, 'sh', marker]);
  }),
  survives('SBX-5: no process survives its exec by forking twice', DOUBLE_FORK, async (session, script, marker) => {
    await session.exec('/bin/sh', ['-c', script, 'sh', marker]);
  }),
  survives('SBX-5: no process survives its deadline', `${DETACHED}; sleep 10`, runsOut),
  survives('SBX-5: no process escapes its deadline by handing on to the next', RELAY, runsOut),
  survives(
    'SBX-5: no process survives its session',
    `${DETACHED}; echo ready; sleep 10`,
    async (session, script, marker) => {
      const started = await session.spawn({ command: script.replace('"$1"', marker) });
      await started.stdout.getReader().read();
      await session[Symbol.asyncDispose]();
    },
  ),
  meets(
    'SBX-2: commands of two execs share no System V memory',
    'shmget($ARGV[0], 4096, 01666)',
    'print "found" if defined shmget($ARGV[0], 0, 0)',
    'my $id = shmget($ARGV[0], 0, 0); shmctl($id, 0, 0) if defined $id',
  ),
  meets(
    'SBX-2: commands of two execs share no message queue',
    'my $n = $ARGV[0]; syscall(240, $n, 0102, 0666, 0)',
    'my $n = $ARGV[0]; print "found" if syscall(240, $n, 2, 0, 0) != -1',
    'my $n = $ARGV[0]; syscall(241, $n)',
  ),
];
