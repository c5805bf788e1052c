/** One filter: its SQL, and the values for its places. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

export function equals(column: string, value: string | undefined): readonly Condition[] {
  return value === undefined ? [] : [{ sql: `${column} = ?`, values: [value] }];
}

export function oneOf(column: string, values: readonly string[] | undefined): readonly Condition[] {
  // Looked at row by row, one value is found sooner without a list.
  if (values?.length === 1) return equals(column, values[0]);
  return values === undefined
    ? []
    : [{ sql: `${column} in (select value from json_each(?))`, values: [JSON.stringify(values)] }];
}
