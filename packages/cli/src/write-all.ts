import { once } from 'node:events';
import { open, rm } from 'node:fs/promises';
import { PrusikError } from '@prusik/core';
import type { Io } from './command.ts';
import { terminalText } from './terminal.ts';

/**
 * Writes pieces to a file that is not there yet, or to the output as fast as it is read, to a terminal without what drives it; returns how many bytes. Of a
 * file that could not be written whole nothing is left.
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
  const file = await open(to, 'wx', 0o600).catch((cause: unknown) => {
    throw new PrusikError('FILE_UNWRITABLE', `The file cannot be created, or is there already: ${to}`, { cause });
  });
  try {
    for await (const piece of pieces) {
      // Goes on where the last one ended.
      await file.writeFile(piece).catch((cause: unknown) => {
        throw new PrusikError('FILE_UNWRITABLE', `The file cannot be written whole, and is gone: ${to}`, { cause });
      });
      bytes += Buffer.byteLength(piece);
    }
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(to, { force: true });
    throw error;
  }
  await file.close();
  return bytes;
}
