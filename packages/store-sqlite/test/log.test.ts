import { copyFileSync, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { note, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const IDLE_MS = 1_000;
const MOST = 1_250 * 4_120;

describe('the log beside a file', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let path: string;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    directory = temporaryDirectory();
    path = join(directory.path, 'store.db');
  });
  afterEach(() => {
    vi.useRealTimers();
    directory.remove();
  });

  const logBytes = (): number => statSync(`${path}-wal`).size;

  /** How many entries the file has by itself. */
  function entriesInFile(): unknown {
    const copy = `${path}-copy`;
    copyFileSync(path, copy);
    const db = new Database(copy);
    try {
      return db.prepare('select count(*) from appended').pluck().get();
    } finally {
      db.close();
    }
  }

  it('I1: is taken into the file after a second without a write, and is written over from its beginning after that', async () => {
    const store = sqliteStore({ path });
    const epoch = await startAndClaim(store, 'r');
    for (let n = 0; n < 100; n += 1) await note(store, 'r', epoch);
    const bytes = logBytes();
    expect(bytes).toBeGreaterThan(100 * 4_096);

    vi.advanceTimersByTime(IDLE_MS - 1);
    expect(entriesInFile()).toBe(0);
    vi.advanceTimersByTime(1);
    expect(entriesInFile()).toBe(101);
    expect(logBytes()).toBe(bytes);

    for (let n = 0; n < 50; n += 1) await note(store, 'r', epoch);
    expect(logBytes()).toBe(bytes);
    expect(await store.health()).toMatchObject({ file: { logBytes: bytes } });
    vi.advanceTimersByTime(IDLE_MS);
    expect(entriesInFile()).toBe(151);
    await store[Symbol.asyncDispose]();
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it('I9: does not stay larger than 5 MB once nobody reads an old instant any more', async () => {
    const store = sqliteStore({ path, synchronous: 'normal' });
    const epoch = await startAndClaim(store, 'r');
    const reader = new Database(path);
    reader.exec('begin');
    reader.prepare('select count(*) from runs').get();
    const large = { entries: [{ type: 'note', name: 'large', data: 'x'.repeat(1_000_000) }] } as const;
    for (let n = 0; n < 7; n += 1) await note(store, 'r', epoch, large);
    vi.advanceTimersByTime(IDLE_MS);
    expect(logBytes()).toBeGreaterThan(7_000_000);

    reader.exec('commit');
    await note(store, 'r', epoch);
    vi.advanceTimersByTime(IDLE_MS);
    await note(store, 'r', epoch);
    expect(logBytes()).toBe(MOST);
    reader.close();
    await store[Symbol.asyncDispose]();
  });

  it('I9: is empty once a store is closed, though another has the file open', async () => {
    const [store, other] = [sqliteStore({ path }), sqliteStore({ path })];
    await startAndClaim(store, 'r');
    await store[Symbol.asyncDispose]();
    expect(logBytes()).toBe(0);
    expect((await other.run(runKey('r')))?.status).toBe('running');
    await other[Symbol.asyncDispose]();
    expect(existsSync(`${path}-wal`)).toBe(false);
  });
});
