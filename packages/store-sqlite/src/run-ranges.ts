import type Database from 'better-sqlite3';
import { FINAL_STATUSES, isFinal, type RunKind, type RunQuery, type RunStatus } from '@prusik/core';
import type { Condition } from './conditions.ts';
import { prepareQuery } from './prepare-query.ts';

/** A stretch of an index of `runs`. */
export interface RunRange {
  readonly index: string;
  /** The columns of the index in front of the time, spelled as the index does. */
  readonly given: Condition;
  /** Conditions of the query that hold for all of it. */
  readonly settles: readonly (keyof RunQuery)[];
}

/** Of two conditions the rarer one is gone along. More than so many of each are not counted. */
const COUNTED = 2_000;

const KINDS: readonly RunKind[] = ['workflow', 'agent', 'function'];
const LIVE: readonly RunStatus[] = ['queued', 'running', 'waiting', 'blocked'];

/** Where the runs of a query are looked for: in all of these together are all of them, each once. */
export function createRunRanges(db: Database.Database): (query: RunQuery) => readonly RunRange[] {
  const counts = new Map<string, Database.Statement<(string | number)[], number>>();
  const definitionsOf = names(db, 'definition', 'runs_definition', 'tenant = ? and kind = ?');
  const blockCodes = names(db, 'block_code', 'runs_blocked', 'tenant = ? and block_code is not null');

  /** How many there are, without what a range does not settle; {@link COUNTED} at most. */
  function count(ranges: readonly RunRange[]): number {
    let found = 0;
    for (const { index, given } of ranges) {
      const sql = `select count(*) from (select 1 from runs x indexed by ${index} where ${given.sql} limit ?)`;
      const statement = counts.get(sql) ?? prepareQuery<(string | number)[], number>(db, sql).pluck();
      counts.set(sql, statement);
      found += statement.get(...given.values, COUNTED - found) ?? 0;
      if (found >= COUNTED) break;
    }
    return found;
  }

  function byStatus({ tenant, status, blocked, roots }: RunQuery): readonly RunRange[] {
    const asked = blocked === undefined ? (status ?? [...LIVE, ...FINAL_STATUSES]) : ['blocked' as const];
    if (asked.every((one) => one === 'blocked') && asked.length > 0)
      return (blocked === undefined ? blockCodes(tenant) : [blocked]).map((code) => ({
        index: 'runs_blocked',
        given: { sql: 'x.tenant = ? and x.block_code = ?', values: [tenant, code] },
        settles: blocked === undefined ? ['status'] : ['blocked'],
      }));
    const final = new Set(asked.filter(isFinal));
    const isLive = asked.some((one) => LIVE.includes(one));
    const allLive = LIVE.every((one) => asked.includes(one));
    return flagsOf(roots).flatMap((flag): readonly RunRange[] => [
      ...(isLive
        ? [
            {
              index: 'runs_live',
              given: { sql: 'x.tenant = ? and (x.parent is null) = ? and x.ended_at is null', values: [tenant, flag] },
              settles: allLive ? (['status', 'roots'] as const) : (['roots'] as const),
            },
          ]
        : []),
      ...Array.from(final, (one) => ({
        index: 'runs_final',
        given: {
          sql: 'x.tenant = ? and x.status = ? and (x.parent is null) = ? and x.ended_at is not null',
          values: [tenant, one, flag],
        },
        settles: ['status', 'roots'] as const,
      })),
    ]);
  }

  function byDefinition({ tenant, kind = KINDS, definition, roots }: RunQuery): readonly RunRange[] {
    return [...new Set(kind)].flatMap((of) =>
      [...new Set(definition ?? definitionsOf(tenant, of))].flatMap((name) =>
        flagsOf(roots).map((flag) => ({
          index: 'runs_definition',
          given: {
            sql: 'x.tenant = ? and x.kind = ? and x.definition = ? and (x.parent is null) = ?',
            values: [tenant, of, name, flag],
          },
          settles: ['kind', 'definition', 'roots'] as const,
        })),
      ),
    );
  }

  /** What the conditions but for those of key leave, by the rarest of them; nothing where there is none. */
  function rarest(query: RunQuery): readonly RunRange[] | undefined {
    const asksStatus = query.status !== undefined || query.blocked !== undefined;
    const asksDefinition = query.definition !== undefined || query.kind !== undefined;
    if (!asksStatus) return asksDefinition ? byDefinition(query) : undefined;
    if (!asksDefinition) return byStatus(query);
    const [some, others] = [byDefinition(query), byStatus(query)];
    return count(some) < count(others) ? some : others;
  }

  return (query) => {
    const key = byKey(query);
    if (key !== undefined) return [key];
    if (query.time !== 'ended') return rarest(query) ?? byStatus(query);
    // What is live has no part in it, whatever was asked for.
    const ranges = rarest({ ...query, ...(query.status && { status: query.status.filter(isFinal) }) });
    return ranges !== undefined && count(ranges) < COUNTED ? ranges : byEnd(query);
  };
}

/** The runs of a parent, a tree or a session are few, next to all. */
function byKey({ tenant, parent, root, session, status }: RunQuery): RunRange | undefined {
  if (parent !== undefined) return keyed('parent', 'runs_parent', [tenant, parent]);
  if (root !== undefined) {
    const { given, ...range } = keyed('root', 'runs_tree', [tenant, root]);
    // Who asks for live ones of a tree wants to know how it stands, and it may have thousands that have ended.
    const live = status !== undefined && !status.some(isFinal);
    return { ...range, given: live ? { ...given, sql: `${given.sql} and x.ended_at is null` } : given };
  }
  return session === undefined ? undefined : keyed('session', 'runs_session', [tenant, session]);
}

function keyed(column: 'parent' | 'root' | 'session', index: string, values: readonly string[]): RunRange {
  return { index, given: { sql: `x.tenant = ? and x.${column} = ?`, values }, settles: [column] };
}

function byEnd({ tenant, roots }: RunQuery): readonly RunRange[] {
  return flagsOf(roots).map((flag) => ({
    index: 'runs_ended',
    given: { sql: 'x.tenant = ? and (x.parent is null) = ?', values: [tenant, flag] },
    settles: ['roots'],
  }));
}

/** Whether it is a root, as the indexes say it. */
function flagsOf(roots: boolean | undefined): readonly number[] {
  return roots === true ? [1] : [1, 0];
}

/** The different values of a column, one look into the index for each. */
function names(
  db: Database.Database,
  column: string,
  index: string,
  where: string,
): (...values: readonly string[]) => readonly string[] {
  const first = `(select min(${column}) from runs indexed by ${index} where ${where})`;
  const next = `(select min(${column}) from runs indexed by ${index} where ${where} and ${column} > found.name)`;
  const statement = prepareQuery<string[], string>(
    db,
    `with recursive found (name) as (select ${first} union all select ${next} from found where found.name is not null)
     select name from found where name is not null`,
  ).pluck();
  return (...values) => statement.all(...values, ...values);
}
