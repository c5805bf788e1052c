import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { NewRun, Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGroupCommit, type GroupCommit } from '../src/group-commit.ts';
import { sqliteStore } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const newRun = (id: string): NewRun => ({
  key: { tenant: 'acme', run: id },
  kind: 'function',
  definition: 'order',
  version: '1',
  input: null,
  inputHash: 'h',
  context: null,
  priority: 0,
  messages: [],
  root: id,
  depth: 0,
});

describe('writes that share a transaction', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let db: Database.Database;
  let begun: number;
  let told: string[];

  beforeEach(() => {
    directory = temporaryDirectory();
    db = new Database(join(directory.path, 'group.db'), { timeout: 0 });
    db.pragma('journal_mode = wal');
    db.pragma('foreign_keys = on');
    // A violation of this one shows at the commit, not at the insert.
    db.exec('create table t (v integer unique, parent integer references t (v) deferrable initially deferred)');
    begun = 0;
    told = [];
  });
  afterEach(() => {
    db.close();
    directory.remove();
  });

  const group = (busyMs = 1_000): GroupCommit =>
    createGroupCommit({
      db,
      path: 'group.db',
      busyMs,
      begin() {
        begun += 1;
        // These members know their own database.
        return { tables: undefined as never, now: 0 };
      },
      beforeCommit: () => undefined,
      collectNews: () => ({
        run: () => undefined,
        queue: () => undefined,
        request: () => undefined,
        requestsRemoved: () => undefined,
        tell: () => told.push('told'),
      }),
      beforeAnswer: () => undefined,
      afterCommit: () => undefined,
      afterRollback: () => undefined,
    });
  const insert = (value: number): number => Number(db.prepare('insert into t (v) values (?)').run(value).changes);
  const values = (): unknown[] => db.prepare('select v from t order by rowid').pluck().all();

  it('I1: writes of one turn of the loop share one transaction, in order, each with its answer', async () => {
    const { write } = group();
    const answers = await Promise.all([1, 2, 3].map((n) => write(1, () => insert(n) * n)));
    expect(answers).toEqual([1, 2, 3]);
    expect(values()).toEqual([1, 2, 3]);
    expect(begun).toBe(1);
    expect(told).toHaveLength(3);
  });

  it('I9: a transaction takes no more than 1,000 rows', async () => {
    const { write } = group();
    await Promise.all([400, 400, 400, 5_000, 1].map((rows, n) => write(rows, () => insert(n))));
    expect(begun).toBe(4);
    expect(values()).toEqual([0, 1, 2, 3, 4]);
  });

  it('I9: a transaction takes no more than 5 ms of work', async () => {
    const { write } = group();
    const slow = (n: number): Promise<number> =>
      write(1, () => {
        const until = performance.now() + 6;
        while (performance.now() < until);
        return insert(n);
      });
    await Promise.all([slow(1), slow(2)]);
    expect(begun).toBe(2);
  });

  it('I1: a member that throws fails alone; the others are done again without it', async () => {
    const { write } = group();
    const results = await Promise.allSettled([
      write(1, () => insert(1)),
      write(1, () => {
        insert(99);
        throw new Error('A defect');
      }),
      write(1, () => insert(3)),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(values()).toEqual([1, 3]);
    expect(told).toHaveLength(2);
  });

  it('I1: a commit that fails is told as STORE_AMBIGUOUS, and what comes after it is done', async () => {
    const { write } = group();
    const dangling = write(1, () => db.prepare('insert into t values (1, 77)').run());
    const beside = write(1, () => insert(2));
    await expect(dangling).rejects.toMatchObject({ code: 'STORE_AMBIGUOUS', retryable: true });
    await expect(beside).rejects.toMatchObject({ code: 'STORE_AMBIGUOUS' });
    expect(told).toEqual([]);

    expect(await write(1, () => insert(3))).toBe(1);
    expect(values()).toEqual([3]);
  });

  it('I9: a busy file leaves the writes in the queue, without holding up the event loop', async () => {
    const other = new Database(join(directory.path, 'group.db'));
    other.exec('begin immediate');
    const { write } = group(10_000);
    let done = false;
    const waiting = write(1, () => insert(1)).then(() => (done = true));

    let turns = 0;
    for (const until = performance.now() + 50; performance.now() < until; turns += 1)
      await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    expect(turns).toBeGreaterThan(20);

    const joins = write(1, () => insert(2));
    other.exec('commit');
    other.close();
    await Promise.all([waiting, joins]);
    expect(values()).toEqual([1, 2]);
    expect(begun).toBe(1);
  });

  it('I9: a file that stays busy is told as STORE_BUSY, and nothing was written', async () => {
    const other = new Database(join(directory.path, 'group.db'));
    other.exec('begin immediate');
    const { write } = group(20);
    await expect(write(1, () => insert(1))).rejects.toMatchObject({ code: 'STORE_BUSY', retryable: true });
    other.exec('rollback');
    other.close();
    expect(values()).toEqual([]);
    expect(await write(1, () => insert(2))).toBe(1);
  });

  it('lets timers and sockets in between two transactions', async () => {
    const { write } = group();
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 1);
    for (let n = 0; n < 300; n += 1) await write(1, () => insert(n));
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(0);
  });

  it('I1: a thousand runs that start at once take few transactions', async () => {
    const path = join(directory.path, 'store.db');
    const store: Store = sqliteStore({ path });
    const watcher = new Database(path);
    const version = (): unknown => watcher.pragma('data_version', { simple: true });
    const seen = new Set([version()]);
    const looking = setInterval(() => seen.add(version()), 0);
    const results = await Promise.all(Array.from({ length: 1_000 }, (_, n) => store.start(newRun(`r${n}`))));
    clearInterval(looking);
    expect(results.every(({ outcome }) => outcome === 'created')).toBe(true);
    expect(seen.size).toBeLessThan(100);
    watcher.close();
    await store[Symbol.asyncDispose]();
  });
});
