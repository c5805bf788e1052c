import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { SandboxLevel } from '@prusik/core';
import { coverDescriptors } from './descriptors.ts';
import type { Identity } from './identity.ts';
import { exitOf, startFailed, type Launcher } from './running-process.ts';

const SETPRIV = '/usr/bin/setpriv';

/** What `isolation: 'none'` holds. */
const NO_LEVEL: SandboxLevel = {
  files: 'none',
  processes: 'none',
  network: 'none',
  syscalls: 'none',
  limits: 'none',
};

export interface PlainLauncherOptions {
  readonly identity: Identity | undefined;
  readonly devNull: number;
}

/**
 * Starts processes without isolation, in a process group of their own that is killed as a whole. A process that leaves the group
 * (setsid) survives, which the level says. setpriv at least lets the command itself die with a harness that is killed.
 */
export function createPlainLauncher({ identity, devNull }: PlainLauncherOptions): Launcher {
  const hasSetpriv = process.platform === 'linux' && existsSync(SETPRIV);
  return {
    level: NO_LEVEL,
    directory: (place) => place.files,
    environment: (place) => ({
      ...(process.platform === 'win32'
        ? windowsEnvironment()
        : { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C.UTF-8', TERM: 'dumb' }),
      HOME: place.home,
      TMPDIR: place.home,
    }),

    async launch({ file, args, env, cwd, inheritable }) {
      // Node would say that the program is missing.
      if (!existsSync(cwd)) throw startFailed(`there is no working directory ${cwd}`);
      const command = hasSetpriv ? [SETPRIV, '--pdeathsig', 'KILL', '--', file, ...args] : [file, ...args];
      const child = spawn(command[0] ?? file, command.slice(1), {
        cwd,
        env,
        detached: process.platform !== 'win32',
        stdio: coverDescriptors(['pipe', 'pipe', 'pipe'], inheritable, devNull),
        ...(identity?.drop === true ? { uid: identity.uid, gid: identity.gid } : {}),
      });
      const exit = exitOf(child);
      const { stdin, stdout, stderr, pid } = child;
      if (!stdin || !stdout || !stderr || pid === undefined) {
        await exit;
        throw startFailed('no pipes could be made');
      }
      stdin.on('error', () => {});
      const signalGroup = (signal: NodeJS.Signals): void => {
        try {
          process.kill(process.platform === 'win32' ? pid : -pid, signal);
        } catch {
          // Nobody of the group is left.
        }
      };
      const killGroup = (): void => signalGroup('SIGKILL');
      return {
        stdin,
        stdout,
        stderr,
        pid,
        ended: exit.finally(killGroup),
        terminate: () => signalGroup('SIGTERM'),
        kill: killGroup,
      };
    },
  };
}

/** Without these two no program starts on Windows. */
function windowsEnvironment(): Record<string, string> {
  // oxlint-disable-next-line node/no-process-env -- the one place that reads it, two names only
  const { PATH = '', SystemRoot = 'C:\\Windows' } = process.env;
  return { PATH, SystemRoot };
}
