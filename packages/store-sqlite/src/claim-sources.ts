import type Database from 'better-sqlite3';
import type { ClaimQuery, RunKey, RunState, StoreTables } from '@prusik/core';
import type { Holders } from './holders.ts';
import { prepareQuery } from './prepare-query.ts';
import { selectState, toState, type StateRow } from './state-row.ts';

type Source = (query: ClaimQuery) => Iterable<RunState>;
type ClaimSources = Pick<StoreTables, 'ready' | 'timers' | 'leases' | 'deadlines'>;

/** One order in which a claim looks for runs: which they are, in SQL and of one state, along which index. */
interface Order {
  readonly which: string;
  readonly isOne: (state: RunState) => boolean;
  readonly by: string;
  readonly index: string;
}

/** Leaves out what the claim would pass over anyway, so that a queue full of other workers' definitions is not read row by row in JavaScript. */
const MAY_DRIVE = `(r.cancel <> 'none' or (r.definition, r.version) in
  (select value ->> 0, value ->> 1 from json_each(?)))`;

const OF_TREES = '(r.tenant, r.root) in (select value ->> 0, value ->> 1 from json_each(?)) and r.ended_at is null';

/** As its index says it, else the planner cannot prove it. */
export const HAS_DEADLINE =
  'r.deadline_at is not null and r.ended_at is null and r.block_code is null and r.in_queue = 0';

/** The orders in which a claim looks for runs, each along an index of its own and no further than the claim reads. */
export function createClaimSources(
  db: Database.Database,
  holders: Holders,
  find: (key: RunKey) => RunState | undefined,
): ClaimSources {
  const one = prepareQuery<[number], StateRow>(db, selectState('r.id = ?'));

  /**
   * `may` leaves rows out by the definitions of the query, where it is given. Runs of single trees stand in no index in this order: all of them are
   * sorted, by what they are sorted by and nothing else, and of what the claim then reads the state is found. A tree may have thousands.
   */
  function source({ which, isOne, by, index }: Order, may?: string): Source {
    const wanted = may === undefined ? which : `${which} and ${may}`;
    const order = `order by ${by}, r.id`;
    const all = prepareQuery<string[], StateRow>(db, `${selectState(wanted, index)} ${order}`);
    const inTrees = prepareQuery<string[], number>(
      db,
      `select r.id from runs r indexed by runs_tree where ${OF_TREES} and ${wanted} ${order}`,
    ).pluck();
    return function* among({ only, definitions }) {
      if (only !== undefined && 'run' in only) {
        const state = find(only.run);
        if (state !== undefined && isOne(state)) yield state;
        return;
      }
      const pairs = definitions.flatMap(({ name, versions }) => versions.map((version) => [name, version]));
      const known = may === undefined ? [] : [JSON.stringify(pairs)];
      if (only === undefined) {
        for (const row of all.iterate(...known)) yield toState(row);
        return;
      }
      const roots = JSON.stringify(only.roots.map(({ tenant, run }) => [tenant, run]));
      for (const id of inTrees.all(roots, ...known)) {
        const row = one.get(id);
        if (row !== undefined) yield toState(row);
      }
    };
  }

  const leases = source(
    {
      which: 'r.lease_until is not null',
      isOne: ({ leaseUntil }) => leaseUntil !== null,
      by: 'r.lease_until',
      index: 'runs_leases',
    },
    MAY_DRIVE,
  );
  return {
    ready: source(
      {
        which: 'r.ready_at is not null',
        isOne: ({ readyAt }) => readyAt !== null,
        by: 'r.priority desc, r.ready_at',
        index: 'runs_ready',
      },
      MAY_DRIVE,
    ),
    timers: source(
      {
        which: 'r.wake_at is not null',
        isOne: ({ wakeAt }) => wakeAt !== null,
        by: 'r.wake_at',
        index: 'runs_timers',
      },
      MAY_DRIVE,
    ),
    leases(query, now) {
      holders.expireDead(now);
      return leases(query);
    },
    deadlines: source({
      which: HAS_DEADLINE,
      isOne: ({ deadlineAt, endedAt, blocked, inQueue }) =>
        deadlineAt !== null && endedAt === null && blocked === null && !inQueue,
      by: 'r.deadline_at',
      index: 'runs_deadlines',
    }),
  };
}
