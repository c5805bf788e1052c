import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { PrusikError } from '@prusik/core';

/** A stream that may be a terminal. */
export type OutputStream = Writable & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>>;

/** The part of a stream that the program uses; handed in, so that a test can hold it. */
export interface Output {
  write(text: string): void;
  /** Resolves when there is room for more: whoever writes much waits for it, since what a slow reader has not taken is held in memory. Rejects with `signal`. */
  drained(signal: AbortSignal): Promise<void>;
  /** Resolves when all of it was taken; rejects with what it could not be written with. */
  flushed(): Promise<void>;
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
    flushed: () =>
      new Promise((resolve, reject) => {
        stream.write('', (error) => (error ? reject(outputError(error)) : resolve()));
      }),
    // 0 where the terminal does not know
    columns: isTTY ? stream.columns || 80 : Infinity,
    // https://no-color.org: any value but the empty one switches colours off
    colors: isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
  };
}

/** What a stream failed with, as one of our codes; where nobody reads any more, as it is. */
export function outputError(error: NodeJS.ErrnoException): Error {
  return error.code === 'EPIPE'
    ? error
    : new PrusikError('FILE_UNWRITABLE', `The output cannot be written: ${error.code}`, { cause: error });
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
  return escaped(JSON.stringify(value, undefined, indent));
}

/** Bytes that somebody has made, piece by piece, for a terminal: its lines are lines, and what drives it is written by its escape. */
export function terminalText(): (piece: string | Uint8Array) => string {
  const decoder = new TextDecoder();
  return (piece) => escaped(typeof piece === 'string' ? piece : decoder.decode(piece, { stream: true }));
}

function escaped(text: string): string {
  return text.replace(
    // oxlint-disable-next-line no-control-regex, no-misleading-character-class -- control characters and direction marks are what is escaped
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u200e\u200f\u061c\u2028-\u202e\u2066-\u2069]|\r(?!\n)/g,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
