import type Database from 'better-sqlite3';
import { ARTIFACT_NOTE, type StoreTables } from '@prusik/core';
import { journal, thread } from './appended.ts';
import { keepNumber } from './last-numbers.ts';
import { prepareDelete, ROWS_A_STATEMENT, startPortion, type Portion, type Write } from './portion.ts';
import { prepareQuery } from './prepare-query.ts';

/** What a compacted run has no more, and which rows of a table that are. */
const TAKEN = [
  ['appended', `list = ${journal('?')}`],
  ['appended', `list = ${thread.run('?')}`],
  ['inbox', 'run = ?'],
  ['slots', 'owner = ?'],
  ['notes', `owner = ? and kind <> '${ARTIFACT_NOTE}'`],
] as const;

/** A run is flagged at once, and its rows go after that: reads look at the flag, so none sees half of a journal. */
export function createCompaction(
  db: Database.Database,
  write: Write,
): Pick<StoreTables, 'compactRun' | 'deleteCompacted'> {
  const flag = db.prepare(
    'update runs set compacted_at = ?, last_seq = ?, last_signal = ?, compacting = 1 where id = ?',
  );
  const dropQueued = db.prepare(
    'update run_bodies set queued_messages = null where run = ? and queued_messages is not null',
  );
  const release = db.prepare(
    `delete from blob_uses where owner = ?
       and blob not in (select id from blobs where tenant = ? and hash in (select value from json_each(?)))`,
  );
  const next = prepareQuery<[], number>(db, 'select id from runs where compacting = 1 order by id limit 1').pluck();
  const taken = TAKEN.map(([table, where]) => prepareDelete(db, table, where));
  const done = db.prepare('update runs set compacting = null where id = ?');
  const keepNotes = db.prepare(keepNumber('notes'));

  function deleteState(run: number, portion: Portion): boolean {
    return taken.every((statement) => portion.drain(() => write(statement, run, ROWS_A_STATEMENT).changes));
  }

  return {
    compactRun({ number, key, seq, inbox }, at, blobs) {
      write(flag, at, seq, inbox, number);
      write(dropQueued, number);
      write(release, number, key.tenant, JSON.stringify(blobs));
    },
    deleteCompacted(rows) {
      const portion = startPortion(rows);
      let run = next.get();
      if (run !== undefined) write(keepNotes);
      for (; run !== undefined; run = next.get()) {
        if (!deleteState(run, portion)) return true;
        portion.add(write(done, run).changes);
      }
      return false;
    },
  };
}
