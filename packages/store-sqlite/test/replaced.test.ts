import { copyFileSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkStore, sqliteStore } from '../src/index.ts';
import { claimRun, newRun, note, problemsOf, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const REPLACED = { code: 'STORE_REPLACED', retryable: false };

// An open file can be neither moved nor removed on Windows.
describe.runIf(process.platform !== 'win32')('a file that is taken away while it is open', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let path: string;
  let store: Store;

  beforeEach(() => {
    directory = temporaryDirectory();
    path = join(directory.path, 'store.db');
    store = sqliteStore({ path, pollMs: 10 });
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    directory.remove();
  });

  /** The codes that every kind of call answers with. */
  async function answers(epoch: number): Promise<readonly unknown[]> {
    const results = await Promise.allSettled([
      note(store, 'r', epoch),
      store.renew([{ run: runKey('r'), epoch }], 1_000),
      claimRun(store, 'r'),
      store.start(newRun('other')),
      store.run(runKey('r')),
      store.entries(runKey('r'), { after: 0, limit: 1 }),
    ]);
    return results.map((result) => (result.status === 'rejected' ? result.reason : result.value));
  }
  const allReplaced = Array.from({ length: 6 }, () => expect.objectContaining(REPLACED));

  it('STO-3: is neither written nor read any more, and stays so when it comes back', async () => {
    const epoch = await startAndClaim(store, 'r');
    renameSync(path, `${path}.away`);
    expect(await answers(epoch)).toEqual(allReplaced);
    renameSync(`${path}.away`, path);
    expect(await answers(epoch)).toEqual(allReplaced);
  });

  it('STO-3, STO-5: a commit of which it cannot be seen where it went is ambiguous, and reading tells', async () => {
    const folder = join(directory.path, 'folder');
    mkdirSync(folder);
    let hidden = false;
    // The clock is asked inside the transaction. A link to itself leads nowhere, and is no missing file either.
    const clock = {
      now() {
        if (hidden && lstatSync(folder).isDirectory()) {
          renameSync(folder, `${folder}.away`);
          symlinkSync(folder, folder);
        }
        return Date.now();
      },
    };
    const timed = sqliteStore({ path: join(folder, 'store.db'), clock });
    const epoch = await startAndClaim(timed, 'r');
    hidden = true;
    await expect(note(timed, 'r', epoch)).rejects.toMatchObject({
      code: 'STORE_AMBIGUOUS',
      cause: { code: 'STORE_UNAVAILABLE' },
    });
    hidden = false;
    rmSync(folder);
    renameSync(`${folder}.away`, folder);
    expect((await timed.run(runKey('r')))?.seq).toBe(2);
    await timed[Symbol.asyncDispose]();
  });

  it('STO-3: a commit whose file is taken away in the middle of it is not acknowledged', async () => {
    const other = join(directory.path, 'other.db');
    let taken = false;
    // The clock is asked inside the transaction.
    const clock = { now: () => (taken && rmSync(other, { force: true }), Date.now()) };
    const timed = sqliteStore({ path: other, clock });
    const epoch = await startAndClaim(timed, 'r');
    taken = true;
    for (const { status } of await Promise.allSettled([note(timed, 'r', epoch), note(timed, 'r', epoch)]))
      expect(status).toBe('rejected');
    await timed[Symbol.asyncDispose]();
  });

  it('STO-3: another file in its place is not written by the one before, and not hurt by its closing', async () => {
    const epoch = await startAndClaim(store, 'r');
    const away = join(directory.path, 'away');
    mkdirSync(away);
    for (const suffix of ['', '-wal', '-shm']) renameSync(`${path}${suffix}`, join(away, `store.db${suffix}`));
    const next = sqliteStore({ path });
    try {
      await next.start(newRun('new'));
      expect(await answers(epoch)).toEqual(allReplaced);
      await store[Symbol.asyncDispose]();
      await next.start(newRun('newer'));
    } finally {
      await next[Symbol.asyncDispose]();
    }
    const again = sqliteStore({ path });
    expect(await again.run(runKey('newer'))).toBeDefined();
    expect(await again.run(runKey('r'))).toBeUndefined();
    await again[Symbol.asyncDispose]();
    expect(await problemsOf(checkStore({ path }))).toEqual([]);
  });

  it('STO-3: whoever waits for news is told to look again', async () => {
    await startAndClaim(store, 'r');
    const news = new Promise<string>((resolve) => store.watchRun(runKey('r'), resolve));
    renameSync(path, `${path}.away`);
    expect(await news).toBe('unknown');
    await expect(store.run(runKey('r'))).rejects.toMatchObject(REPLACED);
  });

  it('STO-3: a file that another tool restored in place is noticed by its generation', async () => {
    const epoch = await startAndClaim(store, 'r');
    const other = new Database(path);
    other.exec('update generation set number = number + 1');
    other.close();
    const answer = (): Promise<string> =>
      note(store, 'r', epoch).then(
        ({ outcome }) => outcome,
        (error: { code: string }) => error.code,
      );
    await expect.poll(answer).toBe('STORE_REPLACED');
    expect(await answers(epoch)).toEqual(allReplaced);
  });

  it('STO-3: disposing twice, or of what was replaced, is quiet', async () => {
    await startAndClaim(store, 'r');
    copyFileSync(path, `${path}.copy`);
    rmSync(path);
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    expect(readFileSync(`${path}.copy`).length).toBeGreaterThan(0);
  });
});
