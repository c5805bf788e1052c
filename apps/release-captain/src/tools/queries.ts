import { PrusikError } from '@prusik/core';
import { decodeText, displayPath, isArgument } from '../git/bytes.ts';
import { readDiff } from '../git/diff.ts';
import type { Git } from '../git/git.ts';
import { readLog, type ChangedFile, type Commit } from '../git/log.ts';
import { findPackages } from '../git/packages.ts';
import { revisionsOf, type Range } from '../git/range.ts';
import { folderOf } from '../notes/areas.ts';
import { subjectOf } from '../notes/commit-message.ts';
import { oneLine } from '../notes/markdown.ts';
import {
  LIST_PAGE,
  type ChangedFiles,
  type ChangedFolder,
  type CommitDiff,
  type ListedCommits,
  type ReadCommits,
} from './results.ts';

/** What the tools of an agent look at. */
export interface Repository {
  readonly git: Git;
  readonly range: Range;
}

const SUBJECT_LIMIT = 160;
const AUTHOR_LIMIT = 60;
const MESSAGE_LIMIT = 1_200;
const FILES_SHOWN = 8;
const FOLDERS_SHOWN = 200;
const DIFF_LIMITS = { maxBytes: 24 * 1024, maxLines: 600 };

/** All commits of the range with their files, newest first. */
export function readRange({ git, range }: Repository, signal?: AbortSignal): Promise<readonly Commit[]> {
  return readLog(git, revisionsOf(range), { skip: 0, count: range.commits, signal });
}

/** One page of the range, one line a commit. */
export async function listCommits(
  { git, range }: Repository,
  start: number,
  signal?: AbortSignal,
): Promise<ListedCommits> {
  const commits = await readLog(git, revisionsOf(range), { skip: start, count: LIST_PAGE, signal });
  const next = start + commits.length;
  return {
    total: range.commits,
    commits: commits.map(({ short, author, committedAt, message, parents }) => ({
      commit: short,
      author: oneLine(author, AUTHOR_LIMIT),
      date: new Date(Math.min(committedAt, 8.64e12) * 1_000).toISOString().slice(0, 10),
      subject: oneLine(subjectOf(message), SUBJECT_LIMIT),
      merge: parents.length > 1,
    })),
    ...(next < range.commits ? { next } : {}),
  };
}

/** The range by package or top folder, busiest first. */
export async function listChangedFiles(repository: Repository, signal?: AbortSignal): Promise<ChangedFiles> {
  const commits = await readRange(repository, signal);
  const paths = new Set(commits.flatMap(({ files }) => files.map(({ path }) => path)));
  const packages = await findPackages(repository.git, repository.range.to.hash, paths, signal);
  const folders = new Map<string, { commits: Set<string>; files: Map<string, ChangedFile[]> }>();
  for (const commit of commits) {
    for (const file of commit.files) {
      const folder = folderOf(file.path, packages);
      const known = folders.get(folder) ?? { commits: new Set(), files: new Map() };
      folders.set(folder, known);
      known.commits.add(commit.hash);
      known.files.set(file.path, [...(known.files.get(file.path) ?? []), file]);
    }
  }
  const listed = [...folders]
    // A name that UTF-8 cannot hold cannot be asked for; its commits fall to the area around it.
    .filter(([folder]) => isArgument(folder))
    .map(([folder, { commits: own, files }]): ChangedFolder => {
      const changes = [...files.values()].flat();
      return {
        folder,
        package: packages.has(folder),
        commits: own.size,
        files: files.size,
        ...linesOf(changes),
      };
    })
    .toSorted((a, b) => b.commits - a.commits || (a.folder < b.folder ? -1 : 1));
  return { folders: listed.slice(0, FOLDERS_SHOWN), omitted: Math.max(0, listed.length - FOLDERS_SHOWN) };
}

/**
 * Messages and files of commits of the range.
 *
 * @throws {PrusikError} `UNKNOWN_COMMIT` for a hash that is not in the range.
 */
export async function readCommits(
  repository: Repository,
  cited: readonly string[],
  signal?: AbortSignal,
): Promise<ReadCommits> {
  const hashes = await inRange(repository, cited, signal);
  const commits = await readLog(repository.git, hashes, { skip: 0, count: hashes.length, exactly: true, signal });
  return {
    commits: commits.map(({ short, author, message, files }) => ({
      commit: short,
      author: oneLine(author, AUTHOR_LIMIT),
      message: message.length > MESSAGE_LIMIT ? `${message.slice(0, MESSAGE_LIMIT).toWellFormed()}…` : message,
      files: files.slice(0, FILES_SHOWN).map(({ path }) => oneLine(displayPath(path), SUBJECT_LIMIT)),
      moreFiles: Math.max(0, files.length - FILES_SHOWN),
      ...linesOf(files),
    })),
  };
}

/** @throws {PrusikError} `UNKNOWN_COMMIT` for a hash that is not in the range. */
export async function readCommitDiff(
  repository: Repository,
  cited: string,
  paths: readonly string[],
  signal?: AbortSignal,
): Promise<CommitDiff> {
  const [hash = ''] = await inRange(repository, [cited], signal);
  const { text, truncated } = await readDiff(repository.git, hash, paths, { ...DIFF_LIMITS, signal });
  return { commit: cited, diff: text, truncated };
}

/** Full hashes of commits that a model named. Outside of the range it has no business. */
async function inRange(
  { git, range }: Repository,
  cited: readonly string[],
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const { stdout } = await git(['rev-list', '--end-of-options', ...revisionsOf(range), '--'], { signal });
  const hashes = decodeText(stdout).split('\n').filter(Boolean);
  return cited.map((short) => {
    const found = /^[0-9a-f]{4,64}$/.test(short) ? hashes.filter((hash) => hash.startsWith(short)) : [];
    if (found.length === 1 && found[0] !== undefined) return found[0];
    throw new PrusikError('UNKNOWN_COMMIT', `${JSON.stringify(oneLine(short, 64))} is no commit of this range`);
  });
}

function linesOf(files: readonly ChangedFile[]): { added: number; removed: number } {
  return {
    added: files.reduce((sum, { lines }) => sum + (lines?.added ?? 0), 0),
    removed: files.reduce((sum, { lines }) => sum + (lines?.removed ?? 0), 0),
  };
}
