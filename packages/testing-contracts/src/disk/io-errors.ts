import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCommand } from './system-command.ts';

/**
 * Calls that can fail, as libfiu names them. `write` is the write at a position, which databases use: the program's own words go out by the
 * other one.
 */
const POINTS = {
  open: 'posix/io/oc/open',
  read: 'posix/io/rw/pread',
  write: 'posix/io/rw/pwrite',
  sync: 'posix/io/sync/*',
  truncate: 'posix/io/rw/ftruncate',
  unlink: 'posix/io/dir/unlink',
} as const;

/** A system call that can be made to fail. */
export type FaultyCall = keyof typeof POINTS;

/** A program whose calls of the disk can be made to fail. */
export interface FaultyProcess {
  /** With `stdin` and `stdout` as pipes. */
  readonly process: ChildProcess;
  /** From now on every such call fails with this code; with `once`, only the next. */
  fail(call: FaultyCall, how?: { readonly code?: 'EIO' | 'ENOSPC'; readonly once?: boolean }): void;
  /** All calls work again. */
  heal(): void;
  /** Kills it, and resolves when it is gone. Harmless when called again. */
  end(): Promise<void>;
}

const START_MS = 10_000;

/**
 * Starts a program whose input and output can be made to fail while it runs. Linux, with Debian's `fiu-utils`, and only for programs that
 * call the C library, as Node.js and native modules do.
 *
 * @throws when it does not start within ten seconds.
 */
export async function ioErrors(options: {
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
}): Promise<FaultyProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'prusik-faults-'));
  const control = join(folder, 'control');
  const child = spawn('fiu-run', ['-x', '-f', control, ...options.command], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...options.env },
  });
  let failed: unknown;
  child.once('error', (error) => (failed = error));
  const gone = once(child, 'close').catch(() => undefined);
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);

  async function end(): Promise<void> {
    process.off('exit', kill);
    kill();
    await gone;
    rmSync(folder, { recursive: true, force: true });
  }

  function tell(command: string): void {
    systemCommand('fiu-ctrl', '-f', control, '-c', command, String(child.pid));
  }

  // Its pipe is there as soon as the library is in it; fiu-run becomes the program itself, so the pid stays.
  for (const deadline = Date.now() + START_MS; !existsSync(`${control}-${child.pid}.in`); await sleep(5)) {
    if (failed === undefined && child.exitCode === null && Date.now() < deadline) continue;
    await end();
    throw new Error(`${options.command.join(' ')} cannot be started under fiu-run`, { cause: failed });
  }

  const failing = new Set<FaultyCall>();
  return {
    process: child,
    fail(call, { code = 'EIO', once: onlyNext = false } = {}) {
      failing.add(call);
      tell(`enable name=${POINTS[call]},failinfo=${constants.errno[code]}${onlyNext ? ',onetime' : ''}`);
    },
    heal() {
      for (const call of failing) {
        failing.delete(call);
        try {
          tell(`disable name=${POINTS[call]}`);
        } catch {
          // It failed once, as it was told, and is off already.
        }
      }
    },
    end,
  };
}
