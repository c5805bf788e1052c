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
  /** `may` leaves rows out by the definitions of the query, where it is given. */
  function source({ which, isOne, by, index }: Order, may?: string): Source {
    const rows = (where: readonly string[], along: string) =>
      prepareQuery<string[], StateRow>(
        db,
        `${selectState([...where, which, ...(may === undefined ? [] : [may])].join(' and '), along)} order by ${by}, r.id`,
      );
    const all = rows([], index);
    const tree = rows([OF_TREES], 'runs_tree');
    return function* among({ only, definitions }) {
      if (only !== undefined && 'run' in only) {
        const state = find(only.run);
        if (state !== undefined && isOne(state)) yield state;
        return;
      }
      const pairs = definitions.flatMap(({ name, versions }) => versions.map((version) => [name, version]));
      const known = may === undefined ? [] : [JSON.stringify(pairs)];
      const found =
        only === undefined
          ? all.iterate(...known)
          : tree.iterate(JSON.stringify(only.roots.map(({ tenant, run }) => [tenant, run])), ...known);
      for (const row of found) yield toState(row);
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
