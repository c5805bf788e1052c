import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** A stream that may be a terminal. */
export type OutputStream = Writable & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>>;

/** The part of a stream that the program uses; handed in, so that a test can hold it. */
export interface Output {
  write(text: string): void;
  /** Resolves when there is room for more: whoever writes much waits for it, since what a slow reader has not taken is held in memory. Rejects with `signal`. */
  drained(signal: AbortSignal): Promise<void>;
  readonly colors: boolean;
  /** Characters of a line; `Infinity` where nobody looks at a screen. */
  readonly columns: number;
}

export function outputOf(stream: OutputStream, env: NodeJS.ProcessEnv): Output {
  const isTTY = stream.isTTY === true;
  return {
    write: (text) => void stream.write(text),
    async drained(signal) {
      if (stream.writableNeedDrain) await once(stream, 'drain', { signal });
    },
    // 0 where the terminal does not know
    columns: isTTY ? stream.columns || 80 : Infinity,
    // https://no-color.org: any value but the empty one switches colours off
    colors: isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
  };
}

type Style = 'bold' | 'dim' | 'red' | 'yellow';
const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  yellow: [33, 39],
};

export function paint(output: Pick<Output, 'colors'>, style: Style, text: string): string {
  const [on, off] = CODES[style];
  return output.colors ? `\u001b[${on}m${text}\u001b[${off}m` : text;
}

/** Untrusted text for a terminal, on one line: names, ids and content may have been written by a model. */
export function oneLine(text: string): string {
  return (
    text
      .replace(/[\r\n\t\u2028\u2029]+/g, ' ')
      // oxlint-disable-next-line no-control-regex, no-misleading-character-class -- control characters and direction marks are what is taken out
      .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]/g, '')
  );
}

/** JSON that drives no terminal: what {@link oneLine} takes out is written by its escape, which says the same. */
export function jsonText(value: object, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(
    // oxlint-disable-next-line no-control-regex, no-misleading-character-class -- control characters and direction marks are what is escaped
    /[\u007f-\u009f\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069]/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
