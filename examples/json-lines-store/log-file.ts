import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { PrusikError } from '@prusik/core';
import { lockFile } from './file-lock.ts';

/** The first line: whose file it is. */
const HEADER = '{"format":"prusik-json-lines","version":1}\n';
/** Before and after the checksum of a line. */
const [SUM, BODY] = ['{"crc":"', '","tx":'] as const;
const SUM_DIGITS = 8;
const CHUNK_BYTES = 1_048_576;

/** One name for one file, whatever links lead to it: who locks another name locks nothing. */
export function realPath(path: string): string {
  return onDisk(path, () =>
    existsSync(path) ? realpathSync(path) : join(realpathSync(dirname(path)), basename(path)),
  );
}

/** A file that only grows, a line of JSON for each transaction. */
export interface LogFile {
  /** Bytes of what was acknowledged. */
  readonly length: number;
  /** Hands over every transaction, oldest first. Cuts off what was being written when the process died, or when an append failed. */
  replay(apply: (transaction: unknown) => void): void;
  /**
   * When it returns, the line survives a loss of power. When it throws `STORE_UNAVAILABLE` the line is not there; with `STORE_AMBIGUOUS` it
   * will be cut off by the next `replay`, unless the process dies before: then it may be there.
   */
  append(transaction: unknown): void;
  /** @throws {PrusikError} `STORE_REPLACED` from then on when this file is no longer the one at its path. */
  checkPlace(): void;
  close(): void;
}

/** Opens the file, or makes it, and keeps everybody else away from it. */
export function openLog(path: string): LogFile {
  const unlock = lockFile(`${path}.lock`);
  const fd = openOrCreate(path, unlock);
  let length = 0;
  let sum = 0;
  /** What stands behind `length` was not acknowledged. */
  let dirty = false;

  function checkPlace(): void {
    const own = fstatSync(fd, { bigint: true });
    const there = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (there?.ino !== own.ino || there.dev !== own.dev)
      throw new PrusikError('STORE_REPLACED', `The file ${path} was moved, removed or replaced while it was open`);
  }

  function cut(): void {
    ftruncateSync(fd, length);
    fsyncSync(fd);
    dirty = false;
  }

  // #region read
  /** A line that is whole, checked against everything before it; a line that was lost, moved or changed makes the sums differ. */
  function bodyOf(line: Buffer): Buffer | undefined {
    const text = SUM.length + SUM_DIGITS + BODY.length;
    const body = line.subarray(text, -1);
    return line.subarray(0, text).toString() === `${SUM}${hex(crc32(body, sum))}${BODY}` ? body : undefined;
  }

  function read(apply: (transaction: unknown) => void): void {
    const { size } = fstatSync(fd);
    [length, sum] = [HEADER.length, 0];
    for (const line of linesOf(fd, HEADER.length)) {
      const isEnded = length + line.length < size;
      const body = isEnded ? bodyOf(line) : undefined;
      if (body === undefined) {
        // Lines are synced one by one, so only the last can be torn. What never reached the disk is missing at its end, or zeros.
        const isLast = length + line.length + 1 >= size;
        if (isLast && (!isEnded || line.includes(0))) return cut();
        throw new PrusikError('STORE_CORRUPT', `The file ${path} is damaged after byte ${length}; it was not changed`);
      }
      apply(JSON.parse(body.toString()));
      sum = crc32(body, sum);
      length += line.length + 1;
    }
  }
  // #endregion read

  return {
    get length() {
      return length;
    },
    replay(apply) {
      onDisk(path, () => {
        if (dirty) cut();
        checkHeader(fd, path);
        read(apply);
        // A process that was killed may have left a line that only the kernel has.
        fsyncSync(fd);
      });
    },
    // #region append
    append(transaction) {
      const body = Buffer.from(JSON.stringify(transaction));
      const next = crc32(body, sum);
      const line = Buffer.concat([Buffer.from(`${SUM}${hex(next)}${BODY}`), body, Buffer.from('}\n')]);
      try {
        dirty = true;
        for (let written = 0; written < line.length;)
          written += writeSync(fd, line, written, line.length - written, length + written);
        fsyncSync(fd);
      } catch (cause) {
        throw failedAppend(path, cause, cut);
      }
      checkPlace();
      dirty = false;
      sum = next;
      length += line.length;
    },
    // #endregion append
    checkPlace: () => onDisk(path, checkPlace),
    close() {
      closeSync(fd);
      unlock();
    },
  };
}

/** After a sync that failed nobody knows what is on the disk, and a second sync would not say. Cutting the line off makes it certain. */
function failedAppend(path: string, cause: unknown, cut: () => void): PrusikError {
  try {
    cut();
    return new PrusikError('STORE_UNAVAILABLE', `The file ${path} took no write`, { cause, retryable: true });
  } catch {
    return new PrusikError('STORE_AMBIGUOUS', `It is not known whether ${path} took a write`, {
      cause,
      retryable: true,
    });
  }
}

function checkHeader(fd: number, path: string): void {
  const found = Buffer.alloc(HEADER.length);
  readSync(fd, found, 0, HEADER.length, 0);
  const text = found.toString();
  if (text === HEADER) return;
  const version = /^\{"format":"prusik-json-lines","version":(\d+)/.exec(text)?.[1];
  if (version === undefined)
    throw new PrusikError('STORE_FOREIGN', `${path} is no store of this kind; it was not changed`);
  throw new PrusikError('STORE_TOO_NEW', `${path} was made by a later release: its version is ${version}`);
}

function openOrCreate(path: string, unlock: () => void): number {
  try {
    return onDisk(path, () => {
      if (!existsSync(path)) create(path);
      return openSync(path, 'r+');
    });
  } catch (error) {
    unlock();
    throw error;
  }
}

/** A file appears under its name when it is whole, so that one without its first line is never ours. */
function create(path: string): void {
  const draft = `${path}.draft`;
  writeFileSync(draft, HEADER, { mode: 0o600, flush: true });
  renameSync(draft, path);
  syncDirectory(dirname(path));
}

/** A name is as durable as the folder that holds it. Windows opens none, and needs none. */
export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return;
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Lines without their ends, a chunk at a time: a string holds half a gigabyte at most. */
function* linesOf(fd: number, from: number): Generator<Buffer> {
  let begun: Buffer[] = [];
  for (let position = from; ;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const bytes = chunk.subarray(0, readSync(fd, chunk, 0, CHUNK_BYTES, position));
    if (bytes.length === 0) break;
    position += bytes.length;
    let start = 0;
    for (let end = bytes.indexOf('\n'); end >= 0; end = bytes.indexOf('\n', start)) {
      yield Buffer.concat([...begun, bytes.subarray(start, end)]);
      begun = [];
      start = end + 1;
    }
    begun.push(bytes.subarray(start));
  }
  const last = Buffer.concat(begun);
  if (last.length > 0) yield last;
}

const hex = (sum: number): string => sum.toString(16).padStart(SUM_DIGITS, '0');

/** The disk's errors, as the store's. */
function onDisk<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { syscall, code } = cause as NodeJS.ErrnoException;
    if (syscall === undefined) throw cause;
    throw new PrusikError('STORE_UNAVAILABLE', `The file ${path} cannot be used: ${code}`, { cause, retryable: true });
  }
}
