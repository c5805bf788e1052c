import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Message, Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkStore, sqliteStore } from '../src/index.ts';
import { createHolders } from '../src/holders.ts';
import { createReads } from '../src/sqlite-reads.ts';
import { sqliteTables } from '../src/sqlite-tables.ts';
import { startRemover } from './child-process.ts';
import { claimRun, end, newRun, note, problemsOf, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const message = (id: string): Message => ({
  v: 1,
  id,
  role: 'user',
  kind: 'user',
  content: [{ type: 'text', text: id }],
});

/** How many rows each table has, and how many of those in order are entries or messages. */
function rowsOf(path: string): Record<string, number> {
  const db = new Database(path, { readonly: true });
  try {
    const tables = db
      .prepare<[], string>("select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'")
      .pluck()
      .all();
    const kinds = Object.entries({ entries: 'list > 0 and list % 2 = 0', messages: 'list < 0 or list % 2 = 1' });
    const counted = [
      ...tables.map((table) => [table, table]),
      ...kinds.map(([kind, where]) => [kind, `appended where ${where}`]),
    ];
    return Object.fromEntries(
      counted.map(([name, rows]) => [name, db.prepare<[], number>(`select count(*) from ${rows}`).pluck().get() ?? 0]),
    );
  } finally {
    db.close();
  }
}

/** A run that has ended with so many entries. */
async function longRun(store: Store, id: string, entries: number): Promise<void> {
  const epoch = await startAndClaim(store, id);
  for (let written = 0; written < entries; written += 1_000) {
    const some = Math.min(1_000, entries - written);
    await note(store, id, epoch, {
      entries: Array.from({ length: some }, () => ({ type: 'note', name: 'n', data: 'x'.repeat(100) }) as const),
    });
  }
  await end(store, id, epoch);
}

describe('removal', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let path: string;
  let store: Store;

  beforeEach(() => {
    directory = temporaryDirectory();
    path = join(directory.path, 'store.db');
    store = sqliteStore({ path, synchronous: 'normal' });
  });
  afterEach(async () => {
    await store[Symbol.asyncDispose]();
    directory.remove();
  });

  it('SES-8: leaves no row in any table, of a session with trees, messages, signals, requests, ledgers and blobs', async () => {
    await longRun(store, 'stays', 1);
    const { hash } = await store.putBlob('acme', new TextEncoder().encode('bytes'));
    const before = rowsOf(path);
    const session = { id: 'chat', whenBusy: 'queue' } as const;
    const epoch = await startAndClaim(store, 'a', { session, messages: [message('m')], budget: { calls: 1 } });
    await store.start(newRun('b', { session, messages: [message('queued')] }));
    await store.signal({ run: runKey('a'), kind: 'user', key: 'k', body: 1 });
    const file = { type: 'file', mediaType: 'text/plain', data: { blob: hash } } as const;
    await note(store, 'a', epoch, {
      children: [newRun('child', { root: 'a', parent: { run: 'a', key: 'c' }, depth: 1, messages: [message('own')] })],
      requests: [{ id: 'q', kind: 'question', stepKey: '', body: null, expiresAt: null }],
      messages: { from: 2, items: [{ ...message('m2'), content: [file] }] },
      blobs: [hash],
    });
    await end(store, 'child', await claimRun(store, 'child'));
    await end(store, 'a', epoch);
    await end(store, 'b', await claimRun(store, 'b'));
    const key = { tenant: 'acme', session: 'chat' };
    await store.replaceMessages(key, [message('summary')], 3);
    await store.moveSession(key, 'closed');
    const full = rowsOf(path);

    expect(await store.remove(key)).toMatchObject({
      outcome: 'removed',
      removed: { runs: 3, messages: 2, ledgers: 1 },
    });

    expect(rowsOf(path)).toEqual(before);
    const grown = Object.keys(full).filter((table) => (full[table] ?? 0) > (before[table] ?? 0));
    expect(grown.toSorted()).toEqual([
      'appended',
      'blob_uses',
      'entries',
      'inbox',
      'ledgers',
      'messages',
      'requests',
      'run_bodies',
      'runs',
      'sessions',
    ]);
  });

  it('I9: rows go in portions, and a run’s own row last', async () => {
    await longRun(store, 'r', 2_500);
    await store[Symbol.asyncDispose]();
    const db = new Database(path);
    const tables = sqliteTables(db, createReads(db), createHolders(db, { anything: false }), {
      now: 0,
      anything: false,
      lastAt: undefined,
    });
    try {
      const run = tables.state(runKey('r'));
      if (run !== undefined) tables.hideRun(run);

      const entries: number[] = [2_502];
      while (tables.deleteHidden(1_000)) {
        expect(rowsOf(path)['runs']).toBe(1);
        entries.push(rowsOf(path)['entries'] ?? 0);
      }

      const portions = entries.slice(1).map((left, index) => (entries[index] ?? 0) - left);
      expect(portions.length).toBeGreaterThanOrEqual(2);
      expect(Math.max(...portions)).toBeLessThanOrEqual(1_000);
      expect(rowsOf(path)).toMatchObject({ entries: 0, runs: 0 });
    } finally {
      db.close();
      store = sqliteStore({ path });
    }
  });

  it('I9: large rows go in portions of some milliseconds', async () => {
    const epoch = await startAndClaim(store, 'r');
    for (let n = 0; n < 40; n += 1)
      await note(store, 'r', epoch, {
        entries: Array.from({ length: 25 }, () => ({ type: 'note', name: 'n', data: 'x'.repeat(200_000) }) as const),
      });
    await end(store, 'r', epoch);
    let answered = 0;

    const removal = store.remove({ tenant: 'acme', run: 'r' });
    const others = (async () => {
      for (let n = 0; n < 5; n += 1) answered = (await store.start(newRun(`beside-${n}`)), answered + 1);
    })();
    await removal;

    expect(answered).toBe(5);
    await others;
  });

  it('REC-4: others write while a long journal is removed', async () => {
    await longRun(store, 'r', 20_000);
    const order: string[] = [];

    const removal = store.remove({ tenant: 'acme', run: 'r' }).then(() => order.push('removed'));
    for (let n = 0; n < 5; n += 1) {
      await store.start(newRun(`beside-${n}`));
      order.push(`started ${n}`);
    }
    await removal;

    expect(order).toEqual(['started 0', 'started 1', 'started 2', 'started 3', 'started 4', 'removed']);
  });

  it('REC-4: a store that is closed in the middle has removed it all the same, and the next removal deletes the rest', async () => {
    await longRun(store, 'r', 50_000);
    const removal = store.remove({ tenant: 'acme', run: 'r' });
    await store.start(newRun('beside'));
    await store[Symbol.asyncDispose]();

    expect(await removal).toMatchObject({ outcome: 'removed', removed: { entries: 50_002 } });
    expect(rowsOf(path)['entries']).toBeGreaterThan(10_000);
    store = sqliteStore({ path });
    expect(await store.run(runKey('r'))).toBeUndefined();
    await store.remove({ tenant: 'acme', endedBefore: 0, limit: 1 });
    expect(rowsOf(path)).toMatchObject({ entries: 1, runs: 1 });
  });

  it('REC-4, SES-3: what has happened is said to have, although its rows cannot be deleted just now', async () => {
    await longRun(store, 'long', 2_000);
    const session = { id: 'talk', whenBusy: 'refuse' } as const;
    const epoch = await startAndClaim(store, 'talks', { session, messages: [message('m1'), message('m2')] });
    await end(store, 'talks', epoch);
    await store[Symbol.asyncDispose]();
    store = sqliteStore({ path, busyMs: 30 });
    const other = new Database(path);

    // From the first write on another process holds the file for longer than a write waits.
    const hold = store.watchRun(runKey('long'), () => void other.exec('begin immediate'));
    expect(await store.remove({ tenant: 'acme', run: 'long' })).toMatchObject({
      outcome: 'removed',
      removed: { entries: 2_002 },
    });
    other.exec('commit');
    hold[Symbol.dispose]();
    expect(rowsOf(path)['entries']).toBeGreaterThan(2_000);

    const replacing = store.replaceMessages({ tenant: 'acme', session: 'talk' }, [message('n1')], 2);
    const holdAgain = store.watchQueue(() => void other.exec('begin immediate'));
    await store.start(newRun('next'));
    expect(await replacing).toEqual({ outcome: 'replaced', head: 3 });
    other.exec('commit');
    holdAgain[Symbol.dispose]();
    expect(rowsOf(path)['messages']).toBe(3);
    other.close();

    await store.remove({ tenant: 'acme', run: 'nobody' });
    await store.replaceMessages({ tenant: 'acme', session: 'talk' }, [message('n2')], 3);
    expect(rowsOf(path)).toMatchObject({ entries: 3, messages: 1 });
  });

  it('REC-4: what a process that was killed at it has left is found by nobody, and goes with the next removal', async () => {
    await longRun(store, 'stays', 1);
    const before = rowsOf(path);
    await longRun(store, 'r', 100_000);
    const remover = startRemover(path, 'r');
    await remover.printed(1);
    while ((await store.run(runKey('r'))) !== undefined) await new Promise((resolve) => setTimeout(resolve, 1));
    remover.process.kill('SIGKILL');
    expect(await remover.gone).toBe('SIGKILL');

    const left = rowsOf(path);
    expect(left['entries']).toBeGreaterThan(1_000);
    expect(await store.entries(runKey('r'), { after: 0, limit: 5 })).toEqual([]);
    expect((await store.listRuns({ tenant: 'acme', limit: 5 })).items).toHaveLength(1);
    expect(await problemsOf(checkStore({ path }))).toEqual([]);
    await longRun(store, 'r', 10);
    expect(await store.run(runKey('r'))).toMatchObject({ status: 'completed', seq: 12 });

    expect(await store.remove({ tenant: 'nobody', run: 'nothing' })).toEqual({ outcome: 'unknown' });

    expect(rowsOf(path)['entries']).toBe((before['entries'] ?? 0) + 12);
    await store.remove({ tenant: 'acme', run: 'r' });
    expect({ ...rowsOf(path), holders: 0 }).toEqual({ ...before, holders: 0 });
  });
});
