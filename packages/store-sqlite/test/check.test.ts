import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkStore, sqliteStore } from '../src/index.ts';
import { end, newRun, note, park, problemsOf, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const message = (id: string) =>
  ({ v: 1, id, role: 'user', kind: 'user', content: [{ type: 'text', text: id }] }) as const;

describe('checkStore', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let path: string;

  beforeEach(async () => {
    directory = temporaryDirectory();
    path = join(directory.path, 'store.db');
    const store = sqliteStore({ path });
    const talk = { id: 'talk', whenBusy: 'queue' } as const;
    const epoch = await startAndClaim(store, 'talks', {
      session: talk,
      messages: [message('m1')],
      budget: { calls: 5 },
    });
    await store.start(newRun('queued', { session: talk, messages: [message('m2')] }));
    const more = { messages: { from: 2, items: [message('m3'), message('m4')] } };
    await note(store, 'talks', epoch, { ...more, ledger: { reserve: { calls: 1 } } });
    const asking = await startAndClaim(store, 'asks', { messages: [message('a'), message('b'), message('c')] });
    const request = { id: 'q', kind: 'approval', stepKey: 's', body: null, expiresAt: null } as const;
    await note(store, 'asks', asking, {
      requests: [request],
      seen: 0,
      transition: { type: 'block', code: 'X', request: 'q' },
    });
    const parent = await startAndClaim(store, 'parent');
    const child = newRun('child', { root: 'parent', parent: { run: 'parent', key: 'c' }, depth: 1 });
    await note(store, 'parent', parent, { children: [child], seen: 0, transition: { type: 'park', wakeAt: 5 } });
    await park(store, 'parked', await startAndClaim(store, 'parked'));
    for (const key of ['a', 'b', 'c']) await store.signal({ run: runKey('parked'), kind: 'user', key, body: key });
    // The words of an end, in a note, are no end.
    const done = await startAndClaim(store, 'done');
    await note(store, 'done', done, { entries: [{ type: 'note', name: 'n', data: { type: 'run-end' } }] });
    await end(store, 'done', done);
    // It is ready without its turn, to be ended.
    await store.start(newRun('given-up', { session: talk }));
    await store.signal({ run: runKey('given-up'), kind: 'cancel', key: 'cancel', body: null });
    await store[Symbol.asyncDispose]();
  });
  afterEach(() => directory.remove());

  it('STO-4: has nothing to say of a sound store, at rest, in use and read in full', async () => {
    expect(await problemsOf(checkStore({ path }))).toEqual([]);
    const store = sqliteStore({ path });
    await store.start(newRun('in-the-log'));
    expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
    await store[Symbol.asyncDispose]();
  });

  it.each([
    ['delete from appended where list = 2 and n = 1', 'The run talks has a journal with gaps: entries 1 of 2 to 2'],
    [
      'update appended set n = 4 where list = 8 and n = 2',
      'The run parent has a journal with gaps: entries 2 of 1 to 4',
    ],
    [
      "delete from appended where body like '%\"run-end\"%' and body not like '%note%'",
      'The run done has 0 ends in its journal and is completed',
    ],
    [
      'insert into appended (list, n, at, body) select list, 4, at, body from appended where list = 14 and n = 3',
      'The run done has 2 ends in its journal and is completed',
    ],
    [`insert into appended values (null, 14, 4, 0, '{"type":"note"}')`, 'The run done has entries after its end'],
    [
      `insert into appended values (null, 8, 3, 0, '{"type":"run-end"}')`,
      'The run parent has 1 ends in its journal and is waiting',
    ],
    [
      "update runs set lease_until = null where name = 'talks'",
      'The run talks is running, which does not fit the rest of its row',
    ],
    [
      "update runs set ready_at = null where name = 'child'",
      'The run child is queued, which does not fit the rest of its row',
    ],
    [
      "update runs set ready_at = 1 where name = 'parent'",
      'The run parent is waiting, which does not fit the rest of its row',
    ],
    [
      "update runs set block_code = null where name = 'asks'",
      'The run asks is blocked, which does not fit the rest of its row',
    ],
    [
      "update runs set wake_at = 1 where name = 'done'",
      'The run done is completed, which does not fit the rest of its row',
    ],
    ['delete from inbox where n = 2', 'The run parked has an inbox with gaps: signals 2 of 1 to 3'],
    ['delete from inbox where n = 1', 'The run parked has an inbox with gaps: signals 2 of 2 to 3'],
    ['delete from appended where list = 7 and n = 2', 'The run asks has a thread with gaps: messages 2 of 1 to 3'],
    ['delete from appended where list = 7 and n = 1', 'The run asks has a thread with gaps: messages 2 of 2 to 3'],
    ['delete from appended where list = -1 and n = 2', 'The session talk has a thread with gaps: messages 2 of 1 to 3'],
    ["update runs set parent = 'nobody' where name = 'child'", 'The run child has a parent that is not there: nobody'],
    [
      "update runs set root = 'nobody' where name = 'child'",
      'The run child belongs to a tree whose root is not there: nobody',
    ],
    ['delete from run_bodies where run = 1', 'The run talks has no input'],
    ['update requests set run = 7', 'The run done has ended with an open request'],
    ['update requests set run = 77', 'The request q belongs to a run that is not there'],
    [`update ledgers set reserved = '{"calls":-1}'`, 'The run talks has a ledger with amounts that are none'],
    ["update sessions set active_run = 'done'", 'The session talk is held by a run that cannot hold it: done'],
    ["update sessions set state = 'closed'", 'The session talk is closed and has runs that hold or await it'],
    ['update sessions set active_run = null', 'The session talk is free while runs stand in its queue'],
  ])('STO-4: tells of %s', async (damage, said) => {
    const db = new Database(path);
    expect(db.prepare(damage).run().changes).toBeGreaterThan(0);
    db.close();
    expect(await problemsOf(checkStore({ path }))).toContain(said);
  });

  it('STO-4: tells of blobs whose file is missing or cut, and of uses of none', async () => {
    const store = sqliteStore({ path });
    const blobs = await Promise.all(
      ['one', 'two', 'three'].map((text) => store.putBlob('acme', new TextEncoder().encode(text))),
    );
    await store.start(newRun('uses', { blobs: blobs.map(({ hash }) => hash) }));
    expect(await problemsOf(checkStore({ path }))).toEqual([]);
    await store[Symbol.asyncDispose]();
    const [one = '', two = '', three = ''] = blobs.map(({ hash }) => hash);
    const fileOf = (hash: string): string => join(`${path}-blobs`, hash.slice(7, 9), hash.slice(7));
    rmSync(fileOf(one));
    writeFileSync(fileOf(two), 'tw');
    const db = new Database(path);
    db.prepare('delete from blobs where hash = ?').run(three);
    db.close();
    expect((await problemsOf(checkStore({ path }))).toSorted()).toEqual(
      [
        `The file of blob ${one} is missing`,
        `The file of blob ${two} has 2 bytes instead of 3`,
        expect.stringMatching(/^Blob number \d is used and is not there$/),
      ].toSorted(),
    );
  });

  it('STO-4: has nothing to say of what is hidden while it is removed, and of a thread that was replaced', async () => {
    const store = sqliteStore({ path });
    const talk = { tenant: 'acme', session: 'other' };
    const epoch = await startAndClaim(store, 'talked', {
      session: { id: 'other', whenBusy: 'refuse' },
      messages: [message('o1'), message('o2')],
    });
    await end(store, 'talked', epoch);
    await store.replaceMessages(talk, [message('n1')], 2);
    expect(await problemsOf(checkStore({ path }))).toEqual([]);
    await store[Symbol.asyncDispose]();
    const db = new Database(path);
    // As `hideRun` leaves it, with half of its journal deleted.
    db.exec(`update runs set tenant = '', name = id, session = null, root = '', ended_at = null where name = 'done'`);
    db.exec(`delete from appended where list = 14 and n = 1`);
    db.close();
    expect(await problemsOf(checkStore({ path }))).toEqual([]);
  });

  it('STO-4: goes through more runs than one portion holds', async () => {
    const store = sqliteStore({ path });
    await Promise.all(Array.from({ length: 350 }, (_, n) => store.start(newRun(`r${n}`))));
    await store[Symbol.asyncDispose]();
    const db = new Database(path);
    db.exec("delete from appended where list = (select 2 * id from runs where name = 'r333')");
    db.close();
    expect(await problemsOf(checkStore({ path }))).toEqual([
      'The run r333 has a journal with gaps: entries 0 of 0 to 0',
    ]);
  });

  it('STO-4: tells of pages that were overwritten, and goes on behind them', async () => {
    const db = new Database(path);
    db.exec(
      "update run_bodies set input = (select group_concat(value) from json_each('[' || substr(replace(hex(zeroblob(20000)), '00', ',1'), 2) || ']'))",
    );
    db.exec('delete from inbox where n = 2');
    const page = db.prepare("select rootpage from sqlite_schema where name = 'run_bodies'").pluck().get() as number;
    db.close();
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.fill(0xaa, (page - 1) * 4_096, page * 4_096));
    const problems = await problemsOf(checkStore({ path }));
    expect(problems.some((said) => said.includes('run_bodies'))).toBe(true);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('STO-4: tells of an index that lost a row when it reads in full', async () => {
    const index = 'create index runs_definition on runs (tenant, kind, definition, parent is null, created_at)';
    const db = new Database(path);
    db.unsafeMode();
    db.pragma('writable_schema = on');
    db.exec(`update sqlite_schema set sql = '${index} where id > 2' where name = 'runs_definition'`);
    db.close();
    const again = new Database(path);
    again.exec('reindex runs_definition');
    again.unsafeMode();
    again.pragma('writable_schema = on');
    again.exec(`update sqlite_schema set sql = '${index}' where name = 'runs_definition'`);
    again.close();
    expect(await problemsOf(checkStore({ path, full: true }))).toContainEqual(
      expect.stringContaining('runs_definition'),
    );
  });

  it('STO-4: a file that was cut off is a problem, one that is not ours is refused', async () => {
    const bytes = readFileSync(path);
    for (const length of [bytes.length - 4_096, 8_192, 5_000]) {
      writeFileSync(path, bytes.subarray(0, length));
      expect(await problemsOf(checkStore({ path }))).not.toEqual([]);
    }
    writeFileSync(path, 'Dear all');
    await expect(problemsOf(checkStore({ path }))).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
    await expect(problemsOf(checkStore({ path: `${path}.none` }))).rejects.toMatchObject({ code: 'STORE_MISSING' });
  });

  it('STO-4: stops when it is told to', async () => {
    const reason = new Error('Enough');
    await expect(problemsOf(checkStore({ path, signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    const stop = new AbortController();
    const checking = problemsOf(checkStore({ path, signal: stop.signal }));
    stop.abort(reason);
    await expect(checking).rejects.toBe(reason);
  });
});
