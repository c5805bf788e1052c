import type Database from 'better-sqlite3';
import type { StoreTables } from '@prusik/core';
import { journal, thread } from './appended.ts';
import { keepNumber, NUMBERED } from './last-numbers.ts';
import { prepareDelete, ROWS_A_STATEMENT, startPortion, type Portion, type Write } from './portion.ts';
import { prepareQuery } from './prepare-query.ts';

type Removal = Pick<StoreTables, 'hideRun' | 'hideSession' | 'deleteHidden' | 'deleteReplaced'>;

/** No tenant can be called so. What is hidden belongs to it, under its number as its name: so no query can find it, and its name is free. */
export const HIDDEN_TENANT = '';

/** Other tables with many rows of one owner, and the column that names it. A session's owner number is its own with a minus sign. */
const OWNED = [
  ['inbox', 'run'],
  ['requests', 'run'],
  ['notes', 'owner'],
  ['slots', 'owner'],
  ['blob_uses', 'owner'],
  ['grants', 'owner'],
] as const;

export function createRemoval(db: Database.Database, write: Write): Removal {
  // Roots, parents and ends as well: what is on its way out needs no place in their indexes.
  const hideRun = db.prepare(
    `update runs set tenant = '${HIDDEN_TENANT}', name = id, session = null, root = '', parent = null, parent_key = null, ended_at = null
     where id = ?`,
  );
  const hideSession = db.prepare(
    `update sessions set tenant = '${HIDDEN_TENANT}', name = id where tenant = ? and name = ?`,
  );
  const hiddenRun = first(db, 'runs');
  const hiddenSession = first(db, 'sessions');
  const ofAny = OWNED.map(([table, owner]) => prepareDelete(db, table, `${owner} = ?`));
  const ofList = (list: string): Database.Statement<unknown[]> => prepareDelete(db, 'appended', `list = ${list}`);
  const owned = {
    run: [ofList(journal('?')), ofList(thread.run('?')), ...ofAny],
    session: [ofList(thread.session('?')), ...ofAny],
  };
  const rest = [
    db.prepare('delete from ledgers where run = ?'),
    db.prepare('delete from run_bodies where run = ?'),
    // Last: as long as it is there, what is left of it can be found, and no new run gets its number.
    db.prepare('delete from runs where id = ?'),
  ];
  const keepNumbers = NUMBERED.map((table) => db.prepare(keepNumber(table)));
  const deleteSession = db.prepare('delete from sessions where id = ?');
  const deleteReplaced = prepareQuery(
    db,
    `delete from appended where rowid in (select m.rowid from sessions s join appended m on m.list = ${thread.session('-s.id')} and m.n <= s.thread_floor
       where s.tenant = ? and s.name = ? limit ?)`,
  );

  /** Deletes what hangs on an owner, and tells whether nothing is left. */
  function deleteOwned(of: 'run' | 'session', owner: number, portion: Portion): boolean {
    return owned[of].every((statement) => portion.drain(() => write(statement, owner, ROWS_A_STATEMENT).changes));
  }

  return {
    hideRun: ({ number }) => void write(hideRun, number),
    hideSession: ({ key }) => void write(hideSession, key.tenant, key.session),
    deleteHidden(rows) {
      const portion = startPortion(rows);
      for (const statement of keepNumbers) write(statement);
      for (let run = hiddenRun.get(); run !== undefined; run = hiddenRun.get()) {
        if (!deleteOwned('run', run, portion)) return true;
        for (const statement of rest) portion.add(write(statement, run).changes);
      }
      for (let session = hiddenSession.get(); session !== undefined; session = hiddenSession.get()) {
        if (!deleteOwned('session', -session, portion)) return true;
        portion.add(write(deleteSession, session).changes);
      }
      return false;
    },
    deleteReplaced({ tenant, session }, rows) {
      const portion = startPortion(rows);
      return !portion.drain(() => write(deleteReplaced, tenant, session, ROWS_A_STATEMENT).changes);
    },
  };
}

function first(db: Database.Database, table: 'runs' | 'sessions'): Database.Statement<[], number> {
  return prepareQuery<[], number>(db, `select id from ${table} where tenant = '${HIDDEN_TENANT}' limit 1`).pluck();
}
