import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** What the first 100 bytes of a database file say, without opening it as one. */
export type FileHeader =
  | { readonly found: 'nothing' | 'other' }
  | {
      readonly found: 'database';
      readonly applicationId: number;
      readonly userVersion: number;
      /** In WAL mode, as every store is once it has been made. */
      readonly isWal: boolean;
    };

const MAGIC = 'SQLite format 3\0';
const READ_FORMAT_OFFSET = 19;
const USER_VERSION_OFFSET = 60;
const APPLICATION_ID_OFFSET = 68;
const HEADER_BYTES = 100;

/** Reads the header with plain file calls: opening a database of somebody else, even to look, may change it. */
export function readFileHeader(path: string): FileHeader {
  // To open a pipe would wait for a writer.
  if (!statSync(path).isFile()) return { found: 'other' };
  const file = openSync(path, 'r');
  try {
    if (fstatSync(file).size === 0) return { found: 'nothing' };
    const header = Buffer.alloc(HEADER_BYTES);
    const length = readSync(file, header, 0, HEADER_BYTES, 0);
    if (length < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) return { found: 'other' };
    return {
      found: 'database',
      applicationId: header.readUInt32BE(APPLICATION_ID_OFFSET),
      userVersion: header.readUInt32BE(USER_VERSION_OFFSET),
      isWal: header[READ_FORMAT_OFFSET] === 2,
    };
  } finally {
    closeSync(file);
  }
}
