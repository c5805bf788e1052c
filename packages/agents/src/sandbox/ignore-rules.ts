import type { SandboxSession } from '@prusik/core';
import { matchesPath, parsePattern, type Segment, type Work } from './glob-pattern.ts';

/** What a `.gitignore` says of the entries below its folder. */
export interface IgnoreRules {
  /** Names from the workspace to the folder. */
  readonly depth: number;
  readonly rules: readonly Rule[];
}

interface Rule {
  readonly ignores: boolean;
  readonly foldersOnly: boolean;
  readonly segments: readonly Segment[];
}

export const IGNORE_FILE = '.gitignore';
/** Never of interest, and often most of a workspace. */
const ALWAYS: ReadonlySet<string> = new Set(['.git', 'node_modules']);
const MOST_BYTES = 65_536;
const MOST_RULES = 1_000;

/** `undefined` where there is none that can be used: a link, or a larger one than anybody writes. */
export async function readIgnoreRules(
  session: SandboxSession,
  folder: readonly string[],
): Promise<IgnoreRules | undefined> {
  const path = [...folder, IGNORE_FILE].join('/');
  try {
    const stat = await session.stat({ path });
    if (stat === null || stat.type !== 'file' || stat.size > MOST_BYTES) return undefined;
    const text = (await session.readTextFile({ path })) ?? '';
    return { depth: folder.length, rules: text.split(/\r?\n/).flatMap(ruleOf).slice(0, MOST_RULES) };
  } catch {
    return undefined;
  }
}

function ruleOf(line: string): readonly Rule[] {
  const pattern = line.replace(/(?<!\\) +$/, '');
  if (pattern === '' || pattern.startsWith('#')) return [];
  const ignores = !pattern.startsWith('!');
  const said = ignores ? pattern : pattern.slice(1);
  const segments = parsePattern(said);
  if (segments.length === 0) return [];
  const foldersOnly = said.endsWith('/');
  // One with a "/" before its end is about the folder itself, any other about all below it.
  const anchored = said.slice(0, -1).includes('/');
  return [{ ignores, foldersOnly, segments: anchored ? segments : ['any-depth', ...segments] }];
}

/** The deepest file has the last word, and in it the last line. */
export function isIgnored(
  names: readonly string[],
  folder: boolean,
  stack: readonly IgnoreRules[],
  work: Work,
): boolean {
  if (folder && ALWAYS.has(names.at(-1) ?? '')) return true;
  for (const { depth, rules } of stack.toReversed()) {
    const below = names.slice(depth);
    const last = rules.findLast(
      ({ foldersOnly, segments }) => (folder || !foldersOnly) && matchesPath(below, segments, work),
    );
    if (last !== undefined) return last.ignores;
  }
  return false;
}
