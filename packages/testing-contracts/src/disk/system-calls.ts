/** One finished call of the kernel, as `strace -f -v -xx` prints it. */
export interface SystemCall {
  readonly name: string;
  /** Its text between the brackets, with every string as `\x` codes. */
  readonly args: string;
  /** What it returned; negative where it failed. */
  readonly result: number;
}

const UNFINISHED = / <unfinished \.\.\.>$/;
const LINE = /^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$/;
const RESULT = /\) += (-?\d+|\?)/g;

/** Reads calls in the order in which they were finished; one that was under way at the end is none. */
export function* systemCalls(lines: Iterable<string>): Generator<SystemCall> {
  const begun = new Map<string, string>();
  for (const line of lines) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, thread = '', resumed, started, rest = ''] = match;
    if (UNFINISHED.test(rest)) {
      begun.set(thread, rest.replace(UNFINISHED, ''));
      continue;
    }
    const text = resumed === undefined ? rest : (begun.get(thread) ?? '') + rest;
    const last = [...text.matchAll(RESULT)].at(-1);
    const name = resumed ?? started;
    if (last === undefined || name === undefined) continue;
    yield { name, args: text.slice(0, last.index), result: last[1] === '?' ? -1 : Number(last[1]) };
  }
}

/** The bytes of each string among the arguments. */
export function stringsOf({ name, args }: SystemCall): readonly Buffer[] {
  return [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g)].map(([, codes = '', cut]) => {
    if (cut !== undefined) throw new Error(`A call of ${name} was recorded only in part`);
    return Buffer.from(codes.replaceAll('\\x', ''), 'hex');
  });
}

/** The arguments that are plain numbers, in order; strings, flags and structures are left out. */
export function numbersOf({ args }: SystemCall): readonly number[] {
  const plain = args.replaceAll(/"[^"]*"/g, '""').replaceAll(/\[.*\]/g, '[]');
  return plain
    .split(',')
    .map((part) => part.trim())
    .filter((part) => /^-?\d+$/.test(part))
    .map(Number);
}
