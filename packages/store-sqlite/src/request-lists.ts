import { parseCursor, type At, type RequestQuery } from '@prusik/core';
import { equals, oneOf, type Condition } from './conditions.ts';
import { selectRequest } from './request-row.ts';

/** One page of requests, and one row more that says whether there is a next. */
export function requestsSql(query: RequestQuery & At): Condition {
  const { tenant, status, kind, run, root, session, definition, by, order, now, after, limit } = query;
  const cursor = parseCursor(after);
  const conditions: readonly Condition[] = [
    { sql: 'q.tenant = ?', values: [tenant] },
    ...requestStatus(status, now),
    ...oneOf('q.kind', kind),
    ...(run === undefined
      ? []
      : [{ sql: 'q.run = (select id from runs where tenant = ? and name = ?)', values: [tenant, run] }]),
    ...equals('q.root', root),
    // Of a tree's root.
    ...(session === undefined
      ? []
      : [{ sql: 'q.root in (select name from runs where tenant = ? and session = ?)', values: [tenant, session] }]),
    ...equals('r.definition', definition),
    ...(by === undefined ? [] : [{ sql: "q.decision is not null and q.decision ->> '$.by' = ?", values: [by] }]),
    ...(cursor === undefined ? [] : [{ sql: `q.id ${order === 'newest' ? '<' : '>'} ?`, values: [cursor] }]),
  ];
  const where = conditions.map(({ sql }) => sql).join(' and ');
  return {
    sql: `${selectRequest(where, indexFor(query))} order by q.id ${order === 'newest' ? 'desc' : 'asc'} limit ?`,
    values: [...conditions.flatMap(({ values }) => values), limit + 1],
  };
}

/** Left to itself the planner goes through all of the tenant's, since they are in order. */
function indexFor({ run, root, session, by, status }: RequestQuery): string {
  // That of `unique (run, name)`.
  if (run !== undefined) return 'sqlite_autoindex_requests_1';
  if (root !== undefined || session !== undefined) return 'requests_tree';
  if (by !== undefined) return 'requests_by';
  return isOpenOnly(status) ? 'requests_open' : 'requests_list';
}

function isOpenOnly(status: RequestQuery['status']): boolean {
  return status?.length === 1 && status[0] === 'open';
}

/** The open ones are spelled out as their partial index does, else the planner cannot use it. */
function requestStatus(status: RequestQuery['status'], now: number): readonly Condition[] {
  if (status === undefined) return [];
  if (isOpenOnly(status))
    return [{ sql: "q.status = 'open' and (q.expires_at is null or q.expires_at > ?)", values: [now] }];
  return [
    {
      sql: `case when q.status = 'open' and q.expires_at <= ? then 'expired' else q.status end in (select value from json_each(?))`,
      values: [now, JSON.stringify(status)],
    },
  ];
}
