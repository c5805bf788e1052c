import { PrusikError } from '@prusik/core';
import { decodeText } from './bytes.ts';
import type { Git } from './git.ts';
import { countCommits } from './log.ts';
import { lastTagBefore, resolveCommit, type ResolvedRef } from './refs.ts';

/** The commits that notes are about: what `to` reaches and `from` does not. */
export type Range = {
  /** `null`: from the first commit on. */
  readonly from: ResolvedRef | null;
  readonly to: ResolvedRef;
  /** Merges included. */
  readonly commits: number;
  readonly merges: number;
};

export interface RangeQuery {
  /** @default the last tag reachable from, but not at, `to`; else the first commit */
  readonly from?: string | undefined;
  /** @default 'HEAD' */
  readonly to?: string | undefined;
  /** Commits whose parents are missing in this clone. */
  readonly shallow: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

/** Commits of one range, at most; more is no release that a person reads. */
export const RANGE_LIMIT = 5_000;

/**
 * @throws {PrusikError} `NO_COMMITS`, `UNKNOWN_REF`, `EMPTY_RANGE`, `SHALLOW_RANGE`, `RANGE_TOO_LARGE`.
 */
export async function resolveRange(git: Git, { from, to = 'HEAD', shallow, signal }: RangeQuery): Promise<Range> {
  const end = { name: to, hash: await require(git, to, signal) };
  const start =
    from === undefined
      ? ((await lastTagBefore(git, end.hash, signal)) ?? null)
      : { name: from, hash: await require(git, from, signal) };
  const revisions = revisionsOf({ from: start, to: end });
  const { commits, merges } = await countCommits(git, revisions, signal);
  const said = `${start?.name ?? 'the first commit'}..${end.name}`;
  if (commits === 0) throw new PrusikError('EMPTY_RANGE', `There is no commit in ${said}`);
  if (commits === merges) throw new PrusikError('EMPTY_RANGE', `There are only merges in ${said}`);
  if (commits > RANGE_LIMIT) {
    throw new PrusikError(
      'RANGE_TOO_LARGE',
      `There are ${commits} commits in ${said}; the limit is ${RANGE_LIMIT}: choose a later --from`,
    );
  }
  await refuseCutHistory(git, revisions, shallow, said, signal);
  return { from: start, to: end, commits, merges };
}

/** Arguments that make git walk the range. */
export function revisionsOf(range: Pick<Range, 'from' | 'to'>): readonly string[] {
  return range.from === null ? [range.to.hash] : [range.to.hash, `^${range.from.hash}`];
}

async function require(git: Git, ref: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = await resolveCommit(git, ref, signal);
  if (hash !== undefined) return hash;
  const { stdout } = await git(['for-each-ref', '--count=1'], { signal });
  throw stdout.length === 0 && ref === 'HEAD'
    ? new PrusikError('NO_COMMITS', 'The repository has no commits yet')
    : new PrusikError('UNKNOWN_REF', `There is no commit ${JSON.stringify(ref)} in the repository`);
}

/** Past a cut everything older looks as if the commit at the cut had brought it. */
async function refuseCutHistory(
  git: Git,
  revisions: readonly string[],
  shallow: readonly string[],
  said: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (shallow.length === 0) return;
  const { stdout } = await git(['rev-list', '--end-of-options', ...revisions, '--'], { signal });
  const inRange = new Set(decodeText(stdout).split('\n'));
  const cut = shallow.find((hash) => inRange.has(hash));
  if (cut === undefined) return;
  throw new PrusikError(
    'SHALLOW_RANGE',
    `The clone is shallow and its history ends at ${cut.slice(0, 10)}, inside ${said}: run git fetch --unshallow, or choose a later --from`,
  );
}
