import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { ioErrors, smallDisk, type FaultyCall, type FaultyProcess, type SmallDisk } from '@prusik/testing-contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupStore, checkStore, restoreBackup, sqliteStore } from '../src/index.ts';
import { newRun, note, problemsOf, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const script = fileURLToPath(new URL('disk-writer.ts', import.meta.url));
const node = [process.execPath, '--conditions=@prusik/source'] as const;

/** A commit that fails as a whole, or of which only reading tells. */
const NOT_KEPT = /^STORE_(UNAVAILABLE|AMBIGUOUS)$/;

const codeOf = (answer: Promise<{ readonly outcome: string }>): Promise<string> =>
  answer.then(
    ({ outcome }) => outcome,
    (error: { code?: string }) => String(error.code),
  );

describe('a disk that fills up', () => {
  let disk: SmallDisk;
  let path: string;

  beforeEach(() => {
    disk = smallDisk({ bytes: 2_000_000 });
    path = join(disk.path, 'store.db');
  });
  afterEach(() => disk.remove());

  it('STO-5: stops at the last commit that fitted, and goes on from there when there is room', async () => {
    const store = sqliteStore({ path });
    try {
      const epoch = await startAndClaim(store, 'r');
      let kept = 1;
      disk.fill(300_000);
      let code = 'committed';
      while (code === 'committed') {
        code = await codeOf(note(store, 'r', epoch));
        if (code === 'committed') kept += 1;
      }
      expect(kept).toBeGreaterThan(20);
      expect(code).toMatch(NOT_KEPT);
      for (let n = 0; n < 5; n += 1) expect(await codeOf(note(store, 'r', epoch))).toMatch(NOT_KEPT);
      expect((await store.run(runKey('r')))?.seq).toBe(kept);

      disk.empty();
      expect(await note(store, 'r', epoch)).toMatchObject({ outcome: 'committed', seq: kept + 1 });
    } finally {
      await store[Symbol.asyncDispose]();
    }
    expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
  });

  it('STO-5: a store that is closed on a full disk loses nothing either', async () => {
    const store = sqliteStore({ path });
    const epoch = await startAndClaim(store, 'r');
    await Promise.all(Array.from({ length: 100 }, () => note(store, 'r', epoch)));
    disk.fill();
    await store[Symbol.asyncDispose]();
    disk.empty();
    const again = sqliteStore({ path });
    expect((await again.run(runKey('r')))?.seq).toBe(101);
    await again[Symbol.asyncDispose]();
  });

  it('STO-5: no store can be made on it, and what was begun is no obstacle later', async () => {
    disk.fill();
    expect(() => sqliteStore({ path })).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));
    disk.empty();
    const store = sqliteStore({ path });
    expect((await store.start(newRun('r'))).outcome).toBe('created');
    await store[Symbol.asyncDispose]();
  });

  it('STO-5: a backup for which there is no room leaves nothing behind, and so does a restore', async () => {
    const folder = temporaryDirectory();
    try {
      const from = join(folder.path, 'store.db');
      const store = sqliteStore({ path: from });
      await Promise.all(
        Array.from({ length: 20 }, (_, n) => store.start(newRun(`r${n}`, { input: 'x'.repeat(200_000) }))),
      );
      const to = join(disk.path, 'backup.db');
      await expect(backupStore({ from, to })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      const backup = join(folder.path, 'backup.db');
      await backupStore({ from, to: backup });
      await expect(restoreBackup({ from: backup, to: path })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(readdirSync(disk.path)).toEqual([]);
      await store[Symbol.asyncDispose]();
    } finally {
      folder.remove();
    }
  });
});

describe('a place that cannot be written', { timeout: 30_000 }, () => {
  let disk: SmallDisk;
  let path: string;

  beforeEach(async () => {
    disk = smallDisk({ bytes: 2_000_000 });
    path = join(disk.path, 'store.db');
    const store = sqliteStore({ path });
    await store.start(newRun('r'));
    await store[Symbol.asyncDispose]();
  });
  afterEach(() => disk.remove());

  it('STO-4: a store on a disk that is read-only is refused and left as it is; a backup there can be checked and restored', async () => {
    const backup = join(disk.path, 'backup.db');
    await backupStore({ from: path, to: backup });
    disk.makeReadOnly();
    const before = [readFileSync(path), readdirSync(disk.path)];
    expect(() => sqliteStore({ path })).toThrow(expect.objectContaining({ code: 'STORE_UNAVAILABLE' }));
    expect(() => sqliteStore({ path: join(disk.path, 'new.db') })).toThrow(
      expect.objectContaining({ code: 'STORE_UNAVAILABLE' }),
    );
    expect([readFileSync(path), readdirSync(disk.path)]).toEqual(before);

    expect(await problemsOf(checkStore({ path: backup }))).toEqual([]);
    const elsewhere = temporaryDirectory();
    try {
      expect(await restoreBackup({ from: backup, to: join(elsewhere.path, 'store.db') })).toEqual({ generation: 2 });
    } finally {
      elsewhere.remove();
    }
  });

  it('STO-4: without the right to write to file or folder it is refused with STORE_UNAVAILABLE', () => {
    // Root may write everywhere, unless it is root without that capability. Another user might not even reach these sources.
    const openWithoutRights = (file: string): string =>
      execFileSync('setpriv', ['--bounding-set', '-dac_override,-dac_read_search', ...node, script, file, 'full'], {
        input: 'open\n',
        encoding: 'utf8',
      });
    const folder = mkdtempSync(join(disk.path, 'folder-'));
    const file = join(folder, 'store.db');
    copyFileSync(path, file);
    chmodSync(folder, 0o777);
    chmodSync(file, 0o000);
    expect(openWithoutRights(file)).toBe('ready\nSTORE_UNAVAILABLE\n');
    chmodSync(file, 0o444);
    expect(openWithoutRights(file)).toBe('ready\nSTORE_UNAVAILABLE\n');
    chmodSync(file, 0o666);
    chmodSync(folder, 0o555);
    expect(openWithoutRights(file)).toBe('ready\nSTORE_UNAVAILABLE\n');
    expect(openWithoutRights(join(folder, 'new.db'))).toBe('ready\nSTORE_UNAVAILABLE\n');
    expect(readFileSync(file).equals(readFileSync(path))).toBe(true);
    chmodSync(folder, 0o777);
    expect(openWithoutRights(file)).toBe('ready\nopened\n');
  });
});

describe('calls of the disk that fail', { timeout: 30_000 }, () => {
  let folder: string;
  let path: string;
  let faulty: FaultyProcess;
  let lines: AsyncIterator<string>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'prusik-store-'));
    path = join(folder, 'store.db');
    faulty = await ioErrors({ command: [...node, script, path, 'full'] });
    lines = createInterface({ input: faulty.process.stdout ?? process.stdin })[Symbol.asyncIterator]();
    await next();
  });
  afterEach(async () => {
    await faulty.end();
    rmSync(folder, { recursive: true, force: true });
  });

  const next = async (): Promise<unknown> => (await lines.next()).value;
  function act(what: string): Promise<unknown> {
    faulty.process.stdin?.write(`${what}\n`);
    return next();
  }

  it.each<[FaultyCall, 'EIO' | 'ENOSPC']>([
    ['write', 'EIO'],
    ['write', 'ENOSPC'],
    ['sync', 'EIO'],
  ])(
    'STO-5: a commit whose %s fails with %s is told as such, reading settles it, and the next goes on',
    async (call, code) => {
      expect(await act('open')).toBe('opened');
      let seq = 1;
      for (; seq < 5;) expect(await act('commit')).toBe(String((seq += 1)));

      for (const once of [true, false, true]) {
        faulty.fail(call, { code, once });
        for (let n = 0; n < (once ? 1 : 3); n += 1) expect(await act('commit')).toMatch(NOT_KEPT);
        faulty.heal();
        const there = Number(await act('read'));
        expect([seq, seq + 1]).toContain(there);
        seq = there;
        expect(await act('commit')).toBe(String((seq += 1)));
      }
      expect(await act('close')).toBe('closed');
      expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
      expect(await act('open')).toBe('opened');
      expect(await act('read')).toBe(String(seq));
    },
  );

  it.each<FaultyCall>(['write', 'sync', 'truncate', 'unlink'])(
    'STO-5: a close whose %s fails leaves everything in the file and its log',
    async (call) => {
      expect(await act('open')).toBe('opened');
      expect(await act('large')).toBe('2');
      expect(await act('commit')).toBe('3');
      faulty.fail(call);
      expect(await act('close')).toBe('closed');
      faulty.heal();
      expect(await act('open')).toBe('opened');
      expect(await act('read')).toBe('3');
      expect(await act('close')).toBe('closed');
      expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
    },
  );

  it.each<FaultyCall>(['open', 'read', 'write', 'sync'])(
    'STO-5: an opening whose %s fails is refused with a code, and the next one is not',
    async (call) => {
      // Modules are read once; only after that may opening fail.
      expect(await act('open')).toBe('opened');
      expect(await act('commit')).toBe('2');
      expect(await act('close')).toBe('closed');
      faulty.fail(call);
      expect(await act('open')).toMatch(NOT_KEPT);
      faulty.heal();
      expect(await act('open')).toBe('opened');
      expect(await act('read')).toBe('2');
    },
  );

  it('STO-5: a new store that could not be written is made by the next opening', async () => {
    faulty.fail('sync');
    expect(await act('open')).toBe('STORE_UNAVAILABLE');
    faulty.heal();
    expect(await act('open')).toBe('opened');
    expect(await act('commit')).toBe('2');
  });

  it('STO-5: a page that cannot be read is told, and can be read later', async () => {
    expect(await act('open')).toBe('opened');
    for (let seq = 2; seq < 4; seq += 1) expect(await act('large')).toBe(String(seq));
    expect(await act('close')).toBe('closed');
    expect(await act('open')).toBe('opened');
    faulty.fail('read');
    expect(await act('read')).toMatch(/^(3|STORE_UNAVAILABLE)$/);
    expect(await act('commit')).toMatch(/^(4|STORE_UNAVAILABLE)$/);
    faulty.heal();
    expect(await act('read')).toMatch(/^[34]$/);
  });
});
