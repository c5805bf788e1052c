import type { Dirent } from 'node:fs';

/** Options of opendir that keep names whole which are not UTF-8: latin1 is one character for each byte. */
export const LISTING = { encoding: 'latin1' } as const;

/** The bytes of a name listed with {@link LISTING}. */
export function entryName(entry: Dirent): Buffer {
  return Buffer.from(entry.name, 'latin1');
}
