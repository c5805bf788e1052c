import type Database from 'better-sqlite3';
import { selectNote, toNote, type NoteRow } from './note-row.ts';
import { parseCursor, type Grant, type Page, type StoreReads } from '@prusik/core';
import { selectGrant, toGrant, type GrantRow } from './grant-row.ts';
import { prepareQuery } from './prepare-query.ts';
import { selectRequest, toRequest, type RequestRow } from './request-row.ts';
import { selectSession, toSession, type SessionRow } from './session-row.ts';
import { selectRun, toRun, type RunRow } from './state-row.ts';

/** One filter: its SQL, and the values for its places. */
interface Condition {
  readonly sql: string;
  readonly values: readonly (string | number)[];
}

type Lists = Pick<StoreReads, 'listSessions' | 'listRuns' | 'listNotes' | 'listRequests' | 'listGrants'>;

/** Lists with filters. There is one statement for each combination of filters that was asked for: some dozens at most. */
export function createLists(db: Database.Database): Lists {
  const statements = new Map<string, Database.Statement<(string | number)[]>>();

  function rows<Row>(
    select: (where: string) => string,
    conditions: readonly Condition[],
    order: string,
    limit: number,
  ): Row[] {
    const sql = `${select(conditions.map((condition) => condition.sql).join(' and '))} order by ${order} limit ?`;
    const statement = statements.get(sql) ?? prepareQuery<(string | number)[]>(db, sql);
    statements.set(sql, statement);
    return statement.all(...conditions.flatMap(({ values }) => values), limit) as Row[];
  }

  return {
    listSessions({ tenant, state, after, limit }) {
      const cursor = parseCursor(after);
      const conditions = [
        { sql: 's.tenant = ?', values: [tenant] },
        ...oneOf('s.state', state),
        ...(cursor === undefined ? [] : [{ sql: 's.id < ?', values: [cursor] }]),
      ];
      return toPage(rows<SessionRow>(selectSession, conditions, 's.id desc', limit + 1), limit, toSession);
    },
    listRuns({ tenant, status, definition, session, root, parent, after, limit }) {
      const cursor = parseCursor(after);
      const conditions = [
        { sql: 'r.tenant = ?', values: [tenant] },
        ...oneOf('r.status', status),
        ...equals('r.definition', definition),
        ...equals('r.session', session),
        ...equals('r.root', root),
        ...equals('r.parent', parent),
        ...(cursor === undefined ? [] : [{ sql: 'r.id < ?', values: [cursor] }]),
      ];
      const found = rows<RunRow>(selectRun, conditions, 'r.id desc', limit + 1);
      return toPage(found, limit, toRun);
    },
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
    listRequests({ tenant, status, kind, run, root, session, definition, by, now, after, limit }) {
      const cursor = parseCursor(after);
      const conditions = [
        { sql: 'q.tenant = ?', values: [tenant] },
        ...requestStatus(status, now),
        ...oneOf('q.kind', kind),
        ...(run === undefined
          ? []
          : [{ sql: 'q.run = (select id from runs where tenant = ? and name = ?)', values: [tenant, run] }]),
        ...equals('q.root', root),
        ...equals('coalesce(r.session, t.session)', session),
        ...equals('r.definition', definition),
        ...equals("q.decision ->> '$.by'", by),
        ...(cursor === undefined ? [] : [{ sql: 'q.id > ?', values: [cursor] }]),
      ];
      const found = rows<RequestRow>(selectRequest, conditions, 'q.id', limit + 1);
      return toPage(found, limit, toRequest);
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

/** The open ones are spelled out as their partial index does, else the planner cannot use it. */
function requestStatus(status: readonly string[] | undefined, now: number): readonly Condition[] {
  if (status === undefined) return [];
  if (status.length === 1 && status[0] === 'open')
    return [{ sql: "q.status = 'open' and (q.expires_at is null or q.expires_at > ?)", values: [now] }];
  return [
    {
      sql: `case when q.status = 'open' and q.expires_at <= ? then 'expired' else q.status end in (select value from json_each(?))`,
      values: [now, JSON.stringify(status)],
    },
  ];
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

function equals(column: string, value: string | undefined): readonly Condition[] {
  return value === undefined ? [] : [{ sql: `${column} = ?`, values: [value] }];
}

function oneOf(column: string, values: readonly string[] | undefined): readonly Condition[] {
  return values === undefined
    ? []
    : [{ sql: `${column} in (select value from json_each(?))`, values: [JSON.stringify(values)] }];
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
