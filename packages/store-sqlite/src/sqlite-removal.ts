import type Database from 'better-sqlite3';
import type { StoreTables } from '@prusik/core';
import { prepareQuery } from './prepare-query.ts';

type Removal = Pick<StoreTables, 'hideRun' | 'hideSession' | 'deleteHidden' | 'deleteReplaced'>;
type Write = (statement: Database.Statement<unknown[]>, ...values: unknown[]) => Database.RunResult;

/** No tenant can be called so. What is hidden belongs to it, under its number as its name: so no query can find it, and its name is free. */
const HIDDEN = '';

/** Tables with many rows of one owner, and the column that names it. A session's owner number is its own with a minus sign. */
const OWNED = [
  ['entries', 'run'],
  ['inbox', 'run'],
  ['requests', 'run'],
  ['messages', 'thread'],
  ['blob_uses', 'owner'],
] as const;

export function createRemoval(db: Database.Database, write: Write): Removal {
  // Roots, parents and ends as well: what is on its way out needs no place in their indexes.
  const hideRun = db.prepare(
    `update runs set tenant = '${HIDDEN}', name = id, session = null, root = '', parent = null, parent_key = null, ended_at = null
     where id = ?`,
  );
  const hideSession = db.prepare(`update sessions set tenant = '${HIDDEN}', name = id where tenant = ? and name = ?`);
  const hiddenRun = first(db, 'runs');
  const hiddenSession = first(db, 'sessions');
  const owned = OWNED.map(([table, owner]) =>
    db.prepare(`delete from ${table} where rowid in (select rowid from ${table} where ${owner} = ? limit ?)`),
  );
  const rest = [
    db.prepare('delete from ledgers where run = ?'),
    db.prepare('delete from run_bodies where run = ?'),
    // Last: as long as it is there, what is left of it can be found, and no new run gets its number.
    db.prepare('delete from runs where id = ?'),
  ];
  const deleteSession = db.prepare('delete from sessions where id = ?');
  const deleteReplaced = db.prepare(
    `delete from messages where rowid in (select m.rowid from sessions s join messages m on m.thread = -s.id and m.n <= s.thread_floor
       where s.tenant = ? and s.name = ? limit ?)`,
  );

  /** How many of `rows` are left once nothing of this owner is. */
  function deleteOwned(owner: number, rows: number): number {
    let left = rows;
    for (const statement of owned) if (left > 0) left -= write(statement, owner, left).changes;
    return left;
  }

  return {
    hideRun: ({ number }) => void write(hideRun, number),
    hideSession: ({ key }) => void write(hideSession, key.tenant, key.session),
    deleteHidden(rows) {
      let left = rows;
      for (let run = hiddenRun.get(); run !== undefined; run = hiddenRun.get()) {
        left = deleteOwned(run, left);
        if (left <= 0) return true;
        for (const statement of rest) left -= write(statement, run).changes;
      }
      for (let session = hiddenSession.get(); session !== undefined; session = hiddenSession.get()) {
        left = deleteOwned(-session, left);
        if (left <= 0) return true;
        left -= write(deleteSession, session).changes;
      }
      return false;
    },
    deleteReplaced: ({ tenant, session }, rows) => write(deleteReplaced, tenant, session, rows).changes === rows,
  };
}

function first(db: Database.Database, table: 'runs' | 'sessions'): Database.Statement<[], number> {
  return prepareQuery<[], number>(db, `select id from ${table} where tenant = '${HIDDEN}' order by id limit 1`).pluck();
}
