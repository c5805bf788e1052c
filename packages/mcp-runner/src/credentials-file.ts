import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import {
  canonicalJson,
  PrusikError,
  toJson,
  type CredentialKey,
  type CredentialStore,
  type JsonObject,
} from '@prusik/core';
import { isObject } from './plain.ts';

/** What a version of a credential holds; without a value it says that there is none. */
interface Version {
  readonly revision: string;
  readonly value?: JsonObject;
}

interface Newest {
  /** 0 where nothing was ever written. */
  readonly number: number;
  readonly version: Version | undefined;
}

/** Numbers of older versions stay taken for that many writes, with nothing in them. */
const TAKEN = 16;
/** A draft that is older was left by a writer that died. */
const DEAD_DRAFT_MS = 3_600_000;

/**
 * A {@link CredentialStore} in a directory of its own, which only its owner may read (directories 0700, files 0600). Any number of processes may share it. The
 * values are not encrypted.
 *
 * A credential is a folder of numbered versions, of which the last counts. One is written whole and synced under another name, and then linked to its
 * number, which fails where that is taken: so of several writers one counts, none needs a lock, and one that dies leaves no lock and no half of a file.
 *
 * @throws {PrusikError} `MCP_CREDENTIALS_EXPOSED` for a directory that others may use, `MCP_CREDENTIALS_UNREADABLE` for a file that is damaged.
 */
export function fileCredentials(directory: string): CredentialStore {
  if (typeof directory !== 'string' || directory === '')
    throw new TypeError('fileCredentials: directory must name a directory');
  const folderOf = (key: CredentialKey) =>
    join(directory, createHash('sha256').update(canonicalJson(key)).digest('hex'));

  /** Tries on until it has written, or until somebody else has written what is not `expected`. */
  async function write(key: CredentialKey, version: Version, expected?: string | null): Promise<boolean> {
    const folder = folderOf(key);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (;;) {
      const { number, version: current } = await newest(folder);
      const revision = current?.value === undefined ? null : current.revision;
      if (expected !== undefined && expected !== revision) return false;
      if (await append(folder, number + 1, version)) return true;
    }
  }

  return {
    async get(key) {
      await checkDirectory(directory);
      const { version } = await newest(folderOf(key));
      return version?.value && { value: version.value, revision: version.revision };
    },

    async set(key, value, { expected } = {}) {
      const copy = toJson(value) as JsonObject;
      await checkDirectory(directory);
      return write(key, { revision: randomUUID(), value: copy }, expected);
    },

    async delete(key) {
      await checkDirectory(directory);
      const { version } = await newest(folderOf(key));
      // What is gone is a version too, so that a number never means two things.
      if (version?.value !== undefined) await write(key, { revision: randomUUID() });
    },
  };
}

async function checkDirectory(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { mode } = await stat(directory);
  // Windows has other rights, which these bits do not tell.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw new PrusikError('MCP_CREDENTIALS_EXPOSED', `Others than its owner may use ${directory}`, {
      meta: { mode: (mode & 0o777).toString(8) },
    });
}

async function newest(folder: string): Promise<Newest> {
  let gone = 0;
  for (;;) {
    const number = Math.max(0, ...(await entriesOf(folder)).numbers);
    if (number === 0) return { number, version: undefined };
    const text = await readFile(join(folder, String(number)), 'utf8').catch(unlessMissing);
    if (text) return { number, version: versionOf(text, folder) };
    // Emptied or gone since: then there is a newer one.
    if (number <= gone) throw damaged(folder);
    gone = number;
  }
}

function versionOf(text: string, folder: string): Version {
  let version: unknown;
  try {
    version = JSON.parse(text);
  } catch {
    // The parser's own error shows what it has read.
  }
  if (!isVersion(version)) throw damaged(folder);
  return version;
}

const isVersion = (read: unknown): read is Version =>
  isObject(read) && typeof read['revision'] === 'string' && (read['value'] === undefined || isObject(read['value']));

const damaged = (folder: string): PrusikError =>
  new PrusikError('MCP_CREDENTIALS_UNREADABLE', `A credential in ${folder} is damaged`);

async function entriesOf(
  folder: string,
): Promise<{ readonly numbers: readonly number[]; readonly drafts: readonly string[] }> {
  const names = (await readdir(folder).catch(unlessMissing)) ?? [];
  // Others are nobody's that writes here.
  const isNumber = (name: string) => /^[1-9]\d{0,14}$/.test(name);
  return { numbers: names.filter(isNumber).map(Number), drafts: names.filter((name) => !isNumber(name)) };
}

/** Whether the number was free. */
async function append(folder: string, number: number, version: Version): Promise<boolean> {
  const path = join(folder, String(number));
  const draft = join(folder, `draft-${randomUUID()}`);
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(version));
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(folder);
  const { numbers, drafts } = await entriesOf(folder);
  // So late that the number had been taken, and was free again.
  const isStale = Math.max(...numbers) >= number + TAKEN;
  if (isStale) await rm(path, { force: true });
  else await clear(folder, number, numbers, drafts);
  return !isStale;
}

/** Secrets that no longer count do not stay on the disk. */
async function clear(
  folder: string,
  number: number,
  numbers: readonly number[],
  drafts: readonly string[],
): Promise<void> {
  const paths = (names: readonly (number | string)[]) => names.map((name) => join(folder, String(name)));
  const older = numbers.filter((other) => other < number);
  for (const path of paths(older.filter((other) => other > number - TAKEN))) await truncate(path).catch(unlessMissing);
  for (const path of paths(older.filter((other) => other <= number - TAKEN))) await rm(path, { force: true });
  for (const path of paths(drafts)) {
    const draft = await stat(path).catch(unlessMissing);
    if (draft !== undefined && draft.mtimeMs < Date.now() - DEAD_DRAFT_MS) await rm(path, { force: true });
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows opens no folder; its file system journals entries itself.
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
