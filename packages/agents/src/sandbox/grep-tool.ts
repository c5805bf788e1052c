import { PrusikError, type ExecResult } from '@prusik/core';
import { matchesPath, parseGlob } from './glob-pattern.ts';
import { IGNORED_FIELD, namesOf } from './glob-tool.ts';
import { sandboxTool, type SandboxPlace, type SandboxTool } from './sandbox-tool.ts';
import { firstLines } from './shown-list.ts';
import type { ToolInputOf } from './tool-input.ts';
import { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';
import { walkFiles, walkNotes, type Walked } from './walk-files.ts';
import { plainPath, shownName } from './workspace-path.ts';

const FIELDS = {
  pattern: {
    type: 'string',
    maxLength: 10_000,
    description: 'A regular expression for one line, as grep -P has it (grep -E where that is missing).',
  },
  path: { type: 'string', optional: true, description: 'A file or folder to look in. Default: the workspace.' },
  glob: { type: 'string', optional: true, description: 'Only files whose path matches, such as "*.ts" or "src/**".' },
  literal: { type: 'boolean', optional: true, description: 'The pattern is plain text. Default: false.' },
  ignoreCase: { type: 'boolean', optional: true, description: 'Default: false.' },
  filesOnly: { type: 'boolean', optional: true, description: 'Only the paths of files that match. Default: false.' },
  context: {
    type: 'integer',
    minimum: 0,
    maximum: 20,
    optional: true,
    description: 'Lines to show around each match. Default: 0.',
  },
  ignored: IGNORED_FIELD,
} as const;

type Input = ToolInputOf<typeof FIELDS>;

const INVALID = 65;
const MISSING = 66;
/** Kept of the output: what is shown is less, by far. */
const OUTPUT_BYTES = 1_048_576;

/**
 * A regular expression of a model runs where its time, its memory and its output are bounded: in the sandbox, never in this process. The pattern is tried on
 * nothing first, since xargs does not say which of its commands failed why. Lines are cut before they leave: one may have megabytes.
 */
const SCRIPT = `command -v grep >/dev/null && command -v xargs >/dev/null || exit ${MISSING}
pattern=$1 kind=$2 cut=$3
shift 3
if [ "$kind" = -P ] && ! printf x | grep -qP x 2>/dev/null; then kind=-E; fi
grep "$kind" -e "$pattern" </dev/null >/dev/null
[ $? -le 1 ] || exit ${INVALID}
xargs -0 grep "$kind" "$@" -e "$pattern" -- | cut -b "1-$cut"`;

export const grepTool: SandboxTool = sandboxTool({
  description:
    'Searches the files of the workspace for a regular expression and shows the lines that match, with their numbers. A match shows lines of a file, which is not yet a read of it.',
  fields: FIELDS,
  reads: true,
  async run(input, place) {
    const { session, signal } = place;
    const files = await filesOf(input, place);
    // grep's output has lines, in which a name with a line break is none.
    const searched = files.found.filter(({ path, link }) => !link && !path.includes('\n'));
    const broken = files.found.filter(({ path, link }) => !link && path.includes('\n')).length;
    const notes = broken === 0 ? [] : [`${broken} files whose names have line breaks were not searched`];
    if (searched.length === 0) return shownResult([], '[no file to search]', [...notes, ...walkNotes(files, 0)]);
    const { matchesOfFile, matchBytes } = SANDBOX_TOOL_LIMITS;
    const options = [
      ...(input.filesOnly === true ? ['-l'] : ['-nH', '--null', `-m${matchesOfFile}`]),
      ...(input.ignoreCase === true ? ['-i'] : []),
      ...(input.context ? [`-C${input.context}`] : []),
    ];
    const longest = Math.max(...searched.map(({ path }) => Buffer.byteLength(path)));
    const cut = String(matchBytes + longest + 16);
    const result = await session.exec(
      '/bin/sh',
      ['-c', SCRIPT, 'grep', input.pattern, input.literal === true ? '-F' : '-P', cut, ...options],
      {
        stdin: searched.map(({ path }) => `./${path}\0`).join(''),
        maxOutputBytes: OUTPUT_BYTES,
        ...(signal ? { signal } : {}),
      },
    );
    refuseUnlessSearched(input, result);
    const lines = input.filesOnly === true ? filesIn(result, searched) : matchesIn(result);
    return shownResult(lines, '[no line matches]', [
      ...problemsOf(result, session.limits.timeoutMs),
      ...notes,
      ...walkNotes(files, lines.length),
    ]);
  },
});

async function filesOf({ path: given = '.', glob, ignored = false }: Input, place: SandboxPlace): Promise<Walked> {
  const { session } = place;
  const path = plainPath(given, session.directory);
  const stat = await session.stat({ path });
  if (stat === null)
    throw new PrusikError('TOOL_FILE_NOT_FOUND', `There is no file or folder ${path}. Find it with glob or list.`);
  if (stat.type === 'file') return { found: [{ path, link: false }], leftOut: 0, unnamable: 0 };
  const globs = glob === undefined ? undefined : parseGlob(glob);
  const base = namesOf(path);
  return walkFiles(place, {
    base,
    ignored,
    // Of the workspace or of "path": models mean the one or the other.
    wants: (names, work) =>
      globs === undefined ||
      globs.some((one) => matchesPath(names, one, work) || matchesPath(names.slice(base.length), one, work)),
    most: SANDBOX_TOOL_LIMITS.walked,
  });
}

function refuseUnlessSearched({ pattern }: Input, { exitCode, stderr }: ExecResult): void {
  const why = Buffer.from(stderr).toString('utf8').trim().slice(0, 500);
  if (exitCode === INVALID)
    throw new PrusikError(
      'SEARCH_PATTERN_INVALID',
      `grep cannot use the pattern ${JSON.stringify(pattern.slice(0, 200))}: ${why}. Mend it, or say "literal": true for plain text.`,
    );
  if (exitCode === MISSING)
    throw new PrusikError(
      'SEARCH_UNAVAILABLE',
      'The sandbox has no grep or no xargs. Find files with glob, and read them.',
    );
}

/** What is no line of a file says so: a file that is no text, the mark between groups. */
function matchesIn({ stdout }: ExecResult): readonly string[] {
  const shown: string[] = [];
  let file = '';
  for (const line of linesOf(stdout)) {
    const end = line.indexOf('\0');
    const [, number, sign, text = ''] = /^(\d+)([:-])(.*)$/s.exec(line.slice(end + 1)) ?? [];
    if (end === -1 || number === undefined) {
      if (line.startsWith('grep: ') || line.startsWith('Binary file ')) shown.push(`[${shownName(line)}]`);
      continue;
    }
    const path = line.slice(0, end).replace(/^\.\//, '');
    if (path !== file) shown.push(shownName(path));
    file = path;
    shown.push(`${number}${sign} ${cutLine(text)}`);
  }
  return shown;
}

/** Where output was left out, two halves of paths stand in one line. */
function filesIn({ stdout }: ExecResult, searched: Walked['found']): readonly string[] {
  const lines = new Set(linesOf(stdout));
  return searched.filter(({ path }) => lines.has(`./${path}`)).map(({ path }) => shownName(path));
}

function linesOf(stdout: Uint8Array): readonly string[] {
  const text = Buffer.from(stdout).toString('utf8');
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}

function cutLine(text: string): string {
  const line = text.endsWith('\r') ? text.slice(0, -1) : text;
  const { matchBytes } = SANDBOX_TOOL_LIMITS;
  return Buffer.byteLength(line) < matchBytes ? line : `${line.slice(0, matchBytes).toWellFormed()} […]`;
}

function problemsOf({ exceeded, stderr, stdoutOmitted }: ExecResult, timeoutMs: number): readonly string[] {
  const said = [...new Set(linesOf(stderr))].slice(0, 5).map((line) => shownName(line.slice(0, 300)));
  return [
    ...(exceeded === 'timeoutMs' ? [`the search was ended after ${timeoutMs} ms: narrow "path" or the pattern`] : []),
    ...(exceeded !== null && exceeded !== 'timeoutMs' ? [`the search was ended, it went over ${exceeded}`] : []),
    ...(stdoutOmitted > 0 ? ['matches in between were left out: narrow "path" or the pattern'] : []),
    ...said,
    // grep ends at the first file that its engine gives up on.
    ...(said.some((line) => line.includes('PCRE'))
      ? ['files after that one were not searched: make the pattern simpler']
      : []),
  ];
}

function shownResult(lines: readonly string[], none: string, notes: readonly string[]): string {
  const first = firstLines(lines, SANDBOX_TOOL_LIMITS.matches);
  const left = lines.length - first.length;
  const shown = first.length > 0 ? first : [none];
  return [
    ...shown,
    ...(left > 0 ? [`[${left} lines more: narrow "path" or the pattern, or ask for "filesOnly"]`] : []),
    ...notes.map((note) => `[${note}]`),
  ].join('\n');
}
