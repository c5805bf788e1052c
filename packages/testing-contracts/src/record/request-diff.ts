import { canonicalJson, isObject, type Json, type JsonObject } from '@prusik/core';

/** Of a diff, in bytes. */
const DIFF_BYTES = 4_096;
/** Lines around a change. */
const CONTEXT = 2;
/** Characters of one line. */
const LINE_CHARS = 200;
/** Lines of one change, of each side. */
const LINES = 20;
const PLACES = 20;

/** What is another, by path: `- ` as it was recorded, `+ ` as it is asked now. Empty where nothing is. */
export function requestDiff(recorded: JsonObject, asked: JsonObject): string {
  const places: string[] = [];
  let more = 0;
  const tell = (path: string, lines: readonly string[]): void => {
    if (places.length < PLACES) places.push(`${path || '$'}\n${lines.join('\n')}`);
    else more += 1;
  };
  const walk = (before: Json | undefined, after: Json | undefined, path: string): void => {
    if (before === undefined) return tell(path, [`+ ${brief(after)}`]);
    if (after === undefined) return tell(path, [`- ${brief(before)}`]);
    if (typeof before === 'string' && typeof after === 'string') {
      if (before !== after) tell(path, linesOf(before, after));
      return;
    }
    if (canonicalJson(before) === canonicalJson(after)) return;
    const byName = [namedItems(before), namedItems(after)] as const;
    if (byName[0] !== undefined && byName[1] !== undefined) return members(byName[0], byName[1], path);
    if (Array.isArray(before) && Array.isArray(after)) {
      for (let at = 0; at < Math.max(before.length, after.length); at += 1)
        walk(before[at], after[at], `${path}[${at}]`);
      return;
    }
    if (isObject(before) && isObject(after))
      return members(new Map(Object.entries(before)), new Map(Object.entries(after)), path);
    tell(path, [`- ${brief(before)}`, `+ ${brief(after)}`]);
  };
  const members = (before: ReadonlyMap<string, Json>, after: ReadonlyMap<string, Json>, path: string): void => {
    for (const name of new Set([...before.keys(), ...after.keys()]))
      walk(before.get(name), after.get(name), path === '' ? name : `${path}.${name}`);
    // The same members in another order.
    if ([...before.keys()].join('\0') !== [...after.keys()].join('\0') && before.size === after.size)
      if (
        [...before].every(([name, value]) => after.has(name) && canonicalJson(after.get(name)) === canonicalJson(value))
      )
        tell(path, ['  the same in another order']);
  };
  walk(recorded, asked, '');
  if (more > 0) places.push(`and ${more} more`);
  return cutBytes(places.join('\n'));
}

/** Tools and the like: what was added to a list is told as that, and not as a change of all that follow. */
function namedItems(value: Json): ReadonlyMap<string, Json> | undefined {
  if (!Array.isArray(value) || value.length === 0) return undefined;
  const named = (value as readonly Json[]).flatMap((item) =>
    isObject(item) && typeof item['name'] === 'string' ? [[item['name'], item] as const] : [],
  );
  const byName = new Map(named);
  return byName.size === value.length ? byName : undefined;
}

function brief(value: Json | undefined): string {
  return lineOf(JSON.stringify(value));
}

const lineOf = (line: string, from = 0): string => {
  const start = Math.max(0, from);
  const part = line.slice(start, start + LINE_CHARS).toWellFormed();
  return `${start > 0 ? '…' : ''}${part}${line.length > start + LINE_CHARS ? '…' : ''}`;
};

/** What the texts have in common at both ends is left out, but for a little around the change. */
function linesOf(before: string, after: string): readonly string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  const most = Math.min(old.length, now.length);
  let head = 0;
  while (head < most && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < most - head && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail += 1;
  const removed = old.slice(head, old.length - tail);
  const added = now.slice(head, now.length - tail);
  // Long lines are shown from shortly before the place at which they part.
  const from = removed.length > 0 && added.length > 0 ? commonStart(removed[0] ?? '', added[0] ?? '') - 60 : 0;
  const shown = (mark: string, lines: readonly string[]): readonly string[] => [
    ...lines
      .slice(0, LINES)
      .map((line, at) => `${mark} ${lineOf(line, at === 0 && line.length > LINE_CHARS ? from : 0)}`),
    ...(lines.length > LINES ? [`${mark} [… ${lines.length - LINES} more lines …]`] : []),
  ];
  return [
    ...shown(' ', old.slice(Math.max(0, head - CONTEXT), head)),
    ...shown('-', removed),
    ...shown('+', added),
    ...shown(' ', old.slice(old.length - tail, old.length - tail + CONTEXT)),
  ];
}

function commonStart(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}

function cutBytes(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.byteLength <= DIFF_BYTES) return text;
  const end = '\n[… cut …]';
  // A character that the cut parts is left out whole.
  const head = new TextDecoder().decode(bytes.subarray(0, DIFF_BYTES - Buffer.byteLength(end)), { stream: true });
  return `${head}${end}`;
}
