import type Database from 'better-sqlite3';
import { selectNote, toNote, type NoteRow } from './note-row.ts';
import { parseCursor, type Grant, type Page, type StoreReads } from '@prusik/core';
import { equals, oneOf, type Condition } from './conditions.ts';
import { selectGrant, toGrant, type GrantRow } from './grant-row.ts';
import { prepareQuery } from './prepare-query.ts';
import { createRunLists } from './run-lists.ts';
import { requestsSql } from './request-lists.ts';
import { toRequest, type RequestRow } from './request-row.ts';
import { createSessionLists } from './session-lists.ts';

type Lists = Pick<StoreReads, 'listSessions' | 'listRuns' | 'listNotes' | 'listRequests' | 'listGrants'>;

/** Lists with filters. There is one statement for each combination of filters that was asked for: some dozens at most. */
export function createLists(db: Database.Database): Lists {
  const statements = new Map<string, Database.Statement<(string | number)[]>>();

  function all<Row>(sql: string, values: Condition['values']): Row[] {
    const statement = statements.get(sql) ?? prepareQuery<(string | number)[]>(db, sql);
    statements.set(sql, statement);
    return statement.all(...values) as Row[];
  }

  function rows<Row>(
    select: (where: string) => string,
    conditions: readonly Condition[],
    order: string,
    limit: number,
  ): Row[] {
    const sql = `${select(conditions.map((condition) => condition.sql).join(' and '))} order by ${order} limit ?`;
    return all(sql, [...conditions.flatMap(({ values }) => values), limit]);
  }

  return {
    listSessions: createSessionLists(db),
    listRuns: createRunLists(db),
    listNotes({ tenant, session, run, definition, kind, after, limit }) {
      const cursor = parseCursor(after);
      const conditions = [
        { sql: 'n.tenant = ?', values: [tenant] },
        ...(session === undefined
          ? []
          : [{ sql: 'n.owner = (select -id from sessions where tenant = ? and name = ?)', values: [tenant, session] }]),
        ...(run === undefined
          ? []
          : [{ sql: 'n.run = (select id from runs where tenant = ? and name = ?)', values: [tenant, run] }]),
        ...equals('n.definition', definition),
        ...oneOf('n.kind', kind),
        ...(cursor === undefined ? [] : [{ sql: 'n.id < ?', values: [cursor] }]),
      ];
      return toPage(rows<NoteRow>(selectNote, conditions, 'n.id desc', limit + 1), limit, toNote);
    },
    listRequests(query) {
      const { sql, values } = requestsSql(query);
      return toPage(all<RequestRow>(sql, values), query.limit, toRequest);
    },
    listGrants({ tenant, holders, tool, active, now, after, limit }) {
      const cursor = parseCursor(after);
      const conditions = [
        { sql: 'g.tenant = ?', values: [tenant] },
        ...(holders === undefined ? [] : [ownedBy(tenant, holders)]),
        ...equals('g.tool', tool),
        ...(active === undefined
          ? []
          : [
              {
                sql: '(g.revoked is null and (g.expires_at is null or g.expires_at > ?)) = ?',
                values: [now, active ? 1 : 0],
              },
            ]),
        ...(cursor === undefined ? [] : [{ sql: 'g.id > ?', values: [cursor] }]),
      ];
      return toPage(rows<GrantRow>(selectGrant, conditions, 'g.id', limit + 1), limit, toGrant);
    },
  };
}

/** Numbers of the runs and sessions; nobody has the number of one that is not there. */
function ownedBy(tenant: string, holders: readonly Grant['scope'][]): Condition {
  const named = (of: string): string =>
    JSON.stringify(holders.flatMap((holder) => (holder.of === of ? [holder.id] : [])));
  return {
    sql: `g.owner in (select id from runs where tenant = ? and name in (select value from json_each(?))
      union all select -id from sessions where tenant = ? and name in (select value from json_each(?)))`,
    values: [tenant, named('run'), tenant, named('session')],
  };
}

/** One row more than asked for says that there is a next page. */
function toPage<Row extends { readonly id: number }, Item>(
  rows: readonly Row[],
  limit: number,
  show: (row: Row) => Item,
): Page<Item> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { items: shown.map(show), ...(rows.length > limit && last !== undefined ? { next: String(last.id) } : {}) };
}
