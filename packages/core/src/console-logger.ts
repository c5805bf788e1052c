import { systemClock, type Clock } from './clock.ts';
import type { LogFields, Logger } from './logger.ts';

/** From the least to the most urgent. */
export type LogLevel = keyof Logger;

/** What {@link consoleLogger} takes. */
export interface ConsoleLoggerOptions {
  /** Lines below it are not written. @default 'info' */
  readonly level?: LogLevel;
  /** Takes a line, without its newline. @default `console.error`: standard output is the program's own */
  readonly write?: (line: string) => void;
  /** @default systemClock */
  readonly clock?: Clock;
}

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];
/** Of one text of a line, and of its fields. */
const TEXT_CHARS = 1_000;
const FIELDS = 64;
/** What every line says by itself. */
const OWN: ReadonlySet<string> = new Set(['time', 'level', 'event', 'message']);

/**
 * Writes one line of JSON for each event: `time`, `level`, `event`, `message`, then the fields. Texts are cut at 1,000 characters and fields after the 64th left out.
 *
 * @throws {TypeError} for a level that is none.
 */
export function consoleLogger(options: ConsoleLoggerOptions = {}): Logger {
  const { level = 'info', write = (line) => console.error(line), clock = systemClock } = options;
  const least = LEVELS.indexOf(level);
  if (least === -1) throw new TypeError(`The level of a logger is one of ${LEVELS.join(', ')}`);
  const writing =
    (at: LogLevel) =>
    (fields: LogFields, message: string): void => {
      if (LEVELS.indexOf(at) < least) return;
      const time = new Date(clock.now()).toISOString();
      const own = { time, level: at, event: cut(fields.event), message: cut(message) };
      write(JSON.stringify({ ...own, ...Object.fromEntries(told(fields)) }));
    };
  return { debug: writing('debug'), info: writing('info'), warn: writing('warn'), error: writing('error') };
}

function told(fields: LogFields): readonly (readonly [string, unknown])[] {
  return Object.entries(fields)
    .filter(([name, value]) => value !== undefined && !OWN.has(name))
    .slice(0, FIELDS)
    .map(([name, value]) => [cut(name), typeof value === 'string' ? cut(value) : value]);
}

const cut = (text: string): string =>
  text.length > TEXT_CHARS ? `${text.slice(0, TEXT_CHARS).toWellFormed()}…` : text;
