import type { ChangedFile, Commit } from '../git/log.ts';
import { parseSubject } from './commit-message.ts';

/** A part of the repository that gets its own part of the notes. */
export interface Area {
  readonly name: string;
  /** Folders without a slash at the end; `''` is the root's own files. A file belongs to the longest folder that holds it. */
  readonly folders: readonly string[];
}

/** Commits of one area, newest first. */
export interface AreaCommits {
  readonly name: string;
  /** Told here. Each commit that is not a merge is in exactly one area. */
  readonly commits: readonly string[];
  /** Told in another area, but touching this one too. */
  readonly also: readonly string[];
}

/** Name of the area for root files, and for what belongs to no area. */
export const ROOT_AREA = 'repository';
export const OTHER_AREA = 'other';
/** Areas of one release, {@link OTHER_AREA} included. */
export const AREA_LIMIT = 24;

/** A file of one of these names makes its folder a package. */
export const MANIFESTS = [
  'package.json',
  'deno.json',
  'jsr.json',
  'Cargo.toml',
  'go.mod',
  'pyproject.toml',
  'setup.py',
  'pom.xml',
  'build.gradle',
  'build.gradle.kts',
  'composer.json',
  'Gemfile',
  'mix.exs',
  'pubspec.yaml',
] as const;

/** Packages below these are material of the package around them. */
const MATERIAL = new Set([
  'test',
  'tests',
  '__tests__',
  'fixtures',
  '__fixtures__',
  'testdata',
  'examples',
  'node_modules',
  'vendor',
  'templates',
]);

/** Folders above a file, from its own up; the root is left out. */
export function foldersAbove(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, parts.length - 1 - index).join('/'));
}

/** Whether a manifest in this folder counts as a package of its own. */
export function mayBePackage(folder: string): boolean {
  return !folder.split('/').some((part) => MATERIAL.has(part));
}

/** The folder that a file is counted under: its nearest package, else its top folder, else the root (`''`). */
export function folderOf(path: string, packages: ReadonlySet<string>): string {
  const above = foldersAbove(path);
  return above.find((folder) => packages.has(folder)) ?? above.at(-1) ?? '';
}

/** Divides a range among areas. What no area claims goes to {@link OTHER_AREA}; areas that nothing touches are left out. */
export function assignCommits(areas: readonly Area[], commits: readonly Commit[]): readonly AreaCommits[] {
  const areaOf = areaFinder(areas);
  const parts = new Map<string, { commits: string[]; also: string[] }>();
  const part = (name: string): { commits: string[]; also: string[] } => {
    const known = parts.get(name) ?? { commits: [], also: [] };
    parts.set(name, known);
    return known;
  };
  for (const { name } of areas) part(name);
  for (const commit of commits) {
    if (commit.parents.length > 1) continue;
    const weights = weigh(commit.files, areaOf);
    const home = homeOf(commit, weights) ?? areaOf('');
    part(home).commits.push(commit.short);
    for (const name of weights.keys()) if (name !== home) part(name).also.push(commit.short);
  }
  return [...parts]
    .map(([name, { commits: own, also }]) => ({ name, commits: own, also }))
    .filter(({ commits: own, also }) => own.length + also.length > 0);
}

function areaFinder(areas: readonly Area[]): (path: string) => string {
  const folders = new Map(areas.flatMap(({ name, folders: own }) => own.map((folder) => [folder, name] as const)));
  const root = folders.get('');
  return (path) => {
    const above = foldersAbove(path);
    const found = above.find((folder) => folders.has(folder));
    if (found !== undefined) return folders.get(found) ?? OTHER_AREA;
    return (above.length === 0 ? root : undefined) ?? OTHER_AREA;
  };
}

interface Weight {
  /** Changed lines of what the software is made of. */
  product: number;
  /** Changed lines, those of tests and documents too. */
  lines: number;
  files: number;
}

const NO_WEIGHT: Weight = { product: 0, lines: 0, files: 0 };

const LOCKFILE =
  /(?:^|\/)(?:package-lock\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lockb?|Cargo\.lock|go\.sum|poetry\.lock|uv\.lock|composer\.lock|Gemfile\.lock)$/;
/** What goes with a change, and is often longer than it. */
const COMPANION =
  /(?:^|\/)(?:tests?|__tests__|spec|testdata|fixtures|__fixtures__|__snapshots__|docs?|examples?|benchmarks?|\.github|\.changeset)\/|[._-](?:test|spec|bench)\.\w+$|_test\.\w+$|\.(?:md|rst|snap)$/i;

function weigh(files: readonly ChangedFile[], areaOf: (path: string) => string): ReadonlyMap<string, Weight> {
  const weights = new Map<string, Weight>();
  for (const { path, lines } of files) {
    const name = areaOf(path);
    const weight = weights.get(name) ?? { product: 0, lines: 0, files: 0 };
    weights.set(name, weight);
    // A lockfile follows from a change elsewhere.
    if (LOCKFILE.test(path)) continue;
    const changed = lines === null ? 1 : lines.added + lines.removed;
    weight.product += COMPANION.test(path) ? 0 : changed;
    weight.lines += changed;
    weight.files += 1;
  }
  return weights;
}

/** Whether a file only goes with the product: a test, a document, a lockfile. */
export function isCompanion(path: string): boolean {
  return COMPANION.test(path) || LOCKFILE.test(path);
}

/** Whether a commit that names `scope` means this area. */
export function isNamedBy(area: string, scope: string): boolean {
  return area === scope || area.endsWith(`/${scope}`);
}

/** The area that the author named as scope, if it is touched; else the one with most changed lines of the product, then of anything, then files. */
function homeOf(commit: Commit, weights: ReadonlyMap<string, Weight>): string | undefined {
  const { scope } = parseSubject(commit.message);
  const names = [...weights.keys()].toSorted();
  const scoped = names.find((name) => scope !== undefined && isNamedBy(name, scope));
  const heaviest = names.toSorted((a, b) => compare(weights.get(b), weights.get(a)));
  return scoped ?? heaviest[0];
}

function compare(a: Weight | undefined, b: Weight | undefined): number {
  const [one, other] = [a ?? NO_WEIGHT, b ?? NO_WEIGHT];
  return one.product - other.product || one.lines - other.lines || one.files - other.files;
}
