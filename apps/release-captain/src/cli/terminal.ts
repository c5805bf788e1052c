/** The parts of a terminal, or of a pipe, that the program uses; handed in, so that a test can hold them. */
export interface Output {
  write(text: string): void;
  readonly isTTY: boolean;
  readonly columns: number;
  readonly rows: number;
  readonly colors: boolean;
}

export function outputOf(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Output {
  const isTTY = stream.isTTY === true;
  return {
    write: (text) => void stream.write(text),
    isTTY,
    get columns() {
      // 0 where the terminal does not know
      return stream.columns || 80;
    },
    get rows() {
      return stream.rows || 24;
    },
    // https://no-color.org: any value but the empty one switches colours off
    colors: isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
  };
}

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow';
const CODES: Readonly<Record<Style, readonly [number, number]>> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
};

export function paint(output: Pick<Output, 'colors'>, style: Style, text: string): string {
  const [on, off] = CODES[style];
  return output.colors ? `\u001b[${on}m${text}\u001b[${off}m` : text;
}

/** Untrusted text for a terminal: what would drive it is taken out, lines stay. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex, no-misleading-character-class -- control characters and direction marks are what is taken out
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '');
}
