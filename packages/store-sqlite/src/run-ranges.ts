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

/** The same for what is worked at, of which each has to be looked at to be counted. */
const WORK_COUNTED = 500;

const KINDS: readonly RunKind[] = ['workflow', 'agent', 'function'];
const LIVE: readonly RunStatus[] = ['queued', 'running', 'waiting', 'blocked'];

/** Where the runs of a query are looked for: in all of these together are all of them, each once. */
export function createRunRanges(db: Database.Database): (query: RunQuery) => readonly RunRange[] {
  const counts = new Map<string, Database.Statement<(string | number)[], number>>();
  const definitionsOf = names(db, 'definition', 'runs_definition', 'tenant = ? and kind = ?');
  const blockCodes = names(db, 'block_code', 'runs_blocked', 'tenant = ? and block_code is not null');

  /** How many there are, without what a range does not settle; `most` at most. */
  function count(ranges: readonly RunRange[], most: number = COUNTED): number {
    let found = 0;
    for (const { index, given } of ranges) {
      const sql = `select count(*) from (select 1 from runs x indexed by ${index} where ${given.sql} limit ?)`;
      const statement = counts.get(sql) ?? prepareQuery<(string | number)[], number>(db, sql).pluck();
      counts.set(sql, statement);
      found += statement.get(...given.values, most - found) ?? 0;
      if (found >= most) break;
    }
    return found;
  }

  /** Whatever is asked of blocked runs alone. */
  function byCode({ tenant, blocked }: RunQuery): readonly RunRange[] {
    return (blocked === undefined ? blockCodes(tenant) : [blocked]).map((code) => ({
      index: 'runs_blocked',
      given: { sql: 'x.tenant = ? and x.block_code = ?', values: [tenant, code] },
      settles: blocked === undefined ? ['status'] : ['blocked'],
    }));
  }

  /** Of live statuses each but `waiting` has an index that a claim goes along, or a blocked run stands in: of all tenants, and in another order. */
  function byWork(query: RunQuery, asked: readonly RunStatus[]): readonly RunRange[] {
    const of = (index: string, sql: string): RunRange => ({
      index,
      given: { sql: `${sql} and x.tenant = ?`, values: [query.tenant] },
      settles: ['status'],
    });
    return [
      ...(asked.includes('running') ? [of('runs_leases', 'x.lease_until is not null')] : []),
      ...(asked.includes('queued')
        ? [of('runs_ready', 'x.ready_at is not null'), of('runs_queue', 'x.in_queue = 1 and x.ready_at is null')]
        : []),
      ...(asked.includes('blocked') ? byCode(query) : []),
    ];
  }

  function byStatus(query: RunQuery): readonly RunRange[] {
    const { tenant, status, blocked, roots } = query;
    const asked = blocked === undefined ? (status ?? [...LIVE, ...FINAL_STATUSES]) : ['blocked' as const];
    const live = LIVE.filter((one) => asked.includes(one));
    const final = FINAL_STATUSES.filter((one) => asked.includes(one));
    return [
      ...liveRanges(query, live),
      ...flagsOf(roots).flatMap((flag) => final.map((one) => finalRange(tenant, one, flag))),
    ];
  }

  function liveRanges(query: RunQuery, asked: readonly RunStatus[]): readonly RunRange[] {
    if (asked.length === 0) return [];
    if (asked.every((one) => one === 'blocked')) return byCode(query);
    // What is worked at is few beside what is parked, and is found at once; where it is many, it is met soon on the way.
    const work = asked.includes('waiting') ? undefined : byWork(query, asked);
    if (work !== undefined && count(work, WORK_COUNTED) < WORK_COUNTED) return work;
    return flagsOf(query.roots).map((flag) => ({
      index: 'runs_live',
      given: {
        sql: 'x.tenant = ? and (x.parent is null) = ? and x.ended_at is null',
        values: [query.tenant, flag],
      },
      settles: LIVE.every((one) => asked.includes(one)) ? ['status', 'roots'] : ['roots'],
    }));
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

function finalRange(tenant: string, status: RunStatus, flag: number): RunRange {
  return {
    index: 'runs_final',
    given: {
      sql: 'x.tenant = ? and x.status = ? and (x.parent is null) = ? and x.ended_at is not null',
      values: [tenant, status, flag],
    },
    settles: ['status', 'roots'],
  };
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
