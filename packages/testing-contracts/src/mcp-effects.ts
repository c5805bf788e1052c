import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What servers have done to the world, counted outside of them. */
export interface McpEffects extends Disposable {
  /** The folder that servers have to see. */
  readonly folder: string;
  /** The name in it that a server writes to. */
  readonly name: string;
  /** What was done so far, in order. */
  read(): readonly string[];
}

/**
 * In a sandbox nothing of the host can be written but a pipe: what is mounted read-only are its files, and what is written to a pipe is on no file system. Elsewhere a
 * file does, which every system has.
 */
export function mcpEffects(place: 'host' | 'sandbox'): McpEffects {
  const folder = mkdtempSync(join(tmpdir(), 'prusik-effects-'));
  const name = 'effects';
  const path = join(folder, name);
  if (place === 'sandbox') execFileSync('mkfifo', [path]);
  else writeFileSync(path, '');
  // Whoever the sandbox runs as.
  chmodSync(folder, 0o755);
  chmodSync(path, 0o666);
  // Of a pipe that is open for writing too, nobody reads the end, and no writer waits for a reader.
  const file = openSync(path, place === 'sandbox' ? constants.O_RDWR | constants.O_NONBLOCK : constants.O_RDONLY);
  let told = '';
  return {
    folder,
    name,
    read() {
      told += rest(file);
      return told
        .split('\n')
        .slice(0, -1)
        .map((line) => String(JSON.parse(line)));
    },
    [Symbol.dispose]() {
      closeSync(file);
      rmSync(folder, { recursive: true });
    },
  };
}

function rest(file: number): string {
  const chunk = Buffer.alloc(65_536);
  let text = '';
  for (;;) {
    const read = readNow(file, chunk);
    if (read === 0) return text;
    text += chunk.toString('utf8', 0, read);
  }
}

function readNow(file: number, chunk: Buffer): number {
  try {
    return readSync(file, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return 0; // the pipe is empty
    throw error;
  }
}
