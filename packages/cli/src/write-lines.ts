import { open, rm } from 'node:fs/promises';
import { PrusikError } from '@prusik/core';
import type { Output } from './terminal.ts';

/** Writes lines to a file that is not there yet, or to the output; returns how many bytes. Of a file that could not be written whole nothing is left. */
export async function writeLines(
  lines: AsyncIterable<string>,
  to: string | undefined,
  stdout: Pick<Output, 'write'>,
): Promise<number> {
  let bytes = 0;
  if (to === undefined) {
    for await (const line of lines) {
      stdout.write(line);
      bytes += Buffer.byteLength(line);
    }
    return bytes;
  }
  const file = await open(to, 'wx', 0o600).catch((cause: unknown) => {
    throw new PrusikError('FILE_UNWRITABLE', `The file cannot be created, or is there already: ${to}`, { cause });
  });
  try {
    for await (const line of lines) bytes += (await file.write(line)).bytesWritten;
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(to, { force: true });
    throw error;
  }
  await file.close();
  return bytes;
}
