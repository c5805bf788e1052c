import { setImmediate } from 'node:timers/promises';
import { PrusikError } from '@prusik/core';
import type { Work } from './glob-pattern.ts';
import { IGNORE_FILE, isIgnored, readIgnoreRules, type IgnoreRules } from './ignore-rules.ts';
import type { SandboxPlace } from './sandbox-tool.ts';
import { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';
import { isNamable } from './workspace-path.ts';

export interface WalkOptions {
  /** Where it begins: names from the workspace. */
  readonly base: readonly string[];
  /** Takes what is ignored, too. */
  readonly ignored: boolean;
  readonly wants: (names: readonly string[], work: Work) => boolean;
  /** Files after which it ends. */
  readonly most: number;
  /** Steps that all matching may take. @default 100_000_000, a second or two */
  readonly steps?: number;
}

export interface Walked {
  /** Paths of files and links, in order. */
  readonly found: readonly { readonly path: string; readonly link: boolean }[];
  /** Why there may be more. */
  readonly cut?: string;
  /** Entries that were left out by ignore rules, not counting what is below them. */
  readonly leftOut: number;
  /** Files whose names nobody can say here. */
  readonly unnamable: number;
}

const STEPS = 100_000_000;
/** Steps after which others of this process have their turn. */
const STEPS_AT_ONCE = 1_000_000;
const PATH_BYTES = 8_388_608;

/** The files below a folder, folder by folder, without following a link. */
export async function walkFiles({ session, signal }: SandboxPlace, options: WalkOptions): Promise<Walked> {
  const { base, ignored, wants, most, steps = STEPS } = options;
  const work: Work = { left: steps };
  let rested = steps;
  const found: { path: string; link: boolean }[] = [];
  let walked = 0;
  let bytes = 0;
  let leftOut = 0;
  let unnamable = 0;

  function over(): string | undefined {
    if (found.length >= most) return `these are the first ${most}`;
    if (walked >= SANDBOX_TOOL_LIMITS.walked) return `only the first ${walked} entries were looked at`;
    if (work.left < 0) return 'matching the patterns took too many steps';
    return bytes > PATH_BYTES ? 'the paths are too long for more' : undefined;
  }

  async function walk(folder: readonly string[], above: readonly IgnoreRules[]): Promise<string | undefined> {
    const path = folder.join('/') || '.';
    const entries = await session.listDirectory({ path, ...(signal ? { abortSignal: signal } : {}) }).catch(given);
    // Gone or made a link meanwhile: then there is nothing to be found.
    if (entries === null) return folder === base ? 'missing' : undefined;
    const rules =
      !ignored && entries.some(({ name }) => name === IGNORE_FILE) ? await readIgnoreRules(session, folder) : undefined;
    const stack = rules === undefined ? above : [...above, rules];
    for (const { name, type } of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const cut = over();
      if (cut !== undefined) return cut;
      if (rested - work.left > STEPS_AT_ONCE) {
        rested = work.left;
        await setImmediate();
        signal?.throwIfAborted();
      }
      walked += 1;
      const names = [...folder, name];
      if (!ignored && isIgnored(names, type === 'directory', stack, work)) leftOut += 1;
      else if (!isNamable(name)) unnamable += 1;
      else if (type === 'directory') {
        const deeper = await walk(names, stack);
        if (deeper !== undefined) return deeper;
      } else if (type !== 'other' && wants(names, work)) {
        const one = names.join('/');
        bytes += one.length;
        found.push({ path: one, link: type === 'symlink' });
      }
    }
    return undefined;

    function given(error: unknown): null {
      // What it was asked for is told; of what is below, the rest is worth more.
      if (folder === base || signal?.aborted === true) throw error;
      return null;
    }
  }

  const above = ignored
    ? []
    : await Promise.all(base.map((_, depth) => readIgnoreRules(session, base.slice(0, depth))));
  const cut = await walk(
    base,
    above.filter((rules) => rules !== undefined),
  );
  if (cut === 'missing')
    throw new PrusikError('TOOL_FILE_NOT_FOUND', `There is no folder ${base.join('/')}. Find it with glob or list.`);
  return { found, leftOut, unnamable, ...(cut === undefined && work.left >= 0 ? {} : { cut: cut ?? over() ?? '' }) };
}

/** What a model is told beside what was found. */
export function walkNotes({ cut, leftOut, unnamable }: Walked, found: number): readonly string[] {
  return [
    ...(cut === undefined ? [] : [`${cut}: narrow "path" or the pattern for others`]),
    ...(found === 0 && leftOut > 0
      ? [`${leftOut} entries were left out by ignore rules: say "ignored": true to look there, too`]
      : []),
    ...(unnamable === 0 ? [] : [`${unnamable} names are not UTF-8 and were left out: look at them with a command`]),
  ];
}
