import { decodePath, decodeText, splitNul } from './bytes.ts';
import type { Git } from './git.ts';
import { isHash } from './refs.ts';

export interface Commit {
  readonly hash: string;
  /** Unambiguous in this repository. */
  readonly short: string;
  readonly parents: readonly string[];
  /** As `.mailmap` has it. */
  readonly author: string;
  /** Seconds since the epoch. */
  readonly committedAt: number;
  /** Untrusted text. */
  readonly message: string;
  /** Against the first parent; none for a merge. */
  readonly files: readonly ChangedFile[];
}

export interface ChangedFile {
  /** Made by `decodePath`. */
  readonly path: string;
  readonly renamedFrom?: string;
  /** `null`: binary, or too large to compare. */
  readonly lines: { readonly added: number; readonly removed: number } | null;
}

const MESSAGE_LIMIT = 16_384;
/** Commits of one call to git, to begin with. */
const CALL_COMMITS = 200;
const FIELDS = ['%H', '%h', '%P', '%aN', '%ct'];
const NUMSTAT = ['--numstat', '-M', '--no-ext-diff', '--no-textconv'];

export interface LogPage {
  readonly skip: number;
  readonly count: number;
  /** Only the named commits, in their order, not what they reach. @default false */
  readonly exactly?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Commits that `revisions` reach, newest first, merges too. The page comes in as many calls as its size needs, so that no
 * output is cut; a single commit too large for that comes with what is known about it.
 */
export async function readLog(git: Git, revisions: readonly string[], page: LogPage): Promise<readonly Commit[]> {
  const commits: Commit[] = [];
  let size = CALL_COMMITS;
  while (commits.length < page.count) {
    const count = Math.min(size, page.count - commits.length);
    const skip = page.skip + commits.length;
    // In this order: --max-count switches an earlier --no-walk off.
    const walk = page.exactly === true ? ['--no-walk=unsorted'] : [];
    const range = [`--skip=${skip}`, `--max-count=${count}`, ...walk, ...revisions.map(checkRevision), '--'];
    const { stdout, truncated } = await git(logArguments('%B', NUMSTAT, range), { signal: page.signal });
    if (truncated && count > 1) {
      size = Math.ceil(count / 4);
      continue;
    }
    const part = truncated
      ? parseLog((await git(logArguments(`%<(400,trunc)%s`, [], range), { signal: page.signal })).stdout)
      : parseLog(stdout);
    commits.push(...part);
    if (part.length < count) break;
  }
  return commits;
}

/** Names are resolved before; what comes here can be neither an option nor a path. */
function checkRevision(revision: string): string {
  if (!isHash(revision.replace(/^\^/, ''))) throw new TypeError(`${revision} is no full hash`);
  return revision;
}

/** How many commits, and how many of them are merges. */
export async function countCommits(
  git: Git,
  revisions: readonly string[],
  signal?: AbortSignal,
): Promise<{ readonly commits: number; readonly merges: number }> {
  const count = async (...options: readonly string[]): Promise<number> => {
    const { stdout } = await git(['rev-list', '--count', ...options, ...revisions.map(checkRevision), '--'], {
      signal,
    });
    return Number(decodeText(stdout).trim());
  };
  return { commits: await count(), merges: await count('--merges') };
}

function logArguments(message: string, files: readonly string[], range: readonly string[]): readonly string[] {
  const format = [...FIELDS, message].join('%x00');
  return ['log', '-z', '--no-color', '--no-show-signature', ...files, `--format=tformat:${format}`, ...range];
}

const COUNTS = /^(?:(\d+|-)\t(\d+|-)\t)/;

/**
 * Reads NUL-separated records: the header's fields, then, where files changed, a newline and one piece a file (three
 * for a rename). A piece that does not look like counts starts the next record: a hash holds no tab, whatever a file is called.
 */
function parseLog(output: Uint8Array): readonly Commit[] {
  const pieces = splitNul(output);
  const commits: Commit[] = [];
  let at = 0;
  const text = (): string => decodeText(pieces[at++] ?? new Uint8Array());
  while (at < pieces.length) {
    const [hash, short, parents, author, time, message] = [text(), text(), text(), text(), text(), text()];
    const files: ChangedFile[] = [];
    if (pieces[at]?.[0] === 0x0a) {
      pieces[at] = (pieces[at] as Uint8Array).subarray(1);
      for (let piece = pieces[at]; piece !== undefined && COUNTS.test(latin1(piece)); piece = pieces[at]) {
        at += 1;
        const [prefix = '', added, removed] = COUNTS.exec(latin1(piece)) ?? [];
        const lines = added === '-' ? null : { added: Number(added), removed: Number(removed) };
        const path = piece.subarray(prefix.length);
        if (path.length > 0) files.push({ path: decodePath(path), lines });
        else {
          const renamedFrom = decodePath(pieces[at++] ?? path);
          files.push({ path: decodePath(pieces[at++] ?? path), renamedFrom, lines });
        }
      }
    }
    commits.push({
      hash,
      short,
      parents: parents.split(' ').filter(Boolean),
      author,
      committedAt: Number(time),
      message: message.slice(0, MESSAGE_LIMIT).trim(),
      files,
    });
  }
  return commits;
}

/** The counts are ASCII; the first bytes are enough to see them. */
function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 64)).toString('latin1');
}
