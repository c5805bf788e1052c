import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupStore, sqliteStore } from '../src/index.ts';
import { MIGRATIONS, SCHEMA_VERSION } from '../src/migrations/index.ts';
import { newRun, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('a store that must be there', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let path: string;

  beforeEach(() => {
    directory = temporaryDirectory();
    path = join(directory.path, 'store.db');
  });
  afterEach(() => directory.remove());

  const open = (at: string = path): ReturnType<typeof sqliteStore> => sqliteStore({ path: at, mode: 'existing' });
  const codeOf = (code: string): unknown => expect.objectContaining({ code });

  it('is not made: a path that names nothing is refused with STORE_MISSING, and nothing is there afterwards', () => {
    expect(() => open()).toThrow(codeOf('STORE_MISSING'));
    expect(() => open(join(directory.path, 'no-folder', 'store.db'))).toThrow(codeOf('STORE_MISSING'));
    expect(readdirSync(directory.path)).toEqual([]);
    writeFileSync(path, '');
    expect(() => open()).toThrow(codeOf('STORE_MISSING'));
    expect(readdirSync(directory.path)).toEqual(['store.db']);
    expect(readFileSync(path)).toHaveLength(0);
  });

  it.each(MIGRATIONS.slice(1).map((_, index) => index + 1))(
    'is not migrated: a file of version %i is refused with STORE_TOO_OLD, and is what it was',
    (version) => {
      const file = gunzipSync(readFileSync(new URL(`fixtures/schema-${version}.db.gz`, import.meta.url)));
      writeFileSync(path, file);
      expect(() => open()).toThrow(codeOf('STORE_TOO_OLD'));
      expect(() => open()).toThrow(expect.objectContaining({ meta: { version, known: SCHEMA_VERSION } }));
      expect(readFileSync(path).equals(file)).toBe(true);
      expect(readdirSync(directory.path)).toEqual(['store.db']);
    },
  );

  it('is neither a backup, nor of a newer release, nor of another program', async () => {
    await sqliteStore({ path })[Symbol.asyncDispose]();
    const backup = join(directory.path, 'backup.db');
    await backupStore({ from: path, to: backup });
    expect(() => open(backup)).toThrow(codeOf('STORE_IS_BACKUP'));
    const db = new Database(path);
    db.pragma(`user_version = ${SCHEMA_VERSION + 1}`);
    db.close();
    expect(() => open()).toThrow(codeOf('STORE_TOO_NEW'));
    writeFileSync(path, 'a diary');
    expect(() => open()).toThrow(codeOf('STORE_FOREIGN'));
    expect(readFileSync(path, 'utf8')).toBe('a diary');
  });

  it('is opened beside a worker: each sees what the other writes, and what the worker holds stays its own', async () => {
    const worker = sqliteStore({ path });
    const epoch = await startAndClaim(worker, 'held');
    const tool = open();
    await tool.signal({ run: runKey('held'), kind: 'user', key: 'colour', body: 'red' });
    expect(await worker.inbox(runKey('held'), { after: 0, limit: 1 })).toMatchObject([{ body: 'red' }]);
    await worker.start(newRun('later'));
    expect(await tool.run(runKey('later'))).toMatchObject({ status: 'queued' });
    await tool[Symbol.asyncDispose]();
    expect(await worker.renew([{ run: runKey('held'), epoch }], 30_000)).toHaveLength(1);
    await worker[Symbol.asyncDispose]();
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it('goes by a mode that there is', () => {
    // The cast is what a caller in JavaScript may do.
    expect(() => sqliteStore({ path, mode: 'readonly' as 'existing' })).toThrow(TypeError);
    expect(readdirSync(directory.path)).toEqual([]);
  });

  it('STO-7: who has only read closes while another process is writing, and waits for nobody', async () => {
    const worker = sqliteStore({ path });
    await worker.start(newRun('there'));
    await worker[Symbol.asyncDispose]();
    const tool = sqliteStore({ path, mode: 'existing', busyMs: 600_000 });
    const writer = new Database(path);
    writer.exec('begin immediate');

    expect(await tool.run(runKey('there'))).toMatchObject({ status: 'queued' });
    await tool[Symbol.asyncDispose]();

    expect(writer.inTransaction).toBe(true);
    writer.close();
  });
});
