import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { basename, join } from 'node:path';
import Database from 'better-sqlite3';
import type { Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupStore, checkStore, restoreBackup, sqliteStore } from '../src/index.ts';
import { startWriter } from './child-process.ts';
import { claimRun, end, newRun, note, park, problemsOf, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('backup and restore', { timeout: 30_000 }, () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let from: string;
  let backup: string;
  let to: string;
  let opened: Store[];

  beforeEach(() => {
    directory = temporaryDirectory();
    from = join(directory.path, 'store.db');
    backup = join(directory.path, 'backup.db');
    to = join(directory.path, 'restored.db');
    opened = [];
  });
  afterEach(async () => {
    for (const store of opened) await store[Symbol.asyncDispose]();
    directory.remove();
  });

  function open(path: string): Store {
    const store = sqliteStore({ path, pollMs: 20 });
    opened.push(store);
    return store;
  }
  const fill = async (store: Store, count: number): Promise<void> => {
    const runs = Array.from({ length: count }, (_, n) => newRun(`filler-${n}`, { input: 'x'.repeat(4_000) }));
    await Promise.all(runs.map((run) => store.start(run)));
  };

  it('STO-1: what those who died at it have left is taken away by the next at the same place, and nothing of anybody else', async () => {
    await fill(open(from), 1);
    const dead = `${backup}.partial-${randomUUID()}`;
    for (const suffix of ['', '-journal']) writeFileSync(`${dead}${suffix}`, 'half');
    mkdirSync(join(`${dead}-blobs`, 'ab'), { recursive: true });
    const others = [`${backup}.partial-notes`, `${to}.partial-${randomUUID()}`];
    for (const other of others) writeFileSync(other, 'theirs');

    await backupStore({ from, to: backup });

    expect(readdirSync(directory.path).filter((name) => name.includes('.partial-'))).toEqual(
      others.map((other) => basename(other)).toSorted(),
    );
    await restoreBackup({ from: backup, to });
    expect(existsSync(String(others[1]))).toBe(false);
  });

  it.each([backupStore, restoreBackup])(
    'STO-5: a name that is too long is said to be what is wrong (%o)',
    async (copy) => {
      await fill(open(from), 1);
      await backupStore({ from, to: backup });

      await expect(
        copy({ from: copy === backupStore ? from : backup, to: join(directory.path, 'x'.repeat(250)) }),
      ).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    },
  );

  it('STO-1: a backup is one file that holds everything that was answered before', async () => {
    const store = open(from);
    await fill(store, 500);
    await end(store, 'done', await startAndClaim(store, 'done'));
    await backupStore({ from, to: backup });
    await restoreBackup({ from: backup, to });

    expect(readdirSync(directory.path).filter((name) => !name.startsWith('store.db'))).toEqual([
      'backup.db',
      'restored.db',
    ]);
    const restored = open(to);
    expect(await restored.run(runKey('done'))).toMatchObject({ status: 'completed', seq: 2 });
    expect((await restored.run(runKey('filler-499')))?.input).toBe('x'.repeat(4_000));
    expect(await problemsOf(checkStore({ path: to }))).toEqual([]);
  });

  it('STO-1: beside processes that write all the time it is of one instant, and is finished', async () => {
    const store = open(from);
    await fill(store, 1_000);
    const writer = startWriter(from, 'beside', '1000000');
    await writer.printed(5);
    let own = 0;
    let going = true;
    const epoch = await startAndClaim(store, 'own');
    const writing = (async () => {
      while (going) own = (await note(store, 'own', epoch)).outcome === 'committed' ? own + 1 : own;
    })();
    const [before, seen] = [own, writer.lines.length - 1];
    let pieces = 0;
    await backupStore({ from, to: backup, onProgress: () => (pieces += 1) });
    going = false;
    await writing;
    writer.process.kill('SIGKILL');
    await writer.gone;

    expect(pieces).toBeGreaterThan(3);
    expect(own).toBeGreaterThan(before);
    expect(await problemsOf(checkStore({ path: backup }))).toEqual([]);
    await restoreBackup({ from: backup, to });
    expect((await open(to).run(runKey('beside')))?.seq).toBeGreaterThanOrEqual(seen);
  });

  it('STO-1: the lock that a dead process left keeps nobody away, one that is held does, and none stays behind', async () => {
    await open(from).start(newRun('r'));
    const lock = `${backup}.partial-lock`;
    const left = new Database(lock);
    left.pragma('user_version = 1');
    left.exec('begin exclusive');
    await expect(backupStore({ from, to: backup })).rejects.toMatchObject({ code: 'STORE_BUSY', retryable: true });
    left.close();
    expect(existsSync(lock)).toBe(true);
    await backupStore({ from, to: backup });
    expect(readdirSync(directory.path).filter((name) => name.includes('backup'))).toEqual(['backup.db']);
  });

  it('STO-1: what is stopped leaves nothing behind', async () => {
    await fill(open(from), 1_000);
    const stop = new AbortController();
    const reason = new Error('Enough');
    await expect(
      backupStore({ from, to: backup, signal: stop.signal, onProgress: () => stop.abort(reason) }),
    ).rejects.toBe(reason);
    await expect(backupStore({ from, to: backup, signal: stop.signal })).rejects.toBe(reason);
    await expect(
      backupStore({
        from,
        to: backup,
        onProgress() {
          throw reason;
        },
      }),
    ).rejects.toBe(reason);
    expect(readdirSync(directory.path).filter((name) => name.includes('backup'))).toEqual([]);
  });

  it('STO-1: replaces an earlier backup only when told, and nothing else ever', async () => {
    const store = open(from);
    await store.start(newRun('first'));
    await backupStore({ from, to: backup });
    const first = readFileSync(backup);
    await store.start(newRun('second'));

    await expect(backupStore({ from, to: backup })).rejects.toMatchObject({ code: 'STORE_EXISTS' });
    expect(readFileSync(backup).equals(first)).toBe(true);
    await backupStore({ from, to: backup, overwrite: true });
    expect(readFileSync(backup).equals(first)).toBe(false);

    await expect(backupStore({ from, to: from, overwrite: true })).rejects.toThrow(TypeError);
    const other = join(directory.path, 'letter.txt');
    writeFileSync(other, 'Dear all');
    await expect(backupStore({ from, to: other, overwrite: true })).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
    expect(readFileSync(other, 'utf8')).toBe('Dear all');
    expect(await store.run(runKey('second'))).toBeDefined();
  });

  it('STO-1: what cannot be backed up is refused with a code', async () => {
    await expect(backupStore({ from, to: backup })).rejects.toMatchObject({ code: 'STORE_MISSING' });
    await expect(restoreBackup({ from: backup, to })).rejects.toMatchObject({
      code: 'STORE_MISSING',
      message: `There is no backup at ${backup}`,
    });
    writeFileSync(from, 'Dear all');
    await expect(backupStore({ from, to: backup })).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
    const store = open(to);
    await store.start(newRun('r'));
    await expect(backupStore({ from: to, to: join(directory.path, 'none', 'b') })).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
    });
    mkdirSync(backup);
    await expect(backupStore({ from: to, to: backup, overwrite: true })).rejects.toMatchObject({
      code: 'STORE_FOREIGN',
    });
  });

  it('STO-1: a backup is no store', async () => {
    await open(from).start(newRun('r'));
    await backupStore({ from, to: backup });
    const before = readFileSync(backup);
    expect(() => sqliteStore({ path: backup })).toThrow(expect.objectContaining({ code: 'STORE_IS_BACKUP' }));
    await expect(backupStore({ from: backup, to })).rejects.toMatchObject({ code: 'STORE_IS_BACKUP' });
    expect(readFileSync(backup).equals(before)).toBe(true);
    expect(existsSync(`${backup}-wal`)).toBe(false);
  });

  it('STO-2: in a restored store nobody holds a run: what ran is ready, what was parked stays parked', async () => {
    const store = open(from);
    const held = await startAndClaim(store, 'held');
    await park(store, 'parked', await startAndClaim(store, 'parked'));
    await end(store, 'done', await startAndClaim(store, 'done'));
    await store.start(newRun('new'));
    await backupStore({ from, to: backup });
    // The file goes on after the backup, further than the backup knows.
    await note(store, 'held', held, { transition: { type: 'release' } });
    const later = await claimRun(store, 'held');
    expect(await restoreBackup({ from: backup, to })).toEqual({ generation: 2 });

    const restored = open(to);
    const { claims } = await restored.claim({
      worker: 'after',
      leaseMs: 1_000,
      limit: 9,
      suspects: { room: 0, alone: 1 },
      definitions: [{ name: 'order', versions: ['1'] }],
    });
    expect(claims.map(({ run, lost }) => [run.key.run, lost])).toEqual([
      ['held', 0],
      ['new', 0],
    ]);
    expect(claims[0]?.run.epoch).toBeGreaterThan(later);
    for (const epoch of [held, later]) expect(await note(restored, 'held', epoch)).toEqual({ outcome: 'stale' });
    expect(await restored.renew([{ run: runKey('held'), epoch: later }], 1_000)).toEqual([]);
    expect(await restored.run(runKey('parked'))).toMatchObject({ status: 'waiting', seq: 2 });
    expect(await restored.run(runKey('done'))).toMatchObject({ status: 'completed', epoch: 1 });
    await restored.signal({ run: runKey('parked'), kind: 'user', key: 'go', body: null });
    expect(await claimRun(restored, 'parked')).toBeGreaterThan(1);
    expect(await problemsOf(checkStore({ path: to }))).toEqual([]);
  });

  it('STO-2: what ran is ready in a restored store since the last write that the backup knows', async () => {
    let now = 1_700_000_000_000;
    const store = sqliteStore({ path: from, clock: { now: () => now } });
    opened.push(store);
    const held = await startAndClaim(store, 'held');
    now += 7;
    await note(store, 'held', held);
    await backupStore({ from, to: backup });
    await restoreBackup({ from: backup, to });
    const db = new Database(to, { readonly: true });
    try {
      expect(db.prepare("select ready_at from runs where name = 'held'").pluck().get()).toBe(now);
    } finally {
      db.close();
    }
  });

  it('STO-2: a restored store takes the place of another only when told, and when no process has that open', async () => {
    const store = open(from);
    await store.start(newRun('kept'));
    await backupStore({ from, to: backup });
    await store.start(newRun('later'));
    const before = readFileSync(from);

    await expect(restoreBackup({ from: backup, to: from })).rejects.toMatchObject({ code: 'STORE_EXISTS' });
    await expect(restoreBackup({ from: backup, to: from, overwrite: true })).rejects.toMatchObject({
      code: 'STORE_BUSY',
      retryable: true,
    });
    expect(readFileSync(from).equals(before)).toBe(true);
    expect(await store.run(runKey('later'))).toBeDefined();
    await store[Symbol.asyncDispose]();

    const elsewhere = startWriter(from, 'elsewhere', '1', 'hold');
    await elsewhere.printed(2);
    await expect(restoreBackup({ from: backup, to: from, overwrite: true })).rejects.toMatchObject({
      code: 'STORE_BUSY',
    });
    elsewhere.process.kill('SIGKILL');
    await elsewhere.gone;

    writeFileSync(`${from}-live`, 'text of a run that nobody drives any more');
    expect(await restoreBackup({ from: backup, to: from, overwrite: true })).toEqual({ generation: 2 });
    expect(readdirSync(directory.path)).toEqual(['backup.db', 'store.db']);
    const restored = open(from);
    expect(await restored.run(runKey('kept'))).toBeDefined();
    expect(await restored.run(runKey('later'))).toBeUndefined();
    await restored[Symbol.asyncDispose]();
    expect(await restoreBackup({ from: backup, to: from, overwrite: true })).toEqual({ generation: 3 });
  });

  it('STO-2: what is no sound backup is not restored, and what was there stays', async () => {
    const store = open(from);
    await fill(store, 50);
    await expect(restoreBackup({ from, to })).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
    await backupStore({ from, to: backup });
    const target = open(to);
    await target.start(newRun('mine'));
    await target[Symbol.asyncDispose]();
    const before = readFileSync(to);

    const torn = join(directory.path, 'torn.db');
    const whole = readFileSync(backup);
    writeFileSync(torn, whole.subarray(0, whole.length - 4_096));
    await expect(restoreBackup({ from: torn, to, overwrite: true })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    const flipped = Buffer.from(whole);
    flipped.fill(0xaa, whole.length - 8_192, whole.length - 4_096);
    writeFileSync(torn, flipped);
    await expect(restoreBackup({ from: torn, to, overwrite: true })).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    writeFileSync(torn, whole);
    const db = new Database(torn);
    db.exec(`update runs set status = 'running' where name = 'filler-7'`);
    db.close();
    await expect(restoreBackup({ from: torn, to, overwrite: true })).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      message: expect.stringContaining('filler-7'),
    });
    await expect(restoreBackup({ from: join(directory.path, 'none'), to, overwrite: true })).rejects.toMatchObject({
      code: 'STORE_MISSING',
    });
    expect(readFileSync(to).equals(before)).toBe(true);
    expect(readdirSync(directory.path).filter((name) => name.includes('partial'))).toEqual([]);
  });

  it('STO-2: a damaged store is not replaced, and the log of one that is gone is not taken for that of the new one', async () => {
    const store = open(from);
    await fill(store, 50);
    await backupStore({ from, to: backup });
    await store[Symbol.asyncDispose]();
    const damaged = readFileSync(from).fill(0xaa, 100, 4_000);
    writeFileSync(from, damaged);
    await expect(restoreBackup({ from: backup, to: from, overwrite: true })).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
    });
    expect(readFileSync(from).equals(damaged)).toBe(true);
    const fresh = join(directory.path, 'fresh.db');
    writeFileSync(`${fresh}-wal`, 'of another time');
    await expect(restoreBackup({ from: backup, to: fresh })).rejects.toMatchObject({
      code: 'STORE_EXISTS',
      message: expect.stringContaining('fresh.db-wal'),
    });
    expect(existsSync(fresh)).toBe(false);
  });

  describe('with blobs', () => {
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    async function read(store: Store, hash: string): Promise<string> {
      let text = '';
      for await (const piece of store.readBlob('acme', hash)) text += new TextDecoder().decode(piece);
      return text;
    }
    const fileOf = (path: string, hash: string): string => {
      const digits = hash.slice('sha256:'.length);
      return join(`${path}-blobs`, digits.slice(0, 2), digits);
    };

    it('STO-1: holds the bytes that its rows name, as files of its own', async () => {
      const store = open(from);
      const hashes = await Promise.all(
        ['one', 'two', 'three'].map(async (text) => (await store.putBlob('acme', bytes(text))).hash),
      );
      await store.start(newRun('r', { blobs: hashes }));
      await backupStore({ from, to: backup });
      for (const hash of hashes) writeFileSync(fileOf(from, hash), 'damaged');

      expect(await problemsOf(checkStore({ path: backup }))).toEqual([]);
      await restoreBackup({ from: backup, to });
      const restored = open(to);
      expect(await Promise.all(hashes.map((hash) => read(restored, hash)))).toEqual(['one', 'two', 'three']);
      expect(
        readdirSync(`${to}-blobs`, { recursive: true }).filter((name) => String(name).includes('partial')),
      ).toEqual([]);
    });

    it('STO-1, STO-2: of several to one place at once one is made, with all of its bytes', async () => {
      const store = open(from);
      const { hash } = await store.putBlob('acme', bytes('kept'));
      await store.start(newRun('r', { blobs: [hash] }));
      const codes = async (work: readonly Promise<unknown>[]): Promise<unknown[]> =>
        (await Promise.allSettled(work)).map((one) => (one.status === 'fulfilled' ? 'made' : one.reason.code));
      const backups = [1, 2, 3].map(() => backupStore({ from, to: backup }));
      expect(await codes(backups)).toEqual(['made', 'STORE_BUSY', 'STORE_BUSY']);
      const restores = [1, 2, 3].map(() => restoreBackup({ from: backup, to }));
      expect(await codes(restores)).toEqual(['made', 'STORE_BUSY', 'STORE_BUSY']);
      await expect(backupStore({ from, to: backup })).rejects.toMatchObject({ code: 'STORE_EXISTS' });
      await expect(restoreBackup({ from: backup, to })).rejects.toMatchObject({ code: 'STORE_EXISTS' });

      for (const path of [backup, to]) expect(await problemsOf(checkStore({ path }))).toEqual([]);
      expect(await read(open(to), hash)).toBe('kept');
      expect(readdirSync(directory.path).filter((name) => name.includes('partial'))).toEqual([]);
    });

    it('STO-2: a store that is made while another is restored in its place loses nothing', async () => {
      const store = open(from);
      await Promise.all(Array.from({ length: 20 }, (_, n) => store.putBlob('acme', bytes(`blob ${n}`))));
      await backupStore({ from, to: backup });
      const restoring = restoreBackup({ from: backup, to });
      const made = open(to);
      const { hash } = await made.putBlob('acme', bytes('mine'));
      await expect(restoring).rejects.toMatchObject({ code: 'STORE_EXISTS' });
      expect(await read(made, hash)).toBe('mine');
      expect(await problemsOf(checkStore({ path: to }))).toEqual([]);
      expect(readdirSync(directory.path).filter((name) => name.includes('partial'))).toEqual([]);
    });

    it('STO-2: bytes that were damaged where they were are those of the backup again, and the other way round', async () => {
      const store = open(from);
      const { hash } = await store.putBlob('acme', bytes('whole'));
      await backupStore({ from, to: backup });
      writeFileSync(fileOf(backup, hash), 'wrong');
      await backupStore({ from, to: backup, overwrite: true });
      await store[Symbol.asyncDispose]();
      writeFileSync(fileOf(from, hash), 'wrong');
      await restoreBackup({ from: backup, to: from, overwrite: true });
      expect(await read(open(from), hash)).toBe('whole');
    });

    it('STO-1: an earlier backup that is replaced leaves no bytes that the new one does not name', async () => {
      const store = open(from);
      const { hash: old } = await store.putBlob('acme', bytes('old'));
      await backupStore({ from, to: backup });
      expect(existsSync(fileOf(backup, old))).toBe(true);
      for (let after: string | undefined = ''; after !== undefined;)
        after = (await store.sweepBlobs({ graceMs: 0, ...(after === '' ? {} : { after }) })).next;
      const { hash: young } = await store.putBlob('acme', bytes('young'));
      await backupStore({ from, to: backup, overwrite: true });
      expect([existsSync(fileOf(backup, old)), existsSync(fileOf(backup, young))]).toEqual([false, true]);
    });

    it('STO-1: begins anew when a blob is swept meanwhile, and says which is missing when it should be there', async () => {
      const store = open(from);
      const blobs = await Promise.all(Array.from({ length: 20 }, (_, n) => store.putBlob('acme', bytes(`blob ${n}`))));
      const [swept = '', missing = ''] = blobs.map(({ hash }) => hash);
      const backingUp = backupStore({ from, to: backup });
      const db = new Database(from);
      db.prepare('delete from blobs where hash = ?').run(swept);
      rmSync(fileOf(from, swept));
      await backingUp;
      expect(await problemsOf(checkStore({ path: backup }))).toEqual([]);

      rmSync(fileOf(from, missing));
      const second = join(directory.path, 'second.db');
      await expect(backupStore({ from, to: second })).rejects.toMatchObject({
        code: 'STORE_CORRUPT',
        message: expect.stringContaining(missing),
      });
      db.close();
      expect(readdirSync(directory.path).filter((name) => name.startsWith('second'))).toEqual([]);
    });

    it('STO-2: a backup whose blobs are damaged is not restored', async () => {
      const store = open(from);
      const { hash } = await store.putBlob('acme', bytes('whole'));
      await backupStore({ from, to: backup });
      writeFileSync(fileOf(backup, hash), 'half');
      await expect(restoreBackup({ from: backup, to })).rejects.toMatchObject({
        code: 'STORE_CORRUPT',
        message: expect.stringContaining(hash),
      });
      expect(readdirSync(directory.path).filter((name) => name.startsWith('restored'))).toEqual([]);
    });
  });
});
