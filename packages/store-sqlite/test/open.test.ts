import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupStore, checkStore, sqliteStore } from '../src/index.ts';
import { SCHEMA_VERSION } from '../src/migrations/index.ts';
import { newRun, note, problemsOf, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const run = {
  key: { tenant: 'acme', run: 'r' },
  kind: 'function',
  definition: 'order',
  version: '1',
  input: 'x'.repeat(20_000),
  inputHash: 'h',
  context: null,
  priority: 0,
  messages: [],
  root: 'r',
  depth: 0,
} as const;

function errorOfOpening(path: string): unknown {
  try {
    void sqliteStore({ path })[Symbol.asyncDispose]();
    return undefined;
  } catch (error) {
    return error;
  }
}

/** What opening this file is refused with: in one line, and with the file as it was before. */
function refusalOf(path: string): unknown {
  const before = readFileSync(path);
  const error = errorOfOpening(path);
  expect(error).toMatchObject({ message: expect.stringMatching(/^[^\n]+$/) });
  expect(readFileSync(path).equals(before)).toBe(true);
  return error;
}

describe('opening a file', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let path: string;

  beforeEach(() => {
    directory = temporaryDirectory();
    path = join(directory.path, 'store.db');
  });
  afterEach(() => directory.remove());

  async function makeStore(): Promise<void> {
    const store = sqliteStore({ path });
    await store.start(run);
    await store[Symbol.asyncDispose]();
  }

  it('takes a file that is empty for a new one', async () => {
    writeFileSync(path, '');
    await makeStore();
    const again = sqliteStore({ path });
    expect((await again.run(run.key))?.input).toBe(run.input);
    await again[Symbol.asyncDispose]();
  });

  it('leaves one file behind when it is closed, with the log taken into it', async () => {
    await makeStore();
    expect(statSync(`${path}-wal`, { throwIfNoEntry: false })).toBeUndefined();
    expect(readFileSync(path).includes('x'.repeat(100))).toBe(true);
  });

  it('refuses a newer file with STORE_TOO_NEW', async () => {
    await makeStore();
    const db = new Database(path);
    db.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    db.close();

    expect(refusalOf(path)).toMatchObject({
      code: 'STORE_TOO_NEW',
      meta: { version: SCHEMA_VERSION + 1, known: SCHEMA_VERSION },
    });
  });

  it('refuses a newer file whose version stands only in its log', async () => {
    await makeStore();
    const db = new Database(path);
    db.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    expect(() => sqliteStore({ path })).toThrow(expect.objectContaining({ code: 'STORE_TOO_NEW' }));
    db.close();
  });

  it('refuses a database of another program with STORE_FOREIGN', () => {
    const db = new Database(path);
    db.exec('create table bookmarks (url text)');
    db.close();
    expect(refusalOf(path)).toMatchObject({ code: 'STORE_FOREIGN' });
  });

  it('refuses a database in WAL mode of another program without leaving files beside it', () => {
    const db = new Database(path);
    db.pragma('journal_mode = wal');
    db.pragma('application_id = 42');
    db.close();
    expect(refusalOf(path)).toMatchObject({ code: 'STORE_FOREIGN' });
    expect(statSync(`${path}-wal`, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('refuses a file that is no database with STORE_FOREIGN, a short one too', () => {
    for (const content of ['{"not":"a database"}', 'x'.repeat(10_000), 'SQLite format 3\0']) {
      writeFileSync(path, content);
      expect(refusalOf(path)).toMatchObject({ code: 'STORE_FOREIGN' });
    }
  });

  it('refuses a file that was cut off with STORE_CORRUPT', async () => {
    await makeStore();
    truncateSync(path, statSync(path).size - 4096);
    expect(refusalOf(path)).toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('refuses a file whose schema was overwritten with STORE_CORRUPT', async () => {
    await makeStore();
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(3_000, 0xaa), 0, 3_000, 100);
    closeSync(file);
    expect(refusalOf(path)).toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('a page that was overwritten later is reported where it is read, with STORE_CORRUPT', async () => {
    await makeStore();
    const size = statSync(path).size;
    const file = openSync(path, 'r+');
    for (let at = 8_192; at < size; at += 4_096) writeSync(file, Buffer.alloc(4_096, 0xaa), 0, 4_096, at);
    closeSync(file);
    await expect(
      (async () => {
        const store = sqliteStore({ path });
        try {
          await store.start({ ...run, key: { tenant: 'acme', run: 'other' }, root: 'other' });
        } finally {
          await store[Symbol.asyncDispose]();
        }
      })(),
    ).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
  });

  it('says which directory is missing, with STORE_UNAVAILABLE', () => {
    const missing = join(directory.path, 'none', 'store.db');
    expect(() => sqliteStore({ path: missing })).toThrow(
      expect.objectContaining({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining(join(directory.path, 'none')),
      }),
    );
  });

  it('refuses a directory, and a file below a file, with STORE_UNAVAILABLE', () => {
    mkdirSync(path);
    expect(() => sqliteStore({ path })).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));
    const file = join(directory.path, 'file');
    writeFileSync(file, '');
    expect(() => sqliteStore({ path: join(file, 'store.db') })).toThrow(
      expect.objectContaining({ code: 'STORE_UNAVAILABLE' }),
    );
  });

  it('takes names that SQLite would read as something else for a wrong argument', () => {
    for (const bad of ['', ' a.db', 'a.db ', ':memory:', 'file:a.db', 'a\0b', 7 as unknown as string])
      expect(() => sqliteStore({ path: bad })).toThrow(TypeError);
  });

  it('takes times that make no sense for a wrong argument, and opens nothing', () => {
    for (const pollMs of [0, -1, Number.NaN, Infinity]) expect(() => sqliteStore({ path, pollMs })).toThrow(TypeError);
    for (const busyMs of [0, -1, Number.NaN]) expect(() => sqliteStore({ path, busyMs })).toThrow(TypeError);
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it('I9: a clock that tells no time is refused, and its next time counts', async () => {
    let now = 1_000;
    const store = sqliteStore({ path, clock: { now: () => now } });
    await store.start(run);
    const other = { ...run, key: { tenant: 'acme', run: 'other' }, root: 'other' };
    for (now of [Number.NaN, Infinity]) await expect(store.start(other)).rejects.toThrow(TypeError);
    now = 2_000;
    expect(await store.start(other)).toMatchObject({ outcome: 'created', run: { createdAt: 2_000 } });
    await store[Symbol.asyncDispose]();
  });

  it('undoes the making of a file that was broken off, and makes it again', async () => {
    // What is left when a process dies between SQLite's first write and its commit: no version, and a journal.
    writeFileSync(path, '');
    writeFileSync(`${path}-journal`, '');
    await makeStore();
    expect(statSync(path).size).toBeGreaterThan(0);
  });

  it('STO-4: a file that another program holds for itself is waited for as long as writes are, then STORE_BUSY', async () => {
    await makeStore();
    const before = readFileSync(path);
    const other = new Database(path);
    other.pragma('locking_mode = exclusive');
    other.exec('begin exclusive');
    expect(() => sqliteStore({ path, busyMs: 20 })).toThrow(
      expect.objectContaining({ code: 'STORE_BUSY', retryable: true }),
    );
    other.exec('rollback');
    other.close();
    expect(readFileSync(path).equals(before)).toBe(true);
    await makeStore();
  });

  it('STO-4: a log that was cut, overwritten or lost leaves an earlier commit, whole, and no gap', async () => {
    const store = sqliteStore({ path });
    const epoch = await startAndClaim(store, 'written');
    for (let n = 0; n < 20; n += 1) await note(store, 'written', epoch);
    const [file, log] = [readFileSync(path), readFileSync(`${path}-wal`)];
    await store[Symbol.asyncDispose]();

    const damaged = (bytes: Buffer): Buffer => {
      const copy = Buffer.from(bytes);
      copy.fill(0xaa, copy.length >> 1, (copy.length >> 1) + 100);
      return copy;
    };
    const logs = [
      log,
      log.subarray(0, log.length - 100),
      log.subarray(0, log.length >> 1),
      log.subarray(0, 10),
      damaged(log),
    ];
    const lengths: number[] = [];
    for (const [n, bytes] of [...logs, undefined].entries()) {
      const copy = join(directory.path, `copy-${n}.db`);
      writeFileSync(copy, file);
      if (bytes !== undefined) writeFileSync(`${copy}-wal`, bytes);
      const opened = sqliteStore({ path: copy });
      const entries = await opened.entries(runKey('written'), { after: 0, limit: 100 });
      expect(entries.map(({ seq }) => seq)).toEqual(entries.map((_, index) => index + 1));
      lengths.push(entries.length);
      await opened[Symbol.asyncDispose]();
      expect(await problemsOf(checkStore({ path: copy, full: true }))).toEqual([]);
    }
    expect(lengths[0]).toBe(21);
    expect(lengths.slice(1).every((length) => length < 21)).toBe(true);
  });

  it('STO-4: a store that is open goes on when a newer release migrates the file, which only adds; opening it again is refused', async () => {
    const store = sqliteStore({ path });
    const epoch = await startAndClaim(store, 'r');
    const newer = new Database(path);
    newer.exec(`begin immediate;
      alter table runs add column mood text not null default 'calm';
      alter table appended add column weight real;
      create table moods (id integer primary key) strict;
      create index runs_mood on runs (mood);
      pragma user_version = ${SCHEMA_VERSION + 1};
      commit`);
    newer.close();
    expect(await note(store, 'r', epoch)).toMatchObject({ outcome: 'committed', seq: 2 });
    expect((await store.start(newRun('other'))).outcome).toBe('created');
    expect((await store.listRuns({ tenant: 'acme', limit: 9 })).items).toHaveLength(2);
    expect(() => sqliteStore({ path })).toThrow(expect.objectContaining({ code: 'STORE_TOO_NEW' }));
    await expect(backupStore({ from: path, to: `${path}.backup` })).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
    await store[Symbol.asyncDispose]();
  });
});
