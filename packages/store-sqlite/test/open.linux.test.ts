import { execFileSync } from 'node:child_process';
import { realpathSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupStore, restoreBackup, sqliteStore } from '../src/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('a new file', () => {
  let directory: ReturnType<typeof temporaryDirectory>;

  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => directory.remove());

  it('I11: can be read by its owner only, and so can its companions', async () => {
    const path = join(directory.path, 'store.db');
    const store = sqliteStore({ path });
    await store.signal({ run: { tenant: 'acme', run: 'r' }, kind: 'user', key: 'k', body: null });
    const modes = ['', '-wal', '-shm'].map((suffix) => statSync(`${path}${suffix}`).mode & 0o777);
    await store[Symbol.asyncDispose]();
    expect(modes).toEqual([0o600, 0o600, 0o600]);
  });

  it('may have a name with spaces, quotes and other scripts', async () => {
    const path = join(directory.path, `it's a "store" ünï %41?.db`);
    await sqliteStore({ path })[Symbol.asyncDispose]();
    expect(statSync(path).size).toBeGreaterThan(0);
  });

  it('STO-4: a link to a store is that store, a link to nowhere is refused', async () => {
    const path = join(directory.path, 'store.db');
    await sqliteStore({ path })[Symbol.asyncDispose]();
    const link = join(directory.path, 'link.db');
    symlinkSync(path, link);
    const store = sqliteStore({ path: link });
    expect(realpathSync(link)).toBe(path);
    expect((await store.listRuns({ tenant: 'acme', limit: 1 })).items).toEqual([]);
    await store[Symbol.asyncDispose]();
    symlinkSync(join(directory.path, 'nowhere'), `${link}.2`);
    expect(() => sqliteStore({ path: `${link}.2` })).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));
    expect(statSync(join(directory.path, 'nowhere'), { throwIfNoEntry: false })).toBeUndefined();
  });

  it('STO-4: is not looked for in a pipe, which would be waited for, nor in a socket or device', async () => {
    const path = join(directory.path, 'pipe');
    execFileSync('mkfifo', [path]);
    const unavailable = expect.objectContaining({ code: 'STORE_UNAVAILABLE' });
    expect(() => sqliteStore({ path })).toThrow(unavailable);
    expect(() => sqliteStore({ path: '/dev/null' })).toThrow(unavailable);
    await expect(backupStore({ from: path, to: `${path}.backup` })).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
    await expect(restoreBackup({ from: path, to: `${path}.store` })).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
    const store = sqliteStore({ path: `${path}.real` });
    const backup = join(directory.path, 'backup.db');
    await backupStore({ from: `${path}.real`, to: backup });
    await expect(backupStore({ from: `${path}.real`, to: path, overwrite: true })).rejects.toMatchObject({
      code: 'STORE_FOREIGN',
    });
    await expect(restoreBackup({ from: backup, to: path, overwrite: true })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    await store[Symbol.asyncDispose]();
  });

  it('I11: a backup and a restored store can be read by their owner only', async () => {
    const [from, backup, to] = ['store.db', 'backup.db', 'restored.db'].map((name) => join(directory.path, name)) as [
      string,
      string,
      string,
    ];
    const store = sqliteStore({ path: from });
    await store.putBlob('acme', new Uint8Array(3));
    await backupStore({ from, to: backup });
    await restoreBackup({ from: backup, to });
    await store[Symbol.asyncDispose]();
    for (const path of [backup, to]) {
      expect(statSync(path).mode & 0o777).toBe(0o600);
      expect(statSync(`${path}-blobs`).mode & 0o777).toBe(0o700);
    }
  });
});
