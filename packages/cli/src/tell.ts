import { isPrusikError } from '@prusik/core';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.ts';
import { tableLines, type Cell } from './table.ts';
import { jsonText, oneLine, paint, type Output } from './terminal.ts';

/** How a command tells what it has found: tables and lines for people, or one JSON object a line for programs. */
export interface Teller {
  readonly json: boolean;
  /** Rows of one kind. For a program each is an object of this `type`: `shown` of the row, else the row whole. */
  rows<T extends object>(
    type: string,
    rows: readonly T[],
    table: {
      readonly columns: readonly string[];
      cells(row: T): readonly Cell[];
      readonly shown?: (row: T) => object;
      readonly none: string;
    },
  ): void;
  /** One thing: for people these lines. */
  thing(type: string, value: object, lines: readonly string[]): void;
  /** For people alone. */
  hint(line: string): void;
  /** Text that is the answer itself, such as a diagram. */
  text(text: string): void;
  /** Room for more on stdout: see {@link Output.drained}. */
  drained(signal: AbortSignal): Promise<void>;
  /** On stderr. */
  warn(line: string): void;
  error(error: unknown): ExitCode;
}

const LONGEST_ERROR = 500;

export function createTeller(json: boolean, stdout: Output, stderr: Output): Teller {
  const put = (type: string, value: object): void => stdout.write(`${jsonText({ type, ...value })}\n`);
  const say = (line: string): void => stdout.write(`${line}\n`);
  return {
    json,
    rows(type, rows, { columns, cells, shown = (row) => row, none }) {
      if (json) for (const row of rows) put(type, shown(row));
      else if (rows.length === 0) say(none);
      else for (const line of tableLines(stdout, columns, rows.map(cells))) say(line);
    },
    thing(type, value, lines) {
      if (json) put(type, value);
      else for (const line of lines) say(oneLine(line));
    },
    hint: (line) => void (json || say(oneLine(line))),
    text: (text) => stdout.write(text),
    drained: (signal) => stdout.drained(signal),
    warn: (line) => stderr.write(`${paint(stderr, 'yellow', 'warning:')} ${oneLine(line)}\n`),
    error(error) {
      // A wrong argument of a port is one that somebody has typed.
      const unknown = error instanceof TypeError ? 'CLI_USAGE' : 'UNKNOWN_ERROR';
      const code = isPrusikError(error) ? error.code : unknown;
      const message = oneLine(error instanceof Error ? error.message : String(error)).slice(0, LONGEST_ERROR);
      if (json) put('error', { code, message });
      stderr.write(`${paint(stderr, 'red', 'error:')} ${message} (${code})\n`);
      return error instanceof TypeError ? EXIT.usage : exitCodeOf(error);
    },
  };
}

/** A time for people: UTC, to the second. */
export function timeText(at: number | undefined | null): string | undefined {
  if (at === undefined || at === null) return undefined;
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString().replace('T', ' ').slice(0, 19);
}

/** A length of time for people: `340 ms`, `12 s`, `5 min`, `3 h`, `4 d`. */
export function spanText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)} h` : `${Math.round(ms / 86_400_000)} d`;
}

export function bytesText(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`;
  return bytes < 1_048_576 ? `${(bytes / 1_024).toFixed(1)} KiB` : `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
