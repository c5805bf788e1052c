import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { PowerLoss } from '@prusik/testing-contracts';
import { powerLoss } from '@prusik/testing-contracts';
import Database from 'better-sqlite3';
import type { Store } from '@prusik/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { backupStore, checkStore, restoreBackup, sqliteStore } from '../src/index.ts';
import { newRun, problemsOf, runKey } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const COMMITS = 30;
const script = fileURLToPath(new URL('disk-writer.ts', import.meta.url));
const backupScript = fileURLToPath(new URL('backup-writer.ts', import.meta.url));

/** The same numbers each time, from 0 to 1. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

describe.each(['full', 'normal'] as const)('a loss of power with synchronous = %s', (synchronous) => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let record: PowerLoss;
  let copies = 0;
  let blobBytes = 0;

  beforeAll(async () => {
    directory = temporaryDirectory();
    const folder = join(directory.path, 'written');
    mkdirSync(folder);
    const command = [process.execPath, '--conditions=@prusik/source', script] as const;
    record = await powerLoss({
      command: [...command, join(folder, 'store.db'), synchronous, String(COMMITS)],
      folder,
    });
  }, 60_000);
  afterAll(() => directory.remove());

  /** The last entry that was acknowledged, and the last that is there when the power came back. */
  async function after(instant: number, random?: () => number): Promise<{ acknowledged: number; found: number }> {
    const folder = join(directory.path, String((copies += 1)));
    const printed = record.leave(instant, folder, random);
    const path = join(folder, 'store.db');
    const store = sqliteStore({ path });
    try {
      const found = (await store.run(runKey('r')))?.seq ?? 0;
      await readBlobs(store, path);
      return { acknowledged: Number(printed.at(-1) ?? 0), found };
    } finally {
      await store[Symbol.asyncDispose]();
      expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
    }
  }

  /** Rejects when bytes that a row names are missing or others than they were. */
  async function readBlobs(store: Store, path: string): Promise<void> {
    const db = new Database(path, { readonly: true });
    const hashes = db.prepare<[], string>('select hash from blobs').pluck().all();
    db.close();
    for (const hash of hashes) for await (const piece of store.readBlob('acme', hash)) blobBytes += piece.length;
  }

  const instants = (count: number): readonly number[] =>
    Array.from({ length: count }, (_, n) => Math.floor((n * (record.instants - 1)) / (count - 1)));

  it('STO-6: leaves a sound file that holds a beginning of what was written, at every instant', async () => {
    const lost: number[] = [];
    for (const instant of instants(40)) {
      const { acknowledged, found } = await after(instant);
      lost.push(Math.max(0, acknowledged - found));
      expect(found).toBeLessThanOrEqual(acknowledged + 2);
    }
    // What `normal` loses shows that the record holds what a disk would, and no more.
    expect(Math.max(...lost) > 0).toBe(synchronous === 'normal');
    expect((await after(record.instants - 1)).acknowledged).toBe(COMMITS + 1);
    expect(blobBytes).toBeGreaterThanOrEqual((COMMITS / 3) * 10_000);
  }, 60_000);

  it('STO-6: also where some of what was not synced has come to the disk', async () => {
    for (const [seed, instant] of instants(60).entries()) {
      const { acknowledged, found } = await after(instant, chance(seed + 1));
      const promised = synchronous === 'full' ? acknowledged : 0;
      expect(found, `instant ${instant}, seed ${seed + 1}`).toBeGreaterThanOrEqual(promised);
      expect(found).toBeLessThanOrEqual(acknowledged + 2);
    }
  }, 60_000);
});

describe('a loss of power at a backup', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let from: string;

  beforeAll(async () => {
    directory = temporaryDirectory();
    from = join(directory.path, 'store.db');
    const store = sqliteStore({ path: from });
    await store.start(newRun('old'));
    await backupStore({ from, to: join(directory.path, 'old.db') });
    const { hash } = await store.putBlob('acme', Buffer.alloc(10_000, 7));
    await store.start(newRun('new', { blobs: [hash], input: 'x'.repeat(20_000) }));
    await store[Symbol.asyncDispose]();
    await backupStore({ from, to: join(directory.path, 'new.db') });
  });
  afterAll(() => directory.remove());

  it.each(['backup', 'restore'] as const)(
    'STO-6: a %s is there as a whole or not at all, and what it replaces stays until then',
    async (what) => {
      const folder = join(directory.path, what);
      mkdirSync(folder);
      const to = join(folder, 'target.db');
      const old = join(directory.path, 'old.db');
      if (what === 'backup') copyFileSync(old, to);
      else await restoreBackup({ from: old, to });
      const source = what === 'backup' ? from : join(directory.path, 'new.db');
      const record = await powerLoss({
        command: [process.execPath, '--conditions=@prusik/source', backupScript, what, source, to],
        folder,
      });

      const found = new Set<string>();
      for (let n = 0; n <= 60; n += 1) {
        const instant = Math.floor((n * (record.instants - 1)) / 60);
        const into = join(directory.path, `${what}-${n}`);
        const printed = record.leave(instant, into, n % 2 === 0 ? undefined : chance(n));
        const copy = join(into, 'target.db');
        expect(await problemsOf(checkStore({ path: copy, full: true })), `instant ${instant}`).toEqual([]);
        const db = new Database(copy);
        const names = db.prepare<[], string>('select name from runs order by id').pluck().all().join(' ');
        db.close();
        found.add(names);
        expect([...printed, names].join()).toMatch(/^(old|old new|done,old new)$/);
      }
      expect([...found].toSorted()).toEqual(['old', 'old new']);
    },
    60_000,
  );
});
