import { PrusikError } from '@prusik/core';

/**
 * Steps that matching may still take. Matching is done on the host, with patterns of a model and of files that a command wrote: it never backtracks further
 * than to its last star, and what adds up over many names ends here.
 */
export interface Work {
  left: number;
}

/** A pattern as a list of the names of a path. */
export type Segment = 'any-depth' | { readonly name: string } | { readonly tokens: readonly Token[] };
type Token =
  | { readonly is: 'star' }
  | { readonly is: 'one' }
  | { readonly is: 'char'; readonly char: string }
  | { readonly is: 'class'; readonly not: boolean; readonly ranges: readonly (readonly [string, string])[] };

const LONGEST = 1_000;
const MOST_ALTERNATIVES = 100;

/** `*`, `?`, `[a-z]`, `{a,b}` and `**` as shells and editors have them; a pattern without `/` is about names in any folder. */
export function parseGlob(pattern: string): readonly (readonly Segment[])[] {
  if (pattern === '' || pattern.length > LONGEST) throw unusable(pattern, `it must have 1 to ${LONGEST} characters`);
  return alternatives(pattern).map((one) => {
    const segments = parsePattern(one);
    return one.includes('/') ? segments : ['any-depth', ...segments];
  });
}

export const parsePattern = (pattern: string): readonly Segment[] =>
  pattern
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .map((part) => (part === '**' ? 'any-depth' : /[*?[\\]/.test(part) ? { tokens: tokensOf(part) } : { name: part }));

/** The names that all paths which match begin with, so that nothing else is looked at. */
export function literalFolders(pattern: string): readonly string[] {
  const names = pattern.split('/').filter((name) => name !== '' && name !== '.');
  const end = names.findIndex((name) => /[*?[\]{}\\]/.test(name));
  return names.slice(0, end === -1 ? -1 : end);
}

export const matchesPath = (names: readonly string[], segments: readonly Segment[], work: Work): boolean =>
  matchWild(
    names,
    segments,
    { isStar: (segment) => segment === 'any-depth', fits: (name, segment) => matchesName(name, segment, work) },
    work,
  );

function matchesName(name: string, segment: Segment, work: Work): boolean {
  if (segment === 'any-depth') return true;
  if ('name' in segment) return name === segment.name;
  return matchWild(Array.from(name), segment.tokens, { isStar: ({ is }) => is === 'star', fits: matchesChar }, work);
}

function matchesChar(char: string, token: Token): boolean {
  if (token.is === 'char') return token.char === char;
  if (token.is === 'class') return token.ranges.some(([from, to]) => from <= char && char <= to) !== token.not;
  return true;
}

interface Wild<Item, Part> {
  readonly isStar: (part: Part) => boolean;
  readonly fits: (item: Item, part: Part) => boolean;
}

/** Items against parts of which some stand for any number of items. Going back to the last of these is enough, since each other part takes one item. */
function matchWild<Item, Part>(
  items: readonly Item[],
  parts: readonly Part[],
  { isStar, fits }: Wild<Item, Part>,
  work: Work,
): boolean {
  let item = 0;
  let part = 0;
  let star = -1;
  let taken = 0;
  while (item < items.length) {
    work.left -= 1;
    if (work.left < 0) return false;
    const at = parts[part];
    if (at !== undefined && isStar(at)) {
      star = part;
      taken = item;
      part += 1;
    } else if (at !== undefined && fits(items[item] as Item, at)) {
      item += 1;
      part += 1;
    } else if (star !== -1) {
      part = star + 1;
      taken += 1;
      item = taken;
    } else return false;
  }
  return parts.slice(part).every(isStar);
}

function tokensOf(part: string): readonly Token[] {
  const chars = Array.from(part);
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at] ?? '';
    const end = char === '[' ? classEnd(chars, at) : -1;
    if (char === '*') {
      if (tokens.at(-1)?.is !== 'star') tokens.push({ is: 'star' });
    } else if (char === '?') tokens.push({ is: 'one' });
    else if (end !== -1) {
      tokens.push(classOf(chars.slice(at + 1, end)));
      at = end;
    } else if (char === '\\' && at + 1 < chars.length) {
      at += 1;
      tokens.push({ is: 'char', char: chars[at] ?? '' });
    } else tokens.push({ is: 'char', char });
  }
  return tokens;
}

/** A `]` right at the start is one of the characters. */
function classEnd(chars: readonly string[], open: number): number {
  const first = chars[open + 1] === '!' || chars[open + 1] === '^' ? open + 2 : open + 1;
  return chars.indexOf(']', first + 1);
}

function classOf(inside: readonly string[]): Token {
  const not = inside[0] === '!' || inside[0] === '^';
  const chars = not ? inside.slice(1) : inside;
  const ranges: [string, string][] = [];
  for (let at = 0; at < chars.length; at += 1) {
    const from = chars[at] ?? '';
    const to = chars[at + 1] === '-' ? chars[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return { is: 'class', not, ranges };
}

function alternatives(pattern: string): readonly string[] {
  const done: string[] = [];
  const open = [pattern];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const braces = bracesIn(next);
    if (braces === undefined) done.push(next);
    else open.push(...braces);
    if (done.length + open.length > MOST_ALTERNATIVES)
      throw unusable(pattern, `its braces say more than ${MOST_ALTERNATIVES} patterns`);
  }
  return done;
}

/** What the first braces with a comma say; `undefined` where there are none. */
function bracesIn(pattern: string, begin = 0): readonly string[] | undefined {
  const open = pattern.indexOf('{', begin);
  if (open === -1) return undefined;
  const parts: string[] = [];
  let depth = 0;
  let from = open + 1;
  for (let at = open; at < pattern.length; at += 1) {
    const char = pattern[at];
    if (char === '{') depth += 1;
    else if (char === '}') depth -= 1;
    if ((char === ',' && depth === 1) || depth === 0) {
      parts.push(pattern.slice(from, at));
      from = at + 1;
    }
    if (depth === 0) break;
  }
  if (depth !== 0 || parts.length < 2) return bracesIn(pattern, open + 1);
  return parts.map((part) => pattern.slice(0, open) + part + pattern.slice(from));
}

const unusable = (pattern: string, why: string): PrusikError =>
  new PrusikError(
    'SEARCH_PATTERN_INVALID',
    `The pattern ${JSON.stringify(pattern.slice(0, 200))} cannot be used: ${why}.`,
  );
