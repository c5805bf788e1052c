import { PrusikError } from '@prusik/core';
import { decodeText } from './bytes.ts';
import type { Git } from './git.ts';

/** Where a range of commits ends or begins. */
export type ResolvedRef = {
  /** As the person wrote it, or the tag that was found. */
  readonly name: string;
  readonly hash: string;
};

const REF_LIMIT = 255;

/**
 * Refuses what is no plain name of a commit before git sees it: options, ranges, `path` and message searches.
 *
 * @throws {PrusikError} `UNKNOWN_REF`.
 */
function checkRef(ref: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const odd = ref === '' || ref.length > REF_LIMIT || /^-|\.\.|[\u0000-\u0020\u007f:?*[\\]|\^\{\//.test(ref);
  if (odd || !ref.isWellFormed()) {
    throw new PrusikError('UNKNOWN_REF', `${JSON.stringify(ref.slice(0, REF_LIMIT))} cannot name a commit`);
  }
  return ref;
}

/** The commit that `ref` names, or undefined. */
export async function resolveCommit(git: Git, ref: string, signal?: AbortSignal): Promise<string | undefined> {
  const found = await git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${checkRef(ref)}^{commit}`], {
    exitCodes: [0, 1, 128],
    signal,
  });
  const hash = decodeText(found.stdout).trim();
  return found.exitCode === 0 && isHash(hash) ? hash : undefined;
}

export function isHash(text: string): boolean {
  return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text);
}

/** The nearest tag on the way back from `to`, leaving out those at `to` itself. */
export async function lastTagBefore(git: Git, to: string, signal?: AbortSignal): Promise<ResolvedRef | undefined> {
  const here = await git(['tag', '--points-at', to, '--format=%(refname:strip=2)'], { signal });
  const excluded = decodeText(here.stdout).split('\n').filter(Boolean);
  // A tag's name cannot hold a glob character (git check-ref-format), so each pattern matches itself only.
  const described = await git(['describe', '--tags', '--abbrev=0', ...excluded.map((tag) => `--exclude=${tag}`), to], {
    exitCodes: [0, 128],
    signal,
  });
  const name = decodeText(described.stdout).trim();
  if (described.exitCode !== 0 || name === '') return undefined;
  const hash = await resolveCommit(git, `refs/tags/${name}`, signal);
  return hash === undefined ? undefined : { name, hash };
}
