import { numbered } from './edit-text.ts';

/** Lines of a text that was not found that are looked for in another form, and comparisons for it. */
const COMPARED_LINES = 50;
const COMPARISONS = 1_000_000;
const SHOWN = 1_200;

/** What is there where a text was not found, as far as it can be told: what a model mostly gets wrong is not what the text says. */
export function describeMiss(file: Buffer, text: string): string {
  if (/^[ \t]*\d+\t/m.test(text) && findLoosely(file, text.replaceAll(/^[ \t]*\d+\t/gm, '')) !== undefined)
    return 'It stands there without the line numbers that read shows: leave them out.';
  const near = findLoosely(file, text);
  if (near !== undefined)
    return `These lines differ from it in spaces, indentation or the form of characters only; copy them exactly:\n${numbered(file, near.from, near.to, SHOWN)}`;
  const first = text.split('\n').find((line) => line.trim() !== '');
  const begins = first === undefined ? undefined : findLoosely(file, first);
  if (begins !== undefined && text.includes('\n'))
    return `Its first line stands there, but what follows is another:\n${numbered(file, begins.from, begins.from + 9, SHOWN)}`;
  return 'Nothing like it stands there: read the file again, or find the place with grep.';
}

/** Lines that say the same but for spaces and the form of characters. */
function findLoosely(file: Buffer, text: string): { readonly from: number; readonly to: number } | undefined {
  const wanted = text.trim().split('\n').slice(0, COMPARED_LINES).map(loosened);
  if (wanted.every((line) => line === '')) return undefined;
  const lines = file.toString('utf8').split('\n');
  const known: string[] = [];
  const loosenedLine = (at: number): string => (known[at] ??= loosened(lines[at] ?? ''));
  let left = COMPARISONS;
  for (let from = 0; from + wanted.length <= lines.length && left > 0; from += 1) {
    const same = wanted.every((line, index) => {
      left -= 1;
      return loosenedLine(from + index) === line;
    });
    if (same) return { from: from + 1, to: from + wanted.length };
  }
  return undefined;
}

/** Only lines that a person would look at: what is longer is compared by its start. */
const loosened = (line: string): string =>
  line
    .slice(0, 2_000)
    .normalize('NFKC')
    .replaceAll(/[‘’‚‛]/g, "'")
    .replaceAll(/[“”„‟]/g, '"')
    .replaceAll(/[‐‑‒–—−]/g, '-')
    .replaceAll(/\s+/g, '');
