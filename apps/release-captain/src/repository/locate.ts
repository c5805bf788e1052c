import { lstat, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { PrusikError } from '@prusik/core';

/** Where a repository keeps what is its own and what it shares with its linked worktrees. */
export interface RepositoryFolders {
  /** Holds HEAD. */
  readonly gitDir: string;
  /** Holds refs and objects; the same folder except in a linked worktree. */
  readonly commonDir: string;
}

/**
 * Finds the repository of `folder` or of the nearest folder above, as git does, without starting git: a `.git` folder,
 * a `.git` file (linked worktree, submodule), or the bare repository itself.
 *
 * @throws {PrusikError} `NOT_A_REPOSITORY`.
 */
export async function locateRepository(folder: string): Promise<RepositoryFolders> {
  const start = await realpath(folder).catch((cause: unknown) => {
    throw new PrusikError('NOT_A_REPOSITORY', `There is no folder ${folder}`, { cause });
  });
  for (let at = start; ; at = dirname(at)) {
    const found = (await behindDotGit(join(at, '.git'))) ?? ((await isGitDir(at)) ? at : undefined);
    if (found !== undefined) return { gitDir: found, commonDir: await commonDirOf(found) };
    if (dirname(at) === at) break;
  }
  throw new PrusikError('NOT_A_REPOSITORY', `${folder} is not in a git repository`);
}

async function behindDotGit(path: string): Promise<string | undefined> {
  const entry = await stat(path).catch(() => undefined);
  if (entry === undefined) return undefined;
  if (entry.isDirectory()) return (await isGitDir(path)) ? realpath(path) : undefined;
  const target = /^gitdir: ?(.+?)\r?\n?$/.exec(await readSmall(path))?.[1];
  const gitDir = target === undefined ? undefined : resolve(dirname(path), target);
  if (gitDir === undefined || !(await isGitDir(gitDir))) {
    throw new PrusikError('NOT_A_REPOSITORY', `${path} points to no git repository`);
  }
  return realpath(gitDir);
}

/** The test that git itself makes: HEAD, and objects and refs here or in the common folder. */
async function isGitDir(path: string): Promise<boolean> {
  if ((await lstat(join(path, 'HEAD')).catch(() => undefined)) === undefined) return false;
  const common = await commonDirOf(path).catch(() => path);
  const folders = await Promise.all(['objects', 'refs'].map((name) => stat(join(common, name)).catch(() => undefined)));
  return folders.every((entry) => entry?.isDirectory());
}

async function commonDirOf(gitDir: string): Promise<string> {
  const file = join(gitDir, 'commondir');
  if ((await stat(file).catch(() => undefined)) === undefined) return gitDir;
  return realpath(resolve(gitDir, (await readSmall(file)).trim()));
}

const SMALL_FILE_BYTES = 64 * 1024;

async function readSmall(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > SMALL_FILE_BYTES) throw new PrusikError('NOT_A_REPOSITORY', `${path} is too large to be git's`);
  return readFile(path, 'utf8');
}
