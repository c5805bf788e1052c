import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RequestQuery, RunQuery } from '@prusik/core';
import { sqliteStore } from '../src/index.ts';
import { withRest } from '../src/run-lists.ts';
import { createRunRanges } from '../src/run-ranges.ts';
import { selectSummary } from '../src/state-row.ts';
import { placesSql } from '../src/timed-lists.ts';
import { requestsSql } from '../src/request-lists.ts';
import { sessionRanges } from '../src/session-lists.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** What each condition alone is looked up by. */
const CONDITIONS: Readonly<Record<string, readonly [query: Partial<RunQuery>, indexes: readonly string[]]>> = {
  nothing: [{}, ['runs_final', 'runs_live']],
  'live statuses': [{ status: ['queued', 'running', 'waiting'] }, ['runs_live']],
  'final statuses': [{ status: ['failed', 'cancelled'] }, ['runs_final']],
  'a status of each': [{ status: ['waiting', 'completed'] }, ['runs_final', 'runs_live']],
  blocked: [{ status: ['blocked'] }, ['runs_blocked']],
  'the code of a block': [{ blocked: 'STEP_IN_DOUBT' }, ['runs_blocked']],
  'a definition': [{ definition: ['order'] }, ['runs_definition']],
  'several definitions': [{ definition: ['order', 'refund', 'unknown'] }, ['runs_definition']],
  'a kind': [{ kind: ['workflow'] }, ['runs_definition']],
  roots: [{ roots: true }, ['runs_final', 'runs_live']],
  'a session': [{ session: 's' }, ['runs_session']],
  'a parent': [{ parent: 'r' }, ['runs_parent']],
  'a root': [{ root: 'r' }, ['runs_tree']],
  'a time of creation': [{ since: 1, before: 9 }, ['runs_final', 'runs_live']],
  'a time of the end': [{ time: 'ended', since: 1, before: 9 }, ['runs_ended']],
};
const names = Object.keys(CONDITIONS);

describe('what a list reads', () => {
  const directory = temporaryDirectory();
  const path = join(directory.path, 'store.db');
  let db: Database.Database;
  let rangesOf: ReturnType<typeof createRunRanges>;

  beforeAll(async () => {
    await sqliteStore({ path })[Symbol.asyncDispose]();
    db = new Database(path);
    // Kinds and codes are looked up among what there is.
    const run = db.prepare(
      `insert into runs (tenant, name, kind, definition, version, input_hash, root, depth, priority, created_at, status, epoch, seen, lost, cancel, in_queue, block_code)
       values ('a', ?, 'workflow', ?, '1', '', 'r', 0, 0, 1, 'blocked', 0, 0, 0, 'none', 0, ?)`,
    );
    for (const [name, definition, code] of [
      ['r', 'order', 'STEP_IN_DOUBT'],
      ['s', 'refund', 'RUN_POISONED'],
    ])
      run.run(name, definition, code);
    rangesOf = createRunRanges(db);
  });
  afterAll(() => {
    db.close();
    directory.remove();
  });

  const plan = (sql: string): readonly string[] =>
    db
      .prepare(`explain query plan ${sql.replaceAll('?', '(select 1)')}`)
      .all()
      .map((row) => (row as { detail: string }).detail)
      .filter(
        (detail) =>
          !/^(SCALAR SUBQUERY|SCAN CONSTANT ROW|REUSE|LIST SUBQUERY|CREATE BLOOM|SCAN json_each)/.test(detail),
      );

  const plansOf = (query: Partial<RunQuery>): readonly string[] => {
    const whole: RunQuery = { tenant: 'a', limit: 50, ...query };
    return rangesOf(whole).map((range) => plan(placesSql(withRest(range, whole), whole)).join('\n'));
  };

  /** Along an index, at the place that the page begins at, and in its order. */
  const alongTime =
    /^SEARCH x USING (COVERING )?INDEX (\w+) \(tenant=\? AND [^)]*(created_at|ended_at)>\? AND (created_at|ended_at)<\?\)$/;

  it.each(names.filter((name) => name !== 'a root'))(
    'REC-1: a list by %s goes along indexes, from where its page begins',
    (name) => {
      const [query, indexes] = CONDITIONS[name] as (typeof CONDITIONS)[string];
      for (const order of ['newest', 'oldest'] as const) {
        const plans = plansOf({ ...query, order });
        expect(new Set(plans.map((read) => alongTime.exec(read)?.[2] ?? read))).toEqual(new Set(indexes));
      }
    },
  );

  it('REC-1: a list of a tree reads its runs, and for live statuses the live ones alone', () => {
    const sorted = '\nUSE TEMP B-TREE FOR ORDER BY';
    expect(plansOf({ root: 'r' })).toEqual([`SEARCH x USING COVERING INDEX runs_tree (tenant=? AND root=?)${sorted}`]);
    expect(plansOf({ root: 'r', status: ['queued', 'running'] })).toEqual([
      'SEARCH x USING INDEX runs_tree (tenant=? AND root=? AND ended_at=? AND created_at>? AND created_at<?)',
    ]);
  });

  it.each(names.flatMap((one) => names.filter((other) => one < other).map((other) => [one, other] as const)))(
    'REC-1: a list by %s and %s scans nothing',
    (one, other) => {
      const plans = plansOf({ ...CONDITIONS[one]?.[0], ...CONDITIONS[other]?.[0] });
      for (const read of plans) expect(read).toMatch(/^SEARCH x USING (COVERING )?INDEX runs_\w+ \(tenant=\? AND /);
      expect(plans.join('\n')).not.toMatch(/\bSCAN\b/);
    },
  );

  it('REC-1: what is worked at is found by the indexes of claims, not among what is parked', () => {
    const indexes = (query: Partial<RunQuery>): readonly string[] =>
      rangesOf({ tenant: 'a', limit: 50, ...query }).map(({ index }) => index);
    expect(indexes({ status: ['running'] })).toEqual(['runs_leases']);
    expect(indexes({ status: ['queued', 'failed'] })).toEqual(['runs_ready', 'runs_queue', 'runs_final', 'runs_final']);
    expect(indexes({ status: ['queued', 'waiting'] })).toEqual(['runs_live', 'runs_live']);
    expect(plansOf({ status: ['queued', 'running'] }).join()).not.toMatch(/SCAN (?!x USING INDEX runs_(ready|leases))/);
  });

  it('REC-1: of two conditions the one is gone along that fewer runs meet', () => {
    const run = db.prepare(
      `insert into runs (tenant, name, kind, definition, version, input_hash, root, depth, priority, created_at, status, epoch, seen, lost, cancel, in_queue, ended_at)
       values ('b', ?, 'workflow', ?, '1', '', 'r', 0, 0, 1, ?, 0, 0, 0, 'none', 0, 1)`,
    );
    for (let n = 0; n < 9; n += 1) run.run(`r${n}`, n === 0 ? 'rare' : 'common', n === 8 ? 'failed' : 'completed');
    const indexes = (query: Partial<RunQuery>): ReadonlySet<string> =>
      new Set(rangesOf({ tenant: 'b', limit: 50, ...query }).map(({ index }) => index));
    expect(indexes({ definition: ['rare'], status: ['completed'] })).toEqual(new Set(['runs_definition']));
    expect(indexes({ definition: ['common'], status: ['failed'] })).toEqual(new Set(['runs_final']));
    expect(indexes({ definition: ['common'], status: ['failed'], time: 'ended' })).toEqual(new Set(['runs_final']));
    expect(indexes({ time: 'ended' })).toEqual(new Set(['runs_ended']));
  });

  it('REC-1: what is shown of a page is found by number, and of a body only what lists show', () => {
    const read = plan(selectSummary('r.id in (select value from json_each(?))')).join('\n');
    expect(read).toMatch(/^SEARCH r USING INTEGER PRIMARY KEY/);
    expect(read.match(/run_bodies/g)).toHaveLength(2);
    expect(read).not.toMatch(/SCAN (?!json_each)/);
  });

  it('REC-1: a list of sessions goes along one index, state by state', () => {
    const query = { tenant: 'a', limit: 50 };
    const plans = sessionRanges(query).map((range) => plan(placesSql(range, query)).join('\n'));
    expect(plans).toHaveLength(3);
    for (const read of plans) expect(alongTime.exec(read)?.[2]).toBe('sessions_list');
  });

  it.each<readonly [name: string, query: Partial<RequestQuery>, index: RegExp]>([
    ['nothing', {}, /INDEX requests_list \(tenant=\?/],
    ['open ones', { status: ['open'] }, /INDEX requests_open \(tenant=\?/],
    ['a run', { run: 'r' }, /INDEX \w+ \(run=\?/],
    ['a tree', { root: 'r' }, /INDEX requests_tree \(tenant=\? AND root=\?/],
    ['open ones of a tree', { root: 'r', status: ['open'] }, /INDEX requests_tree \(tenant=\? AND root=\?/],
    ['a session', { session: 's' }, /INDEX requests_tree \(tenant=\? AND root=\?/],
    ['who decided', { by: 'ann' }, /INDEX requests_by \(tenant=\? AND <expr>=\?/],
    ['a definition', { definition: 'order' }, /INDEX requests_list \(tenant=\?/],
  ])('REQ-8: a list of requests by %s scans no table', (_, query, index) => {
    for (const order of ['newest', 'oldest'] as const) {
      const read = plan(requestsSql({ tenant: 'a', limit: 50, now: 1, order, ...query }).sql).join('\n');
      expect(read).toMatch(new RegExp(`SEARCH q USING ${index.source}`));
      expect(read).not.toMatch(/SCAN [qrt]\b/);
    }
  });
});
