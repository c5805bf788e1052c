import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { FILE_TIME } from '../src/appended.ts';
import { HAS_DEADLINE } from '../src/claim-sources.ts';
import { createHolders } from '../src/holders.ts';
import { INVARIANTS } from '../src/invariants.ts';
import { sqliteTables } from '../src/sqlite-tables.ts';
import { endedRootsOf } from '../src/ended-roots.ts';
import { HEALTH_SQL } from '../src/health.ts';
import { TENANTS_SQL } from '../src/named-lists.ts';
import { selectNote } from '../src/note-row.ts';
import { selectSession } from '../src/session-row.ts';
import { createReads, messageOf, messagesOf } from '../src/sqlite-reads.ts';
import { selectState } from '../src/state-row.ts';
import { createStoreClock } from '../src/store-clock.ts';
import { temporaryDirectory } from './temporary-directory.ts';

/** What a plan says of rows of one list, or of rows that were found in an index of them. */
const ONE_LIST =
  /^SEARCH (appended|m)( EXISTS)? USING ((COVERING )?INDEX (appended_lists|messages_ids) \(list=\?|INTEGER PRIMARY KEY \(rowid=\?\)$)/;

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
    ['runs_deadlines', HAS_DEADLINE, 'r.deadline_at, r.id'],
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

  it.each([
    ['all runs of a tree', selectState("r.tenant = 'a' and r.root = 'b'", 'runs_tree'), 'runs_tree'],
    ['all runs of a session', selectState("r.tenant = 'a' and r.session = 'b'", 'runs_session'), 'runs_session'],
    ['what ended longest ago', endedRootsOf('oldest').beyond, 'runs_ended'],
    ['what ended last', endedRootsOf('newest').beyond, 'runs_ended'],
    ['what ended at the same time', endedRootsOf('oldest').ties, 'runs_ended'],
    [
      'the last run of a session',
      `${selectState("r.tenant = 'a' and r.session = 'b' and exists (select 1 from run_bodies where run = r.id and absorbed_by is null)", 'runs_session')} order by r.created_at desc, r.id desc limit 1`,
      'runs_session',
    ],
    ['what is hidden', "select id from runs where tenant = '' limit 1", '\\w+'],
    ['hidden sessions', "select id from sessions where tenant = '' limit 1", '\\w+'],
  ])('REC-4: finds %s along an index, in its order', (_, sql, index) => {
    const read = plan(sql.replaceAll('?', '1'));
    expect(read).toMatch(new RegExp(`^SEARCH \\w+ USING (COVERING )?INDEX ${index}\\b`));
    expect(read).not.toMatch(/SCAN [rs]\b|TEMP B-TREE/);
  });

  const ownedBy = "n.owner = (select -id from sessions where tenant = 'a' and name = 'b')";
  it.each([
    ['all', '', 'notes_list'],
    ['a session', `and ${ownedBy}`, 'notes_owner'],
    ['a run', "and n.run = (select id from runs where tenant = 'a' and name = 'b')", 'notes_run'],
  ])('SES-11: a page of the notes of %s is read along an index, in its order', (_, condition, index) => {
    const read = plan(`${selectNote(`n.tenant = 'a' ${condition} and n.id < 9`)} order by n.id desc limit 5`);
    expect(read).toMatch(new RegExp(`^SEARCH n USING INDEX ${index}\\b`, 'm'));
    expect(read).not.toMatch(/SCAN|TEMP B-TREE/);
  });

  it.each(Object.entries(HEALTH_SQL).filter(([question]) => !['recoveries', 'file'].includes(question)))(
    'TEL-4: how a store stands is read off indexes: %s',
    (_, sql) => {
      const read = plan(sql.replaceAll('?', '1'));
      expect(read).toMatch(/(SCAN|SEARCH) (runs|requests|blobs) USING (COVERING )?INDEX \w+/);
      expect(read).not.toMatch(/(SCAN|SEARCH) (runs|requests|blobs)$/m);
    },
  );

  it('REC-1: the next tenant is one look into an index of each table', () => {
    const read = plan(TENANTS_SQL.replaceAll('?', "'a'"));
    expect(read).toMatch(/SEARCH runs USING COVERING INDEX \w+ \(tenant>\?\)/);
    expect(read).toMatch(/SEARCH sessions USING COVERING INDEX \w+ \(tenant>\?\)/);
  });

  it('SES-1: the queue of a session is found without going through all runs that the session ever had', () => {
    expect(plan(selectSession("s.tenant = 'a' and s.name = 'b'"))).toMatch(
      /SEARCH r USING INDEX runs_queue \(tenant=\? AND session=\?\)/,
    );
  });

  it.each([
    ['after', messagesOf('session', 'after')],
    ['before', messagesOf('session', 'before')],
    ['after, of a run', messagesOf('run', 'after')],
  ])('SES-3: reads only the page of a thread that lies %s a number', (_, sql) => {
    const read = plan(sql.replaceAll('?', '1'));
    expect(read).toMatch(/SEARCH m USING INDEX appended_lists \(list=\? AND n>\? AND n<\?\)/);
    expect(read).not.toMatch(/SCAN [mst]\b|TEMP B-TREE/);
  });

  it('SES-10: a message of a session is found by its id, without parsing any other', () => {
    const read = plan(messageOf('session').replaceAll('?', "'x'"));
    expect(read).toMatch(/SEARCH m USING INDEX messages_ids \(list=\? AND <expr>=\?/);
    expect(read).not.toMatch(/SCAN [mst]\b/);
  });

  it('SES-10: a message of a run is looked for in the thread of that run alone, from its end', () => {
    const read = plan(messageOf('run').replaceAll('?', "'x'"));
    expect(read).toMatch(/SEARCH m USING INDEX appended_lists \(list=\? AND n>\?/);
    expect(read).not.toMatch(/SCAN [mst]\b|TEMP B-TREE/);
  });

  it('I9: whatever reads or deletes rows of journals and threads looks into an index for a list, or at the last row', () => {
    const prepared: string[] = [];
    const watched = new Proxy(db, {
      get(target, name) {
        if (name !== 'prepare') return Reflect.get(target, name, target) as unknown;
        return (sql: string) => {
          prepared.push(sql);
          return target.prepare(sql);
        };
      },
    });
    const written = { now: 0, anything: false, lastAt: undefined };
    sqliteTables(watched, createReads(watched), createHolders(db, written), written);
    createStoreClock(watched, { now: () => 0 });
    const checked = INVARIANTS.map(({ table, wrong, says }) => `select ${says} from ${table} x where ${wrong}`);

    const statements = [...new Set([...prepared, ...checked])].filter((sql) => /\b(from|join) appended\b/.test(sql));
    expect(statements.length).toBeGreaterThan(30);
    for (const sql of statements) {
      const read = plan(sql.replaceAll('?', '1'));
      const looks = read.match(/^.*\b(?:SCAN|SEARCH) (?:appended|m)\b.*$/gm) ?? [];
      expect(looks.length, sql).toBeGreaterThan(0);
      for (const look of looks) expect(look, sql).toMatch(sql === `select ${FILE_TIME}` ? /^SCAN appended$/ : ONE_LIST);
      expect(read, sql).not.toMatch(/AUTOMATIC/);
    }
  });

  it('I7: the time that the file shows is read off the last row, without looking at any other', () => {
    // `explain`, since a plan says of a scan neither that it begins at the end nor that it stops at once.
    const program = db.prepare(`explain select ${FILE_TIME}`).all() as { readonly opcode: string }[];
    const opcodes = program.map(({ opcode }) => opcode);
    expect(opcodes).toContain('Last');
    expect(opcodes).not.toContain('Sort');
  });

  it('a step of a run without a session writes no index of message ids', () => {
    db.exec('insert into appended values (1, 3, 1, 0, \'{"id":"a"}\'), (2, -1, 1, 0, \'{"id":"b"}\')');
    expect(
      db
        .prepare("select count(*) from appended indexed by messages_ids where list < 0 and body ->> '$.id' > ''")
        .pluck()
        .get(),
    ).toBe(1);
    expect(() => db.prepare("select n from appended indexed by messages_ids where body ->> '$.id' = 'a'")).toThrow(
      'no query solution',
    );
  });
});
