/** A value of a skill's front matter. */
export type FrontmatterValue = string | readonly string[] | Readonly<Record<string, string>>;

export interface Frontmatter {
  readonly fields: ReadonlyMap<string, FrontmatterValue>;
  /** What comes after it. */
  readonly body: string;
}

const KEY = /^([A-Za-z0-9_.-]+|"[^"\\]*"|'[^']*')\s*:(?:\s+(.*)|\s*)$/;
const ITEM = /^-(?:\s+(.*)|\s*)$/;
const BLOCK = /^([|>])([+-]?)\s*(?:#.*)?$/;

/**
 * The front matter of a SKILL.md, in the part of YAML that skills are written in: texts (plain, quoted, `|` and `>` blocks), one level of names
 * below a name, and lists of texts. Everything is a text. What is beyond that (anchors, tags, objects in braces, deeper levels) is refused: a
 * whole YAML would be the largest part of this package, for six fields.
 *
 * @throws {SyntaxError} with the line.
 */
export function parseFrontmatter(source: string): Frontmatter {
  const lines = source.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines[0]?.trimEnd() !== '---') throw new SyntaxError('line 1: it must begin with front matter, a line "---"');
  const end = lines.findIndex((line, index) => index > 0 && line.trimEnd() === '---');
  if (end < 0) throw new SyntaxError('the front matter has no end, a line "---"');
  const fields = new Map<string, FrontmatterValue>();
  let at = 1;
  while (at < end) {
    if (isBlank(lines[at])) {
      at += 1;
      continue;
    }
    const { name, rest } = entryAt(lines, at, 0);
    if (fields.has(name)) throw wrong(at, `${name} is there twice`);
    const nested = nestedEnd(lines, at + 1, end);
    fields.set(name, valueOf(lines, at, rest, nested));
    at = nested;
  }
  return {
    fields,
    body: lines
      .slice(end + 1)
      .join('\n')
      .trim(),
  };
}

/** Where the lines that belong to the entry before `from` end: those that are indented, blank, or (as YAML has it) items of a list. */
function nestedEnd(lines: readonly string[], from: number, end: number): number {
  let at = from;
  while (at < end && (isBlank(lines[at]) || /^(\s|-(\s|$))/.test(lines[at] ?? ''))) at += 1;
  return at;
}

function valueOf(lines: readonly string[], at: number, rest: string, end: number): FrontmatterValue {
  const block = BLOCK.exec(rest);
  if (block !== null) return blockText(lines.slice(at + 1, end), block[1] === '>', block[2] ?? '');
  const first = lines.findIndex((line, index) => index > at && index < end && !isBlank(line));
  if (rest !== '' || first < 0) {
    if (rest.startsWith('[')) return flowList(at, rest);
    return scalar(at, [rest, ...lines.slice(at + 1, end).map((line) => line.trim())].join(' ').trim());
  }
  return ITEM.test((lines[first] ?? '').trim()) ? listOf(lines, first, end) : mapOf(lines, first, end);
}

function listOf(lines: readonly string[], from: number, end: number): readonly string[] {
  return numbered(lines, from, end).map(([at, line]) => {
    const item = ITEM.exec(line.trim());
    if (item === null) throw wrong(at, 'expected an item of a list, "- text"');
    return scalar(at, item[1] ?? '');
  });
}

function mapOf(lines: readonly string[], from: number, end: number): Readonly<Record<string, string>> {
  const indent = indentOf(lines[from] ?? '');
  const entries = numbered(lines, from, end).map(([at]) => {
    const { name, rest } = entryAt(lines, at, indent);
    if (BLOCK.test(rest) || rest.startsWith('[')) throw wrong(at, `${name} has to be a text on one line`);
    return [name, scalar(at, rest)] as const;
  });
  const names = entries.map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw wrong(from, `${twice} is there twice`);
  return Object.fromEntries(entries);
}

const numbered = (lines: readonly string[], from: number, end: number): readonly (readonly [number, string])[] =>
  lines.slice(from, end).flatMap((line, index) => (isBlank(line) ? [] : [[from + index, line] as const]));

function entryAt(
  lines: readonly string[],
  at: number,
  indent: number,
): { readonly name: string; readonly rest: string } {
  const line = lines[at] ?? '';
  if (indentOf(line) !== indent) throw wrong(at, 'it is indented otherwise than its neighbours');
  const match = KEY.exec(line.trim());
  if (match === null) throw wrong(at, 'expected "name: text"');
  return { name: scalar(at, match[1] ?? ''), rest: withoutComment(match[2] ?? '') };
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Lines of a `|` or `>` block, without their common indentation. */
function blockText(lines: readonly string[], folded: boolean, chomp: string): string {
  const indent = Math.min(...lines.filter((line) => line.trim() !== '').map(indentOf));
  const text = lines.map((line) => line.slice(Number.isFinite(indent) ? indent : 0).trimEnd());
  const joined = folded ? text.join('\n').replace(/(?<!\n)\n(?![\n ])/g, ' ') : text.join('\n');
  const bare = joined.replace(/\n+$/, '');
  return chomp === '-' || bare === '' ? bare : `${bare}\n`;
}

function flowList(at: number, rest: string): readonly string[] {
  const inside = /^\[([^[\]{}]*)\]$/.exec(rest)?.[1];
  if (inside === undefined) throw wrong(at, 'a list in brackets has to end on its line, and holds texts only');
  return inside.split(',').flatMap((item) => (item.trim() === '' ? [] : [scalar(at, item.trim())]));
}

function scalar(at: number, text: string): string {
  if (text.startsWith('"')) {
    try {
      return String(JSON.parse(text));
    } catch {
      throw wrong(at, 'the text in quotes does not end, or has an escape that is not one of JSON');
    }
  }
  if (text.startsWith("'")) {
    if (!/^'(?:[^']|'')*'$/.test(text)) throw wrong(at, 'the text in quotes does not end');
    return text.slice(1, -1).replaceAll("''", "'");
  }
  if (/^[&*!{}%@`]/.test(text)) throw wrong(at, `a text that begins with "${text[0]}" has to stand in quotes`);
  return withoutComment(text);
}

const withoutComment = (text: string): string => (/^["']/.test(text) ? text : text.replace(/(^|\s)#.*$/, '')).trim();

const isBlank = (line: string | undefined): boolean => line === undefined || /^\s*(#.*)?$/.test(line);

const wrong = (index: number, what: string): SyntaxError => new SyntaxError(`line ${index + 1}: ${what}`);
