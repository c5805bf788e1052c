import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { PrusikError } from '@prusik/core';
import type { Io } from './command.ts';
import { terminalText } from './terminal.ts';

/**
 * Writes pieces to a file that is not there yet, or to the output as fast as it is read, to a terminal without what drives it; returns how many bytes. The
 * file has its name when it is whole and on the disk: of one that could not be written nothing is left, and a process that is killed leaves it under
 * another name.
 */
export async function writeAll(
  pieces: AsyncIterable<string | Uint8Array>,
  to: string | undefined,
  { stdout, signal }: Pick<Io, 'stdout' | 'signal'>,
): Promise<number> {
  let bytes = 0;
  if (to === undefined) {
    const shown = stdout.isTTY === true ? terminalText() : undefined;
    for await (const piece of pieces) {
      bytes += Buffer.byteLength(piece);
      if (!stdout.write(shown?.(piece) ?? piece)) await once(stdout, 'drain', { signal });
    }
    return bytes;
  }
  if (existsSync(to)) throw notCreated(to);
  const partial = `${to}.partial-${randomUUID()}`;
  const file = await open(partial, 'wx', 0o600).catch((cause: unknown) => {
    throw notCreated(to, cause);
  });
  try {
    try {
      for await (const piece of pieces) {
        // Goes on where the last one ended.
        await file.writeFile(piece).catch((cause: unknown) => {
          throw notWhole(to, cause);
        });
        bytes += Buffer.byteLength(piece);
      }
      await file.sync().catch((cause: unknown) => {
        throw notWhole(to, cause);
      });
    } finally {
      await file.close();
    }
    await nameNew(partial, to);
  } finally {
    await rm(partial, { force: true });
  }
  return bytes;
}

/** A rename would replace what has come under that name meanwhile; a link is refused then. Some file systems have none. */
async function nameNew(partial: string, to: string): Promise<void> {
  try {
    await link(partial, to);
  } catch (cause) {
    // A link to what is not there is a file of that name, too.
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST' || existsSync(to)) throw notCreated(to, cause);
    await rename(partial, to).catch(() => {
      throw notCreated(to, cause);
    });
  }
}

const notCreated = (to: string, cause?: unknown): PrusikError =>
  new PrusikError('FILE_UNWRITABLE', `The file cannot be created, or is there already: ${to}`, { cause });

const notWhole = (to: string, cause: unknown): PrusikError =>
  new PrusikError('FILE_UNWRITABLE', `The file cannot be written whole, and is gone: ${to}`, { cause });
