/** A command for `/bin/sh -c` that becomes the program: no shell stays between it and the signals that are sent to it. */
export function execCommand(file: string, args: readonly string[] = []): string {
  return ['exec', ...[file, ...args].map(quoted)].join(' ');
}

const quoted = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;
