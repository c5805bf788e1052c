import { randomUUID } from 'node:crypto';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { SandboxLimits, SandboxSession } from '@prusik/core';
import { findProcesses, type AttackedHost } from './host.ts';

/** One way out of a sandbox. */
export interface SandboxAttack {
  /** What must hold, as the end of "SBX-n: a command cannot …". */
  readonly title: string;
  /** Limits under which it is tried. */
  readonly limits?: Partial<SandboxLimits>;
  /**
   * Why it fails on this machine even where nothing holds it, so that no control can prove it; undefined where one can. The title
   * of its test says so, and a sandbox that was weakened on purpose has to prove it.
   */
  readonly uncontrolled?: () => string | undefined;
  /** Tries it; true when it reached its goal. Judged from the host wherever the host can see it. */
  readonly attempt: (session: SandboxSession, bed: AttackBed) => Promise<boolean>;
}

/** What an attack may use besides its session. */
export interface AttackBed {
  readonly host: AttackedHost;
  /** Opens a session on another workspace; closed after the attack. */
  openOther(): Promise<SandboxSession>;
}

export const sh = async (session: SandboxSession, script: string, ...args: readonly string[]): Promise<string> => {
  const { stdout } = await session.exec('/bin/sh', ['-c', script, 'sh', ...args]);
  return Buffer.from(stdout).toString('utf8');
};

/** Perl calls the kernel by number and is on every Debian machine. */
export const perl = async (session: SandboxSession, program: string, ...args: readonly string[]): Promise<string> => {
  const { stdout } = await session.exec('/usr/bin/perl', ['-MSocket', '-MPOSIX', '-e', program, ...args]);
  return Buffer.from(stdout).toString('utf8');
};

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** A system call that a command has no business to make, on x86-64; the goal is that the kernel takes it. */
export const systemCall = (
  title: string,
  call: string,
  uncontrolled?: SandboxAttack['uncontrolled'],
): SandboxAttack => ({
  title,
  ...(uncontrolled === undefined ? {} : { uncontrolled }),
  attempt: async (session) => (await perl(session, `print "taken" if (${call}) != -1`)) === 'taken',
});

/** `script` gets a folder that anybody may write, and the path of a file in it that it is to make. */
export const writesOutside = (title: string, script: string): SandboxAttack => ({
  title,
  async attempt(session, { host: { folder } }) {
    const target = join(folder, randomUUID());
    await sh(session, script, folder, target);
    return exists(target);
  },
});

/** Leaves a file where two sandboxes, or a sandbox and the host, might share a folder. */
export const leavesIn = (shared: string): SandboxAttack => ({
  title: `SBX-2: a command cannot leave a file in the host's ${shared}`,
  async attempt(session) {
    const file = join(shared, `prusik-${randomUUID()}`);
    await sh(session, 'echo left > "$1"', file);
    const left = await exists(file);
    await rm(file, { force: true });
    return left;
  },
});

/** `program` gets the TCP port, the UDP port, the unix socket, the abstract one, and the host's address outside of loopback. */
export const reaches = (
  title: string,
  program: string,
  uncontrolled?: SandboxAttack['uncontrolled'],
): SandboxAttack => ({
  title,
  ...(uncontrolled === undefined ? {} : { uncontrolled }),
  async attempt(session, { host }) {
    const { tcpPort, udpPort, socketPath, abstractSocket, address = '' } = host;
    await perl(session, program, String(tcpPort), String(udpPort), socketPath, abstractSocket, address);
    return host.wasReached();
  },
});

/** Longer than a relay goes on beyond a deadline; only attempts that fail look this long. */
const GRACE_MS = 1_000;

/** Starts a process that is to outlive what `end` does, and looks for it on the host. */
export const survives = (
  title: string,
  start: string,
  end: (session: SandboxSession, script: string, marker: string) => Promise<void>,
): SandboxAttack => ({
  title,
  async attempt(session) {
    const marker = `prusik-survivor-${randomUUID()}`;
    await end(session, start, marker);
    const until = performance.now() + GRACE_MS;
    let survivors = await findProcesses(marker);
    // One that is just becoming another program has no arguments, and on a busy machine whole relays change hands during a look.
    while (survivors.length === 0 && performance.now() < until) {
      await delay(20);
      survivors = await findProcesses(marker);
    }
    // One that starts its successor is gone by the time that it is killed.
    for (let left = survivors; left.length > 0; left = await findProcesses(marker)) left.forEach(kill);
    return survivors.length > 0;
  },
});

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
