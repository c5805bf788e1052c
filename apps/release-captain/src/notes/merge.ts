import type { Commit } from '../git/log.ts';
import type { Range } from '../git/range.ts';
import type { AreaCommits } from './areas.ts';
import { coAuthorsOf, parseMessage, subjectOf } from './commit-message.ts';
import type { Bullet, Draft } from './draft.ts';
import { adviseVersion, type VersionAdvice } from './semver.ts';

/** The notes as data; `renderNotes` makes them text. */
export interface Notes {
  readonly range: Range;
  /** Days of the first and the last commit, as `2026-01-31`. */
  readonly days: readonly [first: string, last: string];
  readonly highlights: readonly LocatedBullet[];
  readonly breaking: readonly LocatedBullet[];
  readonly fixes: readonly LocatedBullet[];
  readonly areas: readonly AreaNotes[];
  /** What no writer told. */
  readonly leftOver: readonly LocatedBullet[];
  readonly contributors: readonly Contributor[];
  readonly version: VersionAdvice;
  /** Who worded them, as a sentence. */
  readonly writtenBy: string;
}

export interface LocatedBullet extends Bullet {
  readonly area: string;
}

export interface AreaNotes {
  readonly name: string;
  readonly summary: string;
  readonly features: readonly Bullet[];
  readonly other: readonly Bullet[];
  readonly also: readonly string[];
}

export interface Contributor {
  readonly name: string;
  readonly commits: number;
}

export interface MergeInput {
  readonly range: Range;
  /** All of the range, newest first. */
  readonly commits: readonly Commit[];
  readonly areas: readonly AreaCommits[];
  /** By area name, in order; an area that is missing had nothing of its own to tell. */
  readonly drafts: ReadonlyMap<string, readonly Draft[]>;
  readonly writtenBy: string;
}

const HIGHLIGHTS = 8;

/**
 * Puts the parts together and trusts no writer: a citation outside the range is dropped, and with it a bullet that has no
 * other; a breaking change that the commits name is told as one; what nobody cited is added.
 */
export function mergeDrafts({ range, commits, areas, drafts, writtenBy }: MergeInput): Notes {
  const told = commits.filter(({ parents }) => parents.length < 2);
  const known = new Map(told.map((commit) => [commit.short, commit]));
  const areaOf = new Map(areas.flatMap(({ name, commits: own }) => own.map((short) => [short, name] as const)));
  const parts = areas.map((area) => ({ area, draft: validDraft(joinDrafts(drafts.get(area.name) ?? []), told) }));
  const located = (pick: (draft: Draft) => readonly Bullet[]): LocatedBullet[] =>
    parts.flatMap(({ area, draft }) => pick(draft).map((bullet) => ({ ...bullet, area: area.name })));
  const bare = (short: string, text: string): LocatedBullet => ({
    text,
    commits: [short],
    area: areaOf.get(short) ?? '',
  });

  const breaking = located((draft) => draft.breaking);
  const toldBreaking = new Set(breaking.flatMap((bullet) => bullet.commits));
  for (const { short, message } of told) {
    const said = parseMessage(message).breaking;
    if (said !== undefined && !toldBreaking.has(short)) breaking.push(bare(short, said));
  }
  const fixes = located((draft) => draft.fixes);
  const features = located((draft) => draft.highlights);
  const cited = new Set([breaking, fixes, features, located((draft) => draft.other)].flat().flatMap((b) => b.commits));
  const leftOver = [...known.values()]
    .filter(({ short }) => !cited.has(short))
    .map(({ short, message }) => bare(short, subjectOf(message) || '(no message)'));

  return {
    range,
    days: daysOf(commits),
    highlights: pickHighlights(
      parts.map(({ area, draft }) => draft.highlights.map((b) => ({ ...b, area: area.name }))),
    ),
    breaking,
    fixes,
    areas: parts.map(({ area, draft }) => ({
      name: area.name,
      summary: draft.summary,
      features: draft.highlights,
      other: draft.other,
      also: area.also,
    })),
    leftOver,
    contributors: contributorsOf(told),
    version: adviseVersion({
      breaking: breaking.length,
      features: features.length,
      fixes: fixes.length,
      tag: range.from?.name,
    }),
    writtenBy,
  };
}

/** Commits that the notes do not cite, merges apart. Empty for every result of {@link mergeDrafts}. */
export function uncited(notes: Notes, commits: readonly Commit[]): readonly string[] {
  const ofAreas = notes.areas.flatMap(({ features, other }) => [...features, ...other]);
  const bullets: readonly Bullet[] = [...notes.breaking, ...notes.fixes, ...notes.leftOver, ...ofAreas];
  const cited = new Set(bullets.flatMap((bullet) => bullet.commits));
  return commits.filter(({ short, parents }) => parents.length < 2 && !cited.has(short)).map(({ short }) => short);
}

function joinDrafts(drafts: readonly Draft[]): Draft {
  return {
    summary: drafts.map(({ summary }) => summary.trim()).join(' '),
    highlights: drafts.flatMap(({ highlights }) => highlights),
    breaking: drafts.flatMap(({ breaking }) => breaking),
    fixes: drafts.flatMap(({ fixes }) => fixes),
    other: drafts.flatMap(({ other }) => other),
  };
}

const SHORTEST_HASH = 7;

function validDraft(draft: Draft, commits: readonly Commit[]): Draft {
  const resolve = (cited: string): readonly string[] => {
    if (cited.length < SHORTEST_HASH) return commits.filter(({ short }) => short === cited).map(({ short }) => short);
    const found = commits.filter(({ hash }) => hash.startsWith(cited));
    return found.length === 1 ? found.map(({ short }) => short) : [];
  };
  const valid = (bullets: readonly Bullet[]): Bullet[] =>
    bullets
      .map(({ text, commits: cited }) => ({ text, commits: [...new Set(cited.flatMap(resolve))] }))
      .filter((bullet) => bullet.commits.length > 0);
  return {
    summary: draft.summary,
    highlights: valid(draft.highlights),
    breaking: valid(draft.breaking),
    fixes: valid(draft.fixes),
    other: valid(draft.other),
  };
}

/** The first of each area, then the second of each, so that one busy area does not crowd out the rest. */
function pickHighlights(byArea: readonly (readonly LocatedBullet[])[]): readonly LocatedBullet[] {
  const longest = Math.max(0, ...byArea.map((bullets) => bullets.length));
  const rounds = Array.from({ length: longest }, (_, round) =>
    byArea.flatMap((bullets) => bullets.slice(round, round + 1)),
  );
  return rounds.flat().slice(0, HIGHLIGHTS);
}

function contributorsOf(commits: readonly Commit[]): readonly Contributor[] {
  const counts = new Map<string, number>();
  for (const { author, message } of commits) {
    for (const name of new Set([author, ...coAuthorsOf(message)])) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .map(([name, own]) => ({ name, commits: own }))
    .toSorted((a, b) => b.commits - a.commits || (a.name < b.name ? -1 : 1));
}

function daysOf(commits: readonly Commit[]): readonly [string, string] {
  const times = commits.map(({ committedAt }) => committedAt);
  const day = (seconds: number): string => new Date(Math.min(seconds, 8.64e12) * 1_000).toISOString().slice(0, 10);
  return [day(Math.min(...times)), day(Math.max(...times))];
}
