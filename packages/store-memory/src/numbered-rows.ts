/** Whatever has a number of its own in a list. */
export interface Numbered {
  readonly number: number;
}

/** The rows of each tenant, by time and number. Numbers rise, and none is given twice, so a cursor never points at another row than it did. */
export interface NumberedRows<Row extends Numbered> {
  nextNumber(): number;
  of(tenant: string): readonly Row[];
  /** That have any. */
  tenants(): Iterable<string>;
  add(tenant: string, row: Row): void;
  remove(tenant: string, row: Row): void;
  readonly size: number;
}

/** By number alone where rows have no time of their own. */
export function createNumberedRows<Row extends Numbered>(timeOf: (row: Row) => number = () => 0): NumberedRows<Row> {
  const tenants = new Map<string, Row[]>();
  let last = 0;
  let size = 0;

  function placeIn(rows: readonly Row[], row: Row): number {
    const latest = rows.at(-1);
    if (latest !== undefined && isBefore(latest, row)) return rows.length;
    return firstWhere(rows, (other) => !isBefore(other, row));
  }

  function isBefore(a: Row, b: Row): boolean {
    return timeOf(a) < timeOf(b) || (timeOf(a) === timeOf(b) && a.number < b.number);
  }

  return {
    nextNumber: () => (last += 1),
    of: (tenant) => tenants.get(tenant) ?? [],
    tenants: () => tenants.keys(),
    add(tenant, row) {
      const rows = tenants.get(tenant);
      if (rows === undefined) tenants.set(tenant, [row]);
      // Times rise as numbers do, but for what was written with a time of long ago.
      else rows.splice(placeIn(rows, row), 0, row);
      size += 1;
    },
    remove(tenant, row) {
      const rows = tenants.get(tenant) ?? [];
      const place = placeIn(rows, row);
      if (rows[place] !== row) return;
      rows.splice(place, 1);
      if (rows.length === 0) tenants.delete(tenant);
      size -= 1;
    },
    get size() {
      return size;
    },
  };
}

/** Binary search: where the rows begin for which it holds; it holds for all behind them. */
export function firstWhere<Row>(rows: readonly Row[], holds: (row: Row) => boolean): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(rows[middle] as Row)) high = middle;
    else low = middle + 1;
  }
  return low;
}
