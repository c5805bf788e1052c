import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { recordDisk } from './recorded-disk.ts';
import { stringsOf, systemCalls } from './system-calls.ts';

/** A program that has run to its end, and what it did to a folder. */
export interface PowerLoss {
  /** Instants at which the power may fail: after none of its changes, after one, and so on. */
  readonly instants: number;
  /**
   * Writes into an empty folder what the disk holds if the power fails at this instant: files as they were last synced, names whose folder
   * was synced. Of what was not synced a page or name survives where `chance()`, from 0 to 1, is below one half; without it none does.
   *
   * @returns the lines that the program had printed until then: what it had acknowledged.
   */
  leave(instant: number, into: string, chance?: () => number): readonly string[];
}

const TRACED =
  'openat,open,close,write,writev,pwrite64,pwritev,pwritev2,lseek,ftruncate,fallocate,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat,rmdir,copy_file_range,sendfile';
/** Longer than any single write is expected to be; a longer one is an error, never a silent cut. */
const STRING_LIMIT = 16 * 1_024 * 1_024;
const STDOUT = 1;

/**
 * Runs a program and records every write and sync under `folder`, so that a test can look at what a loss of power leaves, at any instant. Linux, with
 * Debian's `strace`. The program writes to the folder from one process, with absolute paths, at positions or in order; what cannot be followed
 * (appending, clones of files) is an error or not supported by the disk of a test. Memory that is mapped is not seen: SQLite rebuilds its `-shm` by itself.
 *
 * @throws when it does not end with exit code 0.
 */
export async function powerLoss(options: {
  readonly command: readonly [string, ...string[]];
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<PowerLoss> {
  const folder = realpathSync(options.folder);
  const logs = mkdtempSync(join(tmpdir(), 'prusik-trace-'));
  try {
    const disk = recordDisk(folder);
    const log = join(logs, 'calls');
    await trace(options.command, log, options.env);
    const printed: { readonly text: string; readonly at: number }[] = [];
    const lines: string[] = [];
    for await (const line of createInterface({ input: createReadStream(log) })) lines.push(line);
    for (const call of systemCalls(lines)) {
      if (call.name.startsWith('write') && call.args.startsWith(`${STDOUT},`))
        printed.push({ text: Buffer.concat([...stringsOf(call)]).toString(), at: disk.changes });
      else disk.add(call);
    }
    return {
      instants: disk.changes + 1,
      leave(instant, into, chance) {
        disk.write(into, instant, () => chance !== undefined && chance() < 0.5);
        const text = printed.filter(({ at }) => at <= instant).map((item) => item.text);
        return text.join('').split('\n').slice(0, -1);
      },
    };
  } finally {
    rmSync(logs, { recursive: true, force: true });
  }
}

async function trace(
  command: readonly string[],
  log: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const options = ['-f', '-v', '-xx', '-s', String(STRING_LIMIT), '-e', `trace=${TRACED}`, '--seccomp-bpf', '-o', log];
  const child = spawn('strace', [...options, ...command], {
    stdio: ['ignore', 'ignore', 'inherit'],
    // Writes through a ring of the kernel are calls that nobody sees.
    env: { ...process.env, UV_USE_IO_URING: '0', ...env },
  });
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`${command.join(' ')} under strace ended with ${code}`);
  } finally {
    process.off('exit', kill);
  }
}
