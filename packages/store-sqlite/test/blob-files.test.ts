import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { fakeClock } from '@prusik/testing-contracts';
import type { Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { startBlobWriter } from './child-process.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const GRACE_MS = 3_600_000;
let directory: ReturnType<typeof temporaryDirectory>;
let path: string;
let folder: string;
const clock = fakeClock();
const opened: Store[] = [];

function open(): Store {
  const store = sqliteStore({ path, clock });
  opened.push(store);
  return store;
}

beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory.path, 'store.db');
  folder = `${path}-blobs`;
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store[Symbol.asyncDispose]();
  directory.remove();
});

const fileOf = (hash: string): string => join(folder, hash.slice(7, 9), hash.slice(7));
const inTmp = (): readonly string[] => readdirSync(join(folder, 'tmp'));

async function read(store: Store, hash: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const piece of store.readBlob('acme', hash)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

async function sweepAll(store: Store): Promise<number> {
  let blobs = 0;
  for (let after: string | undefined = 'row-0'; after !== undefined;) {
    const swept = await store.sweepBlobs({ after });
    blobs += swept.blobs;
    after = swept.next;
  }
  return blobs;
}

describe('files of blobs', () => {
  const damages: Record<string, (file: string) => void> = {
    'is gone': (file) => rmSync(file),
    'is cut off': (file) => truncateSync(file, 3),
    'has grown': (file) => appendFileSync(file, 'x'),
    'has other bytes': (file) => writeFileSync(file, 'r0pe'),
    'is a link': (file) => {
      writeFileSync(`${path}-elsewhere`, 'rope');
      rmSync(file);
      symlinkSync(`${path}-elsewhere`, file);
    },
  };
  it.each(Object.entries(damages))(
    'I1: a blob whose file %s is never read as if it were whole',
    async (how, damage) => {
      const store = open();
      const { hash } = await store.putBlob('acme', Buffer.from('rope'));
      damage(fileOf(hash));

      const code = how === 'is a link' ? 'STORE_UNAVAILABLE' : 'STORE_CORRUPT';
      await expect(read(store, hash)).rejects.toMatchObject({ code });

      await store.putBlob('acme', Buffer.from('rope'));
      expect(await read(store, hash)).toBe('rope');
    },
  );

  it('I8: what a crash left between a file and its row, or within a file, is swept once it is old', async () => {
    const store = open();
    const { hash } = await store.putBlob('acme', Buffer.from('kept'));
    const orphan = `sha256:${'ab'.repeat(32)}`;
    mkdirSync(join(folder, 'ab'), { recursive: true });
    for (const file of [fileOf(orphan), join(folder, 'tmp', 'half')]) {
      writeFileSync(file, 'left');
      utimesSync(file, clock.now() / 1_000, clock.now() / 1_000);
    }
    writeFileSync(join(folder, 'ab', 'not-ours'), 'somebody’s');

    clock.advance(GRACE_MS - 1);
    await sweepAll(store);
    expect([existsSync(fileOf(orphan)), inTmp()]).toEqual([true, ['half']]);
    clock.advance(1);
    expect(await sweepAll(store)).toBe(1);

    expect([existsSync(fileOf(orphan)), existsSync(fileOf(hash)), inTmp()]).toEqual([false, false, []]);
    expect(readFileSync(join(folder, 'ab', 'not-ours'), 'utf8')).toBe('somebody’s');
  });

  it('I9: a put that fails leaves nothing on the disk', async () => {
    const store = sqliteStore({ path, clock, maxBlobBytes: 1_000_000 });
    opened.push(store);
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) yield Buffer.alloc(65_536);
    }
    async function* missing(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('begun');
      throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    }
    await expect(store.putBlob('acme', endless())).rejects.toMatchObject({ code: 'BLOB_TOO_LARGE' });
    await expect(store.putBlob('acme', Buffer.alloc(1_000_001))).rejects.toMatchObject({ code: 'BLOB_TOO_LARGE' });
    await store.putBlob('acme', Buffer.alloc(1_000_000));
    await expect(store.putBlob('acme', missing())).rejects.toMatchObject({ message: 'no such file', code: 'ENOENT' });
    expect(inTmp()).toEqual([]);
  });

  it('I9: bytes whose row could not be written do not stay', async () => {
    const store = sqliteStore({ path, clock, busyMs: 300 });
    opened.push(store);
    const other = new Database(path);
    other.exec('begin immediate');
    await expect(store.putBlob('acme', Buffer.from('rope'))).rejects.toMatchObject({ code: 'STORE_BUSY' });
    const hash = `sha256:${createHash('sha256').update('rope').digest('hex')}`;
    expect(existsSync(fileOf(hash))).toBe(true);
    other.exec('rollback');
    other.close();

    while (existsSync(fileOf(hash)) || inTmp().length > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(await store.blob('acme', hash)).toBeUndefined();
  });

  it('I8: a folder that is a link or no directory is refused, and not written to', async () => {
    const elsewhere = join(directory.path, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, folder);
    await expect(open().putBlob('acme', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
    expect(readdirSync(elsewhere)).toEqual([]);

    rmSync(folder);
    writeFileSync(folder, 'a file');
    await expect(open().putBlob('acme', Buffer.from('x'))).rejects.toMatchObject({ code: 'STORE_FOREIGN' });
  });

  it('a folder that somebody removed is made anew', async () => {
    const store = open();
    await store.putBlob('acme', Buffer.from('x'));
    rmSync(folder, { recursive: true });
    await expect(store.putBlob('acme', Buffer.from('x'))).rejects.toMatchObject({
      code: 'STORE_UNAVAILABLE',
      retryable: true,
    });
    const { hash } = await store.putBlob('acme', Buffer.from('x'));
    expect(await read(store, hash)).toBe('x');
  });

  it('I1: a reader that has begun ends with the whole blob, also when it is swept meanwhile', async () => {
    const store = open();
    const bytes = Buffer.alloc(2_000_000, 7);
    const { hash } = await store.putBlob('acme', bytes);
    const reader = store.readBlob('acme', hash)[Symbol.asyncIterator]();
    let size = (await reader.next()).value?.byteLength ?? 0;
    clock.advance(GRACE_MS);
    expect(await sweepAll(store)).toBe(1);
    for (let next = await reader.next(); next.done !== true; next = await reader.next()) size += next.value.byteLength;
    expect(size).toBe(bytes.byteLength);
  });

  it('I9: no more of a body is held in memory than the piece that is being written', async () => {
    const store = open();
    const piece = 500_000;
    const behind: number[] = [];
    async function* large(): AsyncGenerator<Uint8Array> {
      for (let n = 0; n < 20; n += 1) {
        const [draft] = inTmp();
        behind.push(n * piece - statSync(join(folder, 'tmp', draft ?? '')).size);
        yield Buffer.alloc(piece, n);
      }
    }
    await store.putBlob('acme', large());
    expect(behind).toEqual(Array.from({ length: 20 }, () => 0));
  });
});

describe('processes that put blobs', () => {
  it('I1: two that put the same bytes over and over lose none, and leave nothing behind', async () => {
    const store = open();
    const writers = [startBlobWriter(path, '40'), startBlobWriter(path, '40')];
    expect(await Promise.all(writers.map(({ gone }) => gone))).toEqual([0, 0]);
    const [first, second] = writers.map(({ lines }) => lines.filter((line) => line.startsWith('sha256:')));
    expect(first).toEqual(second);
    for (const hash of new Set(first)) expect((await read(store, hash)).length).toBe(100_000);
    expect(inTmp()).toEqual([]);
  });

  it('I8: one that is killed while it puts leaves no row without its bytes, and its rest is swept', async () => {
    const store = open();
    const writer = startBlobWriter(path, '100000');
    await writer.printed(20);
    writer.process.kill('SIGKILL');
    await writer.gone;
    for (const hash of new Set(writer.lines.filter((line) => line.startsWith('sha256:'))))
      expect((await read(store, hash)).length).toBe(100_000);
    // Files and rows are as old as that process's clock, which is the machine's.
    clock.jump(Date.now() + 2 * GRACE_MS - clock.now());
    await sweepAll(store);
    expect(inTmp()).toEqual([]);
    const left = readdirSync(folder).filter((name) => readdirSync(join(folder, name)).length > 0);
    expect(left).toEqual([]);
  });
});
