import type Database from 'better-sqlite3';
import type { ClaimQuery, RunKey, RunState, StoreTables } from '@prusik/core';
import type { Holders } from './holders.ts';
import { prepareQuery } from './prepare-query.ts';
import { selectState, toState, type StateRow } from './state-row.ts';

type Source = (query: ClaimQuery) => Iterable<RunState>;
type ClaimSources = Pick<StoreTables, 'ready' | 'timers' | 'leases'>;

/** Leaves out what the claim would pass over anyway, so that a queue full of other workers' definitions is not read row by row in JavaScript. */
const MAY_DRIVE = `(r.cancel <> 'none' or (r.definition, r.version) in
  (select value ->> 0, value ->> 1 from json_each(?)))`;

/** The orders in which a claim looks for runs, each along an index of its own and no further than the claim reads. */
export function createClaimSources(
  db: Database.Database,
  holders: Holders,
  find: (key: RunKey) => RunState | undefined,
): ClaimSources {
  function source(column: 'readyAt' | 'wakeAt' | 'leaseUntil', sql: string, order: string, index: string): Source {
    const all = prepareQuery<[string], StateRow>(
      db,
      `${selectState(`r.${sql} is not null and ${MAY_DRIVE}`, index)} order by ${order}, r.id`,
    );
    const tree = prepareQuery<[string, string], StateRow>(
      db,
      `${selectState(
        `(r.tenant, r.root) in (select value ->> 0, value ->> 1 from json_each(?)) and r.ended_at is null and r.${sql} is not null and ${MAY_DRIVE}`,
        'runs_tree',
      )} order by ${order}, r.id`,
    );
    return function* among({ only, definitions }) {
      if (only !== undefined && 'run' in only) {
        const state = find(only.run);
        if (state !== undefined && state[column] !== null) yield state;
        return;
      }
      const pairs = JSON.stringify(definitions.flatMap(({ name, versions }) => versions.map((v) => [name, v])));
      const rows =
        only === undefined
          ? all.iterate(pairs)
          : tree.iterate(JSON.stringify(only.roots.map(({ tenant, run }) => [tenant, run])), pairs);
      for (const row of rows) yield toState(row);
    };
  }

  const leases = source('leaseUntil', 'lease_until', 'r.lease_until', 'runs_leases');
  return {
    ready: source('readyAt', 'ready_at', 'r.priority desc, r.ready_at', 'runs_ready'),
    timers: source('wakeAt', 'wake_at', 'r.wake_at', 'runs_timers'),
    leases(query, now) {
      holders.expireDead(now);
      return leases(query);
    },
  };
}
