/** Tables whose numbers are cursors, and so are never given twice. */
export const NUMBERED = ['runs', 'sessions', 'requests', 'notes', 'grants'] as const;

/** SQL for the next row's number. */
export function nextNumber(table: (typeof NUMBERED)[number]): string {
  return `(select 1 + max(coalesce((select max(id) from ${table}), 0), (select number from last_numbers where of = '${table}')))`;
}

/** SQL that keeps the highest number, for before rows are deleted. */
export function keepNumber(table: (typeof NUMBERED)[number]): string {
  return `update last_numbers set number = max(number, coalesce((select max(id) from ${table}), 0)) where of = '${table}'`;
}
