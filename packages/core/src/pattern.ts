/**
 * Whether a text has a match of a pattern, in time that grows with the length of both and no faster: the engine of JavaScript may take time that doubles
 * with each character, and a schema can be somebody else's. All alternatives are followed at once (Thompson's construction), one character after the other.
 */
export interface Pattern {
  /** `undefined` where `work` is used up first. */
  test(text: string, work: Work): boolean | undefined;
}

/** What may still be done, in comparisons of one character or so. */
export interface Work {
  left: number;
}

/** Longer ones, and those whose repetitions come to more, are not read. */
const MOST_CHARS = 4_000;
const MOST_STATES = 4_000;
const MOST_DEPTH = 200;

/**
 * A pattern as JavaScript has it with the flag `u`; `undefined` for one that is wrong, too long, or needs what takes more than its length: a look ahead or
 * behind, a reference back, or `\B`.
 */
export function readPattern(source: string): Pattern | undefined {
  if (source.length > MOST_CHARS) return undefined;
  try {
    const states = compile(new RegExp(source, 'u').source);
    return { test: (text, work) => run(states, text, work) };
  } catch {
    return undefined;
  }
}

type Edge =
  /** One character, as the engine itself tells of a single one. */
  | { readonly type: 'char'; readonly fits: (char: string) => boolean; readonly next: number }
  | { readonly type: 'fork'; readonly next: readonly number[] }
  | { readonly type: 'at'; readonly place: '^' | '$' | '\\b'; readonly next: number }
  | { readonly type: 'match' };

/** The states so far, and how often a part was built: an empty one that is repeated has no states, and takes its time. */
interface Build {
  readonly edges: Edge[];
  parts: number;
}

/** A part whose way out is said when it is built. It is built from the end, so that each state knows where it leads, and once for each repetition. */
type Part = (next: number, build: Build) => number;

function compile(source: string): { readonly edges: readonly Edge[]; readonly start: number } {
  const reader = { source, at: 0 };
  const part = readAlternatives(reader, 0);
  if (reader.at < source.length) throw new Error('not read to its end');
  const edges: Edge[] = [{ type: 'match' }];
  return { edges, start: part(0, { edges, parts: 0 }) };
}

interface Reader {
  readonly source: string;
  at: number;
}

function add({ edges }: Build, edge: Edge): number {
  if (edges.length >= MOST_STATES) throw new Error('too many states');
  return edges.push(edge) - 1;
}

function readAlternatives(reader: Reader, depth: number): Part {
  if (depth > MOST_DEPTH) throw new Error('too deep');
  const parts = [readSequence(reader, depth)];
  while (reader.source[reader.at] === '|') {
    reader.at += 1;
    parts.push(readSequence(reader, depth));
  }
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  return (next, build) => add(build, { type: 'fork', next: parts.map((part) => part(next, build)) });
}

function readSequence(reader: Reader, depth: number): Part {
  const parts: Part[] = [];
  while (reader.at < reader.source.length && !'|)'.includes(reader.source.charAt(reader.at)))
    parts.push(readRepeated(reader, depth));
  return (next, build) => parts.reduceRight((after, part) => part(after, build), next);
}

function readRepeated(reader: Reader, depth: number): Part {
  const part = readAtom(reader, depth);
  const [said, low, comma, high] =
    /^(?:[*+?]|\{(\d+)(,)?(\d+)?\})\??/.exec(reader.source.slice(reader.at, reader.at + 32)) ?? [];
  if (said === undefined) return part;
  reader.at += said.length;
  const first = said.charAt(0);
  if (first === '*') return repeated(part, 0, Infinity);
  if (first === '+') return repeated(part, 1, Infinity);
  if (first === '?') return repeated(part, 0, 1);
  return repeated(part, Number(low), high !== undefined ? Number(high) : comma === undefined ? Number(low) : Infinity);
}

function repeated(part: Part, least: number, most: number): Part {
  if (least > MOST_STATES || (most !== Infinity && most > MOST_STATES)) throw new Error('too many repetitions');
  return (next, build) => {
    build.parts += most === Infinity ? least + 1 : most;
    if (build.parts > MOST_STATES) throw new Error('too many repetitions');
    let way = next;
    if (most === Infinity) {
      const targets: number[] = [];
      way = add(build, { type: 'fork', next: targets });
      targets.push(part(way, build), next);
    } else {
      for (let count = least; count < most; count += 1)
        way = add(build, { type: 'fork', next: [part(way, build), next] });
    }
    for (let count = 0; count < least; count += 1) way = part(way, build);
    return way;
  };
}

function readAtom(reader: Reader, depth: number): Part {
  const { source } = reader;
  const char = source.charAt(reader.at);
  if (char === '(') return readGroup(reader, depth);
  if (char === '^' || char === '$') {
    reader.at += 1;
    return placed(char);
  }
  if (char === '[') return charOf(reader, classEnd(source, reader.at));
  if (char !== '\\') return charOf(reader, reader.at + String.fromCodePoint(source.codePointAt(reader.at) ?? 0).length);
  const escaped = source.charAt(reader.at + 1);
  if (escaped === 'b') {
    reader.at += 2;
    return placed('\\b');
  }
  // The engine finds a `\B` between the halves of one character, too.
  if (/[1-9kB]/.test(escaped)) throw new Error('a reference back, or \\B');
  return charOf(reader, reader.at + escapeLength(source, reader.at));
}

const placed =
  (place: '^' | '$' | '\\b'): Part =>
  (next, build) =>
    add(build, { type: 'at', place, next });

function readGroup(reader: Reader, depth: number): Part {
  const [said = '('] = /^\((?:\?(?::|<[^=!>][^>]*>))?/.exec(reader.source.slice(reader.at)) ?? [];
  reader.at += said.length;
  // Whatever else begins with `(?` looks around, or changes flags.
  if (reader.source.charAt(reader.at) === '?') throw new Error('a look around');
  const part = readAlternatives(reader, depth + 1);
  if (reader.source.charAt(reader.at) !== ')') throw new Error('a group without end');
  reader.at += 1;
  return part;
}

/** What stands from here to `end` says which single characters fit; only the engine knows all of its classes. */
function charOf(reader: Reader, end: number): Part {
  const said = reader.source.slice(reader.at, end);
  reader.at = end;
  const one = new RegExp(`^(?:${said})$`, 'u');
  const fits =
    said.length === 1 && /[\w\s\-/:,@]/.test(said) ? (char: string) => char === said : (char: string) => one.test(char);
  return (next, build) => add(build, { type: 'char', fits, next });
}

function classEnd(source: string, from: number): number {
  let at = from + 1;
  while (at < source.length && source.charAt(at) !== ']') at += source.charAt(at) === '\\' ? 2 : 1;
  return at + 1;
}

function escapeLength(source: string, from: number): number {
  const [said = ''] =
    /^\\(?:u\{[0-9a-f]+\}|u[0-9a-f]{4}(?:(?<=\\ud[89ab][0-9a-f]{2})\\ud[c-f][0-9a-f]{2})?|x[0-9a-f]{2}|c[a-z]|p\{[^}]*\}|.)/isu.exec(
      source.slice(from, from + 200),
    ) ?? [];
  if (said === '') throw new Error('an escape without end');
  return said.length;
}

function run(
  { edges, start }: { readonly edges: readonly Edge[]; readonly start: number },
  text: string,
  work: Work,
): boolean | undefined {
  const seenAt = new Int32Array(edges.length).fill(-1);
  let ways: number[] = [];
  let place = 0;
  for (let before = ''; ;) {
    const point = text.codePointAt(place);
    const char = point === undefined ? '' : String.fromCodePoint(point);
    // A match may begin anywhere.
    ways.push(start);
    const next: number[] = [];
    while (ways.length > 0) {
      const state = ways.pop() ?? 0;
      if (seenAt[state] === place) continue;
      seenAt[state] = place;
      if ((work.left -= 1) < 0) return undefined;
      const edge = edges[state];
      if (edge === undefined || edge.type === 'match') return true;
      if (edge.type === 'fork') for (const one of edge.next) ways.push(one);
      else if (edge.type === 'at') {
        if (isAt(edge.place, before, char)) ways.push(edge.next);
      } else if (char !== '' && edge.fits(char)) next.push(edge.next);
    }
    if (char === '') return false;
    before = char;
    place += char.length;
    ways = next;
  }
}

function isAt(place: '^' | '$' | '\\b', before: string, after: string): boolean {
  if (place === '^') return before === '';
  if (place === '$') return after === '';
  return /\w/.test(before) !== /\w/.test(after);
}
