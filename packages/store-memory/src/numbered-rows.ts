/** Whatever has a number of its own in a list. */
export interface Numbered {
  readonly number: number;
}

/** The rows of each tenant, by number. Numbers rise, and none is given twice, so a cursor never points at another row than it did. */
export interface NumberedRows<Row extends Numbered> {
  nextNumber(): number;
  of(tenant: string): readonly Row[];
  add(tenant: string, row: Row): void;
  remove(tenant: string, row: Row): void;
  readonly size: number;
}

export function createNumberedRows<Row extends Numbered>(): NumberedRows<Row> {
  const tenants = new Map<string, Row[]>();
  let last = 0;
  let size = 0;
  return {
    nextNumber: () => (last += 1),
    of: (tenant) => tenants.get(tenant) ?? [],
    add(tenant, row) {
      const rows = tenants.get(tenant);
      if (rows === undefined) tenants.set(tenant, [row]);
      else rows.push(row);
      size += 1;
    },
    remove(tenant, row) {
      const rows = tenants.get(tenant) ?? [];
      const place = firstFrom(rows, row.number);
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

/** Binary search: where the rows of this number and higher ones begin. */
export function firstFrom(rows: readonly Numbered[], number: number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((rows[middle] as Numbered).number < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
