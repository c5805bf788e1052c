import type { Range } from '../git/range.ts';
import { isHash } from '../git/refs.ts';
import type { Bullet } from './draft.ts';
import { codeSpan, inlineMarkdown, oneLine } from './markdown.ts';
import type { LocatedBullet, Notes } from './merge.ts';
import { count } from './semver.ts';

const ALSO_SHOWN = 20;
const NAME_LIMIT = 120;

/** The notes as Markdown. Whatever the commits hold, only the structure below is structure. */
export function renderNotes(notes: Notes): string {
  const { range, days, areas, contributors } = notes;
  const from = range.from === null ? 'the first commit' : refName(range.from.name);
  const between = days[0] === days[1] ? days[0] : `${days[0]} to ${days[1]}`;
  return [
    `# Changes from ${from} to ${endName(range.to)}`,
    `${sentenceOfCounts(notes)}, ${between}.`,
    section('## Highlights', notes.highlights.map(located)),
    section('## Breaking changes', notes.breaking.map(located)),
    section('## Fixes', notes.fixes.map(located)),
    `## Suggested version\n\n${versionLine(notes)}`,
    ...areas.map((area) =>
      [
        `## ${areaName(area.name)}`,
        inlineMarkdown(area.summary, 1_000),
        section('### New', area.features.map(plain)),
        section('### Other changes', area.other.map(plain)),
        area.also.length === 0 ? '' : `Also touched by ${alsoLine(area.also)}.`,
      ]
        .filter(Boolean)
        .join('\n\n'),
    ),
    section('## Not told above', notes.leftOver.map(located)),
    section(
      '## Contributors',
      contributors.map(
        ({ name, commits }) => `${inlineMarkdown(name, NAME_LIMIT) || 'unknown'} (${count(commits, 'commit')})`,
      ),
    ),
    '---',
    inlineMarkdown(notes.writtenBy, 500),
  ]
    .filter(Boolean)
    .join('\n\n')
    .concat('\n');
}

function sentenceOfCounts({ range, contributors, areas }: Notes): string {
  const merges = range.merges === 0 ? '' : ` (and ${count(range.merges, 'merge')})`;
  const people = count(contributors.length, 'contributor');
  return `${count(range.commits - range.merges, 'commit')}${merges} by ${people} in ${count(areas.length, 'area')}`;
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${title}\n\n${lines.map((line) => `- ${line}`).join('\n')}`;
}

function plain({ text, commits }: Bullet): string {
  return `${inlineMarkdown(text)} (${commits.join(', ')})`;
}

function located(bullet: LocatedBullet): string {
  return bullet.area === '' ? plain(bullet) : `${areaName(bullet.area)}: ${plain(bullet)}`;
}

function versionLine({ range, version: { bump, current, next, reason } }: Notes): string {
  if (range.from === null) return 'First release: there is no tag to count from.';
  const step =
    current === undefined || next === undefined ? `A ${bump} release` : `${next}, a ${bump} release after ${current}`;
  return `${step}: ${inlineMarkdown(reason)}.`;
}

function alsoLine(also: readonly string[]): string {
  const more = also.length - ALSO_SHOWN;
  return also.slice(0, ALSO_SHOWN).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

const areaName = (name: string): string => codeSpan(oneLine(name, NAME_LIMIT));
/** A full hash says no more than its beginning. */
const refName = (name: string): string => codeSpan(oneLine(isHash(name) ? name.slice(0, 10) : name, NAME_LIMIT));
/** A name such as `HEAD` moves on: its commit says what the notes are about. */
const endName = ({ name, hash }: Range['to']): string =>
  isHash(name) ? refName(name) : `${refName(name)} (${hash.slice(0, 7)})`;
