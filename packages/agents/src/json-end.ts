/**
 * The first or the last characters of a value's JSON text, without the text between: whatever the size of the value, no more of it is looked at than is
 * shown.
 *
 * @throws {TypeError} for what is not JSON, as far as it is looked at.
 */
export function jsonEnd(value: unknown, end: 'head' | 'tail', characters: number): string {
  const pieces: string[] = [];
  let left = characters;
  const write = (text: string): void => {
    pieces.push(text);
    left -= text.length;
  };

  function visit(item: unknown, depth: number): void {
    if (typeof item === 'string')
      return write(JSON.stringify(end === 'head' ? item.slice(0, left) : lastOf(item, left)));
    if (item === null || typeof item !== 'object') return write(leafOf(item));
    if (depth > LEVELS) throw new TypeError(`A result is nested deeper than ${LEVELS} levels`);
    const isList = Array.isArray(item);
    const keys = isList ? undefined : Object.keys(item).filter((key) => (item as Fields)[key] !== undefined);
    const count = isList ? item.length : (keys?.length ?? 0);
    const [open, close] = isList ? '[]' : '{}';
    write((end === 'head' ? open : close) as string);
    for (let n = 0; n < count && left > 0; n += 1) {
      const index = end === 'head' ? n : count - 1 - n;
      const key = keys?.[index];
      const member: unknown = key === undefined ? (item as unknown[])[index] : (item as Fields)[key];
      if (n > 0) write(',');
      const name = key === undefined ? '' : `${JSON.stringify(key)}:`;
      if (end === 'head') write(name);
      visit(member, depth + 1);
      if (end === 'tail') write(name);
    }
    if (left > 0) write((end === 'head' ? close : open) as string);
  }

  visit(value, 0);
  return (end === 'head' ? pieces : pieces.toReversed()).join('');
}

type Fields = Readonly<Record<string, unknown>>;

const LEVELS = 1_000;

/** Not `slice(-n)` of nothing, which is everything. */
const lastOf = (text: string, characters: number): string => text.slice(Math.max(0, text.length - characters));

function leafOf(value: unknown): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return JSON.stringify(value);
  throw new TypeError(`A result holds a ${typeof value}, which JSON cannot hold`);
}
