import type { Result } from './measure.ts';

const HEADER = ['scenario', 'subject', 'unit', 'min', 'median', 'max', 'floor', 'ratio', 'goal', ''] as const;
/** Columns of words; the others are numbers, which stand under each other by their ends. */
const WORDS = new Set([0, 1, 2, 8, 9]);

/** A table of Markdown, aligned, so that it can be read on a terminal and pasted into a document. */
export function table(results: readonly Result[]): string {
  const rows = results.map(({ row, goal }) => [
    row.scenario,
    row.subject,
    row.unit,
    figure(row.min),
    figure(row.median),
    figure(row.max),
    row.floor === null ? '–' : figure(row.floor),
    row.ratio === null ? '–' : `${row.ratio.toFixed(2)} ×`,
    goal?.text ?? '–',
    goal === undefined ? '' : goal.isMet(row) ? 'met' : 'missed',
  ]);
  const widths = HEADER.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => (WORDS.has(at) ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, at) => (WORDS.has(at) ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [HEADER, rule, ...rows].map((cells) => `${line(cells)}\n`).join('');
}

/** Three digits that count, and never less than whole units of what is large. */
function figure(value: number): string {
  const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 4));
}
