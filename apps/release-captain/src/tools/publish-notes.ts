import { createHash } from 'node:crypto';
import { lstat, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isPrusikError, PrusikError, type CheckResult } from '@prusik/core';
import { makeFolder } from '../make-folder.ts';

export const NOTES_FILE = 'RELEASE_NOTES.md';

/** Notes on disk. */
export type Receipt = {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
};

/** The notes, and the SHA-256 of the file that they replace; null where there was none. */
export interface Publication {
  readonly markdown: string;
  readonly replaces: string | null;
}

/**
 * Writes the notes into `out`, in one step: a reader sees the old file or the new one, whole, and after it returns a loss of
 * power loses neither. A link of that name is not followed and not replaced.
 *
 * @param attempt Names the temporary file, so that what a killed attempt left is overwritten by the next.
 * @throws {PrusikError} `OUTPUT_REFUSED` when something other than a file has that name, `OUTPUT_CHANGED` when the file is not
 * the one that was to be replaced, `OUTPUT_UNWRITABLE` when the folder cannot be written.
 */
export async function publishNotes(
  out: string,
  { markdown, replaces }: Publication,
  attempt: string,
): Promise<Receipt> {
  const file = join(out, NOTES_FILE);
  const content = Buffer.from(markdown, 'utf8');
  const temporary = join(out, `.${NOTES_FILE}.${hash(attempt).slice(0, 16)}.tmp`);
  try {
    await makeFolder(out);
    await refuseOddFile(file);
    await rm(temporary, { force: true });
    const handle = await open(temporary, 'wx', 0o644);
    try {
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await refuseChangedFile(out, replaces, hash(content));
    await rename(temporary, file);
    await syncFolder(out);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw isPrusikError(error) ? error : unwritable(out, error);
  }
  return { file, bytes: content.length, sha256: hash(content) };
}

/** What was published, if it still stands there. */
export async function publishedText({ file, sha256 }: Receipt): Promise<Uint8Array | undefined> {
  const content = await readFile(file).catch(() => undefined);
  return content !== undefined && hash(content) === sha256 ? content : undefined;
}

/** The notes that stand in `out` now, if there are any. */
export async function standingNotes(out: string): Promise<Receipt | undefined> {
  const file = join(out, NOTES_FILE);
  const entry = await lstat(file).catch(() => undefined);
  if (entry?.isFile() !== true) return undefined;
  const content = await readFile(file);
  return { file, bytes: content.length, sha256: hash(content) };
}

/**
 * What became of a publication that was begun: the file says it by its content. One that holds neither the notes nor what
 * stood there before was changed by somebody else, before or after, and nobody can tell which.
 */
export async function checkPublished(
  out: string,
  { markdown, replaces }: Publication,
  attempt: string,
): Promise<CheckResult> {
  await rm(join(out, `.${NOTES_FILE}.${hash(attempt).slice(0, 16)}.tmp`), { force: true });
  const found = await standingNotes(out);
  if (found?.sha256 === hash(Buffer.from(markdown, 'utf8'))) return { became: 'done', value: found };
  return { became: (found?.sha256 ?? null) === replaces ? 'not-run' : 'unknown' };
}

/**
 * Whether notes could be written, before any work is done for them.
 *
 * @throws {PrusikError} `OUTPUT_UNWRITABLE`, `OUTPUT_REFUSED`.
 */
export async function probeOutput(out: string): Promise<void> {
  const probe = join(out, `.${NOTES_FILE}.${process.pid}.probe`);
  try {
    await makeFolder(out);
    await refuseOddFile(join(out, NOTES_FILE));
    await (await open(probe, 'wx')).close();
    await rm(probe);
  } catch (error) {
    throw isPrusikError(error) ? error : unwritable(out, error);
  }
}

async function refuseOddFile(file: string): Promise<void> {
  const entry = await lstat(file).catch(() => undefined);
  if (entry === undefined || entry.isFile()) return;
  const what = entry.isSymbolicLink() ? 'a symbolic link' : entry.isDirectory() ? 'a folder' : 'no regular file';
  throw new PrusikError('OUTPUT_REFUSED', `${file} is ${what}; move it away`);
}

/** Asked last before the file is replaced. Notes that stand there already are no change: writing them again loses nothing. */
async function refuseChangedFile(out: string, replaces: string | null, notes: string): Promise<void> {
  const found = await standingNotes(out);
  if (found?.sha256 === notes || (found?.sha256 ?? null) === replaces) return;
  const what = found === undefined ? 'was removed' : replaces === null ? 'appeared' : 'was changed';
  throw new PrusikError(
    'OUTPUT_CHANGED',
    `${join(out, NOTES_FILE)} ${what} after the draft was made, and nothing was written; start a new run to see what it would replace`,
  );
}

/** The new name is durable only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; there the rename is durable by itself.
  const handle = await open(folder, 'r').catch(() => undefined);
  try {
    await handle?.sync();
  } catch (error) {
    if (!['EPERM', 'EISDIR', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await handle?.close();
  }
}

function unwritable(out: string, cause: unknown): PrusikError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new PrusikError('OUTPUT_UNWRITABLE', `Nothing can be written into ${out}: ${code}`, { cause });
}

function hash(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
