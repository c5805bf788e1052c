import type Database from 'better-sqlite3';
import { ARTIFACT_NOTE, type StoreReads } from '@prusik/core';
import { journal, thread } from './appended.ts';
import { prepareQuery } from './prepare-query.ts';

/** SQLite knows the length of a text from the head of its row: what a text of many pages holds is not read. */
const bytesOf = (columns: string, from: string): string =>
  `coalesce((select sum(${columns
    .split(' ')
    .map((column) => `coalesce(octet_length(${column}), 0)`)
    .join(' + ')}) from ${from}), 0)`;

/** What a compaction takes; a run that is compacted has nothing of it, though rows may still be going. */
const STATE = `case when r.compacted_at is not null then 0 else ${[
  bytesOf('body', `appended where list in (${journal('r.id')}, ${thread.run('r.id')})`),
  bytesOf('body', 'inbox where run = r.id'),
  bytesOf('body', 'slots where owner = r.id'),
  bytesOf('body', `notes where owner = r.id and kind <> '${ARTIFACT_NOTE}'`),
].join(' + ')} end`;
const RECORD = [
  bytesOf('input context output error turn', 'run_bodies where run = r.id'),
  bytesOf('body schema decision', 'requests where run = r.id'),
  bytesOf('body', `notes where owner = r.id and kind = '${ARTIFACT_NOTE}'`),
].join(' + ');

export function createTreeBytes(db: Database.Database): StoreReads['treeBytes'] {
  const prepare = (sum: string): Database.Statement<[string, string], number> =>
    prepareQuery<[string, string], number>(
      db,
      `select coalesce(sum(${sum}), 0) from runs r indexed by runs_tree where r.tenant = ? and r.root = ?`,
    ).pluck();
  const [state, whole] = [prepare(STATE), prepare(`${STATE} + ${RECORD}`)];
  return (root, of) => (of.whole ? whole : state).get(root.tenant, root.run) ?? 0;
}
