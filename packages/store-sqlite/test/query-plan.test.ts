import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { selectState } from '../src/state-row.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('what a statement reads', () => {
  const directory = temporaryDirectory();
  const path = join(directory.path, 'store.db');
  let db: Database.Database;

  beforeAll(async () => {
    await sqliteStore({ path })[Symbol.asyncDispose]();
    db = new Database(path);
  });
  afterAll(() => {
    db.close();
    directory.remove();
  });

  const plan = (sql: string): string =>
    db
      .prepare(`explain query plan ${sql}`)
      .all()
      .map((row) => (row as { detail: string }).detail)
      .join('\n');

  it('the fence of a commit looks into indexes only, and sorts nothing', () => {
    const read = plan(selectState("r.tenant = 'a' and r.name = 'b'"));
    expect(read).toContain('SEARCH r USING INDEX');
    expect(read).not.toMatch(/SCAN|TEMP B-TREE/);
  });

  it.each([
    ['runs_ready', 'r.ready_at is not null', 'r.priority desc, r.ready_at, r.id'],
    ['runs_timers', 'r.wake_at is not null', 'r.wake_at, r.id'],
    ['runs_leases', 'r.lease_until is not null', 'r.lease_until, r.id'],
  ])('DUR-11: a claim goes along %s, in its order', (index, condition, order) => {
    const read = plan(`${selectState(condition, index)} order by ${order}`);
    expect(read).toMatch(new RegExp(`^(SCAN|SEARCH) r USING INDEX ${index}\\b`));
    expect(read).not.toContain('TEMP B-TREE');
  });

  it('DUR-11: without being told the planner would take the same indexes', () => {
    expect(plan(`${selectState('r.wake_at is not null')} order by r.wake_at, r.id`)).toContain('runs_timers');
    expect(plan(`${selectState('r.ready_at is not null')} order by r.priority desc, r.ready_at, r.id`)).toContain(
      'runs_ready',
    );
  });
});
