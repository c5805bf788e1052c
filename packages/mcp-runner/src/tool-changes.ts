import { canonicalJson, type Json, type JsonObject } from '@prusik/core';
import { isObject } from './plain.ts';
import type { ToolPins } from './pins.ts';
import { fingerprintOf } from './server-tool.ts';

/** How a tool differs from what is pinned. JSON, so that it can be shown in one process and approved in another. */
export interface ToolChange {
  readonly server: string;
  /** The server's name for it. */
  readonly tool: string;
  /** `new`: it was never pinned; `removed`: it is pinned, and the server has it no more. */
  readonly change: 'new' | 'changed' | 'removed';
  /** For people: lines that went begin with `-`, lines that came with `+`. What nobody would see is written out. */
  readonly diff: string;
  /** As it is now; missing where it is removed. */
  readonly definition?: JsonObject;
}

/** Sorted by name. */
export function toolChanges(
  server: string,
  pins: ToolPins,
  present: ReadonlyMap<string, JsonObject>,
): readonly ToolChange[] {
  const names = [...new Set([...Object.keys(pins), ...present.keys()])].toSorted();
  return names.flatMap((tool): readonly ToolChange[] => {
    const before = Object.hasOwn(pins, tool) ? pins[tool] : undefined;
    const definition = present.get(tool);
    if (definition === undefined) return [{ server, tool, change: 'removed', diff: diffOf(before, undefined) }];
    if (before !== undefined && fingerprintOf(before) === fingerprintOf(definition)) return [];
    const change = before === undefined ? 'new' : 'changed';
    return [{ server, tool, change, diff: diffOf(before, definition), definition }];
  });
}

const CONTEXT_LINES = 2;
/** Comparisons of lines; two texts that need more are shown one after the other. */
const MOST_COMPARISONS = 4_000_000;

function diffOf(before: JsonObject | undefined, after: JsonObject | undefined): string {
  const [old, now] = [linesOf(before), linesOf(after)];
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < old.length - head && tail < now.length - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  const middle = middleOf(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  const same = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);
  return [
    ...same(old.slice(Math.max(0, head - CONTEXT_LINES), head)),
    ...middle,
    ...same(old.slice(old.length - tail, old.length - tail + CONTEXT_LINES)),
  ].join('\n');
}

/** By the longest common subsequence. */
function middleOf(old: readonly string[], now: readonly string[]): readonly string[] {
  const gone = old.map((line) => `- ${line}`);
  const come = now.map((line) => `+ ${line}`);
  if (old.length === 0 || now.length === 0 || old.length * now.length > MOST_COMPARISONS) return [...gone, ...come];
  const width = now.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  for (let one = old.length - 1; one >= 0; one -= 1)
    for (let two = now.length - 1; two >= 0; two -= 1)
      common[one * width + two] =
        old[one] === now[two]
          ? (common[(one + 1) * width + two + 1] ?? 0) + 1
          : Math.max(common[(one + 1) * width + two] ?? 0, common[one * width + two + 1] ?? 0);
  const lines: string[] = [];
  let [one, two] = [0, 0];
  while (one < old.length && two < now.length) {
    if (old[one] === now[two]) {
      lines.push(`  ${old[one] ?? ''}`);
      one += 1;
      two += 1;
    } else if ((common[(one + 1) * width + two] ?? 0) >= (common[one * width + two + 1] ?? 0)) {
      lines.push(gone[one] ?? '');
      one += 1;
    } else {
      lines.push(come[two] ?? '');
      two += 1;
    }
  }
  return [...lines, ...gone.slice(one), ...come.slice(two)];
}

/** One line for each value, by its path; a text of several lines has as many. */
function linesOf(definition: JsonObject | undefined): readonly string[] {
  const lines: string[] = [];
  if (definition !== undefined) add(definition, '');
  return lines;

  function add(value: Json, path: string): void {
    const members = isObject(value) || Array.isArray(value) ? Object.entries(value).toSorted(byName) : [];
    for (const [name, one] of members) add(one as Json, path === '' ? name : `${path}.${name}`);
    if (members.length > 0) return;
    if (typeof value !== 'string') lines.push(writtenOut(`${path}: ${canonicalJson(value)}`));
    else for (const line of value.split('\n')) lines.push(writtenOut(`${path}: ${line}`));
  }
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

/** Two texts that differ in what nobody sees must not look alike. */
function writtenOut(line: string): string {
  return line.replaceAll(
    /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u{e0100}-\u{e01ef}]/gu,
    (char) => `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
