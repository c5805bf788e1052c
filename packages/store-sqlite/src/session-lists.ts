import type Database from 'better-sqlite3';
import { SESSION_LIVES, type SessionQuery, type StoreReads } from '@prusik/core';
import { prepareQuery } from './prepare-query.ts';
import { selectSession, toSession, type SessionRow } from './session-row.ts';
import { createTimedLists, inOrder, type Range } from './timed-lists.ts';

/** Sessions by the time of their creation. */
export function createSessionLists(db: Database.Database): StoreReads['listSessions'] {
  const list = createTimedLists(db);
  const shown = prepareQuery<[string], SessionRow>(db, selectSession('s.id in (select value from json_each(?))'));

  return (query) =>
    list(
      query,
      () => sessionRanges(query),
      (numbers) => inOrder(numbers, shown.all(JSON.stringify(numbers))).map(toSession),
    );
}

/** One for each state. */
export function sessionRanges({ tenant, state = SESSION_LIVES }: SessionQuery): readonly Range[] {
  return Array.from(new Set(state), (one) => ({
    table: 'sessions',
    index: 'sessions_list',
    time: 'created_at',
    conditions: [{ sql: 'x.tenant = ? and x.state = ?', values: [tenant, one] }],
  }));
}
