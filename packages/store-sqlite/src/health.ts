import { statSync } from 'node:fs';
import type Database from 'better-sqlite3';
import { HEALTH_LIMIT, type FinalStatus, type StoreHealth, type StoreReads } from '@prusik/core';
import { inOneState, prepareQuery } from './prepare-query.ts';

interface Oldest {
  readonly count: number;
  readonly oldest: number | null;
}

/** What is counted stands in an index, and one more than is counted says that there is more. */
const MOST = HEALTH_LIMIT + 1;

type Question =
  | 'live'
  | 'ended'
  | 'ready'
  | 'inSessions'
  | 'held'
  | 'past'
  | 'blocked'
  | 'due'
  | 'nextTimer'
  | 'requests'
  | 'recoveries'
  | 'blobs'
  | 'file';

export const HEALTH_SQL: Readonly<Record<Question, string>> = {
  live: `select count(*) from (select 1 from runs indexed by runs_live where ended_at is null and tenant > '' limit ${MOST})`,
  ended: `select coalesce(sum(status = 'completed'), 0) as completed, coalesce(sum(status = 'failed'), 0) as failed, coalesce(sum(status = 'cancelled'), 0) as cancelled
    from (select status from runs indexed by runs_final where ended_at is not null limit ${MOST})`,
  ready: `select count(*) as count, min(ready_at) as oldest from (select ready_at from runs indexed by runs_ready where ready_at is not null limit ${MOST})`,
  inSessions: `select count(*) from (select 1 from runs indexed by runs_queue where in_queue = 1 and ready_at is null limit ${MOST})`,
  held: 'select count(*) from runs indexed by runs_leases where lease_until is not null and lease_until > ?',
  past: 'select count(*) from runs indexed by runs_leases where lease_until is not null and lease_until <= ?',
  blocked: `select block_code as code, count(*) as count from (select block_code from runs indexed by runs_blocked where block_code is not null limit ${MOST}) group by block_code`,
  due: `select count(*) from (select 1 from runs indexed by runs_timers where wake_at is not null and wake_at <= ? limit ${MOST})`,
  nextTimer: 'select min(wake_at) from runs indexed by runs_timers where wake_at is not null and wake_at > ?',
  requests: `select count(*) as count, min(opened_at) as oldest from (select opened_at from requests indexed by requests_open
    where status = 'open' and (expires_at is null or expires_at > ?) limit ${MOST})`,
  recoveries: 'select count, at as lastAt from recoveries',
  blobs: `select count(*) as count, coalesce(sum(size), 0) as bytes from (select min(size) as size from blobs indexed by blobs_hash group by hash limit ${MOST})`,
  file: `select page_count * page_size as bytes, freelist_count * page_size as freeBytes, user_version as schemaVersion, number as generation
    from pragma_page_count, pragma_page_size, pragma_freelist_count, pragma_user_version, generation`,
};

export function createHealth(db: Database.Database): StoreReads['health'] {
  const one = <Values extends unknown[], Row>(sql: string): Database.Statement<Values, Row> =>
    prepareQuery<Values, Row>(db, sql);
  const live = one<[], number>(HEALTH_SQL.live).pluck();
  const ended = one<[], Readonly<Record<FinalStatus, number>>>(HEALTH_SQL.ended);
  const ready = one<[], Oldest>(HEALTH_SQL.ready);
  const inSessions = one<[], number>(HEALTH_SQL.inSessions).pluck();
  const held = one<[number], number>(HEALTH_SQL.held).pluck();
  const past = one<[number], number>(HEALTH_SQL.past).pluck();
  const blocked = one<[], { readonly code: string; readonly count: number }>(HEALTH_SQL.blocked);
  const due = one<[number], number>(HEALTH_SQL.due).pluck();
  const nextTimer = one<[number], number | null>(HEALTH_SQL.nextTimer).pluck();
  const requests = one<[number], Oldest>(HEALTH_SQL.requests);
  const recoveries = one<[], StoreHealth['recoveries']>(HEALTH_SQL.recoveries);
  const blobs = one<[], StoreHealth['blobs']>(HEALTH_SQL.blobs);
  const file = one<[], Omit<Required<StoreHealth>['file'], 'logBytes'>>(HEALTH_SQL.file);

  return ({ now }) =>
    inOneState(db, () => {
      const none: Oldest = { count: 0, oldest: null };
      const queue = ready.get() ?? none;
      const asked = requests.get(now) ?? none;
      const byCode = Object.fromEntries(blocked.all().map(({ code, count }) => [code, count]));
      const leases = { held: held.get(now) ?? 0, past: past.get(now) ?? 0 };
      const counts = {
        queued: queue.count + (inSessions.get() ?? 0),
        running: leases.held + leases.past,
        blocked: sum(Object.values(byCode)),
      };
      const all = live.get() ?? 0;
      const final = ended.get() ?? { completed: 0, failed: 0, cancelled: 0 };
      const since = (time: number | null): number | null => (time === null ? null : Math.max(0, now - time));
      const stored = file.get();
      return {
        at: now,
        isWhole: [all, sum(Object.values(final)), asked.count].every((count) => count <= HEALTH_LIMIT),
        runs: { ...counts, waiting: Math.max(0, all - sum(Object.values(counts))), ...final },
        queue: { ready: queue.count, inSessions: counts.queued - queue.count, oldestMs: since(queue.oldest) },
        leases,
        timers: { due: due.get(now) ?? 0, nextAt: nextTimer.get(now) ?? null },
        blocked: byCode,
        requests: { open: asked.count, oldestMs: since(asked.oldest) },
        recoveries: recoveries.get() ?? { count: 0, lastAt: null },
        blobs: blobs.get() ?? { count: 0, bytes: 0 },
        ...(stored === undefined ? {} : { file: { ...stored, logBytes: sizeOf(`${db.name}-wal`) } }),
      };
    });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
