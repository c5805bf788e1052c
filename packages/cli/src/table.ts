import { oneLine, paint, type Output } from './terminal.ts';

/** A value of a table; what is missing is shown as `-`. */
export type Cell = string | number | undefined;

/** Longest value of a column that is not the last. */
const WIDEST = 40;

/** Lines of a table for people: columns as wide as they need to be, the last one cut where the screen ends. */
export function tableLines(
  output: Pick<Output, 'colors' | 'columns'>,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): readonly string[] {
  const texts = rows.map((row) => row.map((cell) => (cell === undefined ? '-' : oneLine(String(cell)))));
  const widths = columns.map((name, at) =>
    Math.min(WIDEST, Math.max(name.length, ...texts.map((row) => [...(row[at] ?? '')].length))),
  );
  const line = (cells: readonly string[]): string => {
    const padded = cells.map((cell, at) =>
      at === columns.length - 1 ? cell : pad(output.columns === Infinity ? cell : cut(cell, WIDEST), widths[at] ?? 0),
    );
    return cut(padded.join('  '), output.columns).trimEnd();
  };
  return [paint(output, 'bold', line(columns.map((name) => name.toUpperCase()))), ...texts.map(line)];
}

/** By characters as people count them, near enough: a cut never leaves half of one. */
function cut(text: string, most: number): string {
  const characters = [...text];
  return characters.length <= most ? text : `${characters.slice(0, Math.max(0, most - 1)).join('')}…`;
}

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - [...text].length));
