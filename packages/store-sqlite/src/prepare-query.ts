import type Database from 'better-sqlite3';

/**
 * Prepares a query that is planned once. SQLite as better-sqlite3 builds it looks at bound values when it plans, and then plans again
 * at every execution, which makes a read by key ten times as slow. The value of a subquery it cannot see.
 */
export function prepareQuery<Values extends unknown[], Row = unknown>(
  db: Database.Database,
  sql: string,
): Database.Statement<Values, Row> {
  return db.prepare<Values, Row>(sql.replaceAll('?', '(select ?)'));
}

/** Several reads that see one state of the file. */
export function inOneState<T>(db: Database.Database, read: () => T): T {
  // A transaction that writes has one already.
  if (db.inTransaction) return read();
  db.exec('begin');
  try {
    return read();
  } finally {
    // Some errors end the transaction by themselves.
    if (db.inTransaction) db.exec('commit');
  }
}
