import { randomUUID } from 'node:crypto';
import type Database from 'better-sqlite3';
import { prepareQuery } from './prepare-query.ts';
import { isProvedDead, thisProcess, type ProcessIdentity } from './process-identity.ts';
import type { Written } from './written.ts';

/** Who holds leases in this file: one row for each open store that ever claimed. All but `anyDead` inside a transaction. */
export interface Holders {
  /** The number of this store's row, which is there from its first claim on. */
  self(): number;
  /** The transaction that may have made the row was rolled back. */
  forgetSelf(): void;
  /** Ends at `now` the leases of holders that are proved dead. */
  expireDead(now: number): void;
  /** Whether somebody died since; outside of a transaction. */
  anyDead(): boolean;
  /** Whether this store has a row to give up; outside of a transaction. */
  isThere(): boolean;
  /** Gives up what this store still holds: nothing can be written through it any more. */
  leave(now: number): void;
}

interface HolderRow {
  readonly id: number;
  readonly process: string;
}

export function createHolders(db: Database.Database, written: Pick<Written, 'anything'>): Holders {
  const me = thisProcess();
  // The same process may open the file twice, or again: each opening is a holder of its own.
  const text = JSON.stringify({ ...me, opening: randomUUID() });
  const insert = db.prepare('insert or ignore into holders (process) values (?)');
  const find = prepareQuery<[string], number>(db, 'select id from holders where process = ?').pluck();
  const others = prepareQuery<[string], HolderRow>(db, 'select id, process from holders where process <> ?');
  const remove = db.prepare('delete from holders where id = ?');
  const expire = db.prepare('update runs set lease_until = ? where lease_until > ? and holder = ?');

  let self: number | undefined;

  function end(id: number, now: number): void {
    written.anything = true;
    expire.run(now, now, id);
    remove.run(id);
  }

  function dead(): readonly HolderRow[] {
    return others.all(text).filter(({ process }) => isProvedDead(JSON.parse(process) as ProcessIdentity, me));
  }

  return {
    self() {
      if (self === undefined) {
        insert.run(text);
        self = find.get(text);
      }
      return self as number;
    },
    forgetSelf() {
      self = undefined;
    },
    expireDead(now) {
      for (const { id } of dead()) end(id, now);
    },
    anyDead: () => dead().length > 0,
    isThere: () => find.get(text) !== undefined,
    leave(now) {
      const id = find.get(text);
      if (id !== undefined) end(id, now);
    },
  };
}
