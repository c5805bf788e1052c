import type Database from 'better-sqlite3';
import type { RunQuery, StoreReads } from '@prusik/core';
import { equals, oneOf, type Condition } from './conditions.ts';
import { prepareQuery } from './prepare-query.ts';
import { createRunRanges, type RunRange } from './run-ranges.ts';
import { selectSummary, toSummary, type SummaryRow } from './state-row.ts';
import { createTimedLists, inOrder, type Range } from './timed-lists.ts';

/** Runs by the time of their creation, or of their end. */
export function createRunLists(db: Database.Database): StoreReads['listRuns'] {
  const rangesOf = createRunRanges(db);
  const list = createTimedLists(db);
  const shown = prepareQuery<[string], SummaryRow>(db, selectSummary('r.id in (select value from json_each(?))'));

  return (query) =>
    list(
      query,
      () => rangesOf(query).map((range) => withRest(range, query)),
      (numbers) => inOrder(numbers, shown.all(JSON.stringify(numbers))).map(toSummary),
    );
}

/** With the conditions that the index of the range says nothing of. */
export function withRest({ index, given, settles }: RunRange, query: RunQuery): Range {
  const isEnd = query.time === 'ended';
  const { status, kind, definition, session, root, parent, roots, blocked } = query;
  const conditions: Readonly<Partial<Record<keyof RunQuery, readonly Condition[]>>> = {
    status: oneOf('x.status', status),
    kind: oneOf('x.kind', kind),
    definition: oneOf('x.definition', definition),
    session: equals('x.session', session),
    root: equals('x.root', root),
    parent: equals('x.parent', parent),
    roots: roots === true ? [{ sql: 'x.parent is null', values: [] }] : [],
    blocked: equals('x.block_code', blocked),
    time: isEnd ? [{ sql: 'x.ended_at is not null', values: [] }] : [],
  };
  const rest = Object.entries(conditions).flatMap(([name, of]) => (settles.some((one) => one === name) ? [] : of));
  return { table: 'runs', index, time: isEnd ? 'ended_at' : 'created_at', conditions: [given, ...rest] };
}
