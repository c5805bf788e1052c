import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { newRun, note, park, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const START = 1_700_000_000_000;
const HOUR = 3_600_000;

describe('the clock of a file', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let path: string;
  let open: Store[];

  beforeEach(() => {
    directory = temporaryDirectory();
    path = join(directory.path, 'store.db');
    open = [];
  });
  afterEach(async () => {
    for (const store of open) await store[Symbol.asyncDispose]();
    directory.remove();
  });

  /** A store of a process whose wall clock says what it is told. */
  function storeAt(at: number): { readonly store: Store; readonly clock: { at: number } } {
    const clock = { at };
    const store = sqliteStore({ path, clock: { now: () => clock.at }, synchronous: 'normal' });
    open.push(store);
    return { store, clock };
  }

  function row(): number {
    const db = new Database(path, { readonly: true });
    try {
      return db.prepare<[], number>('select at from clock').pluck().get() ?? 0;
    } finally {
      db.close();
    }
  }

  it('I7: is written about once a second, not by each commit, and is whole once the store is closed', async () => {
    const { store, clock } = storeAt(START);
    const epoch = await startAndClaim(store, 'r');
    const rows = new Set<number>();
    for (let n = 1; n <= 300; n += 1) {
      clock.at = START + n * 10;
      await note(store, 'r', epoch);
      rows.add(row());
      expect(clock.at - row()).toBeLessThan(1_000);
    }
    expect([...rows]).toEqual([START, START + 1_000, START + 2_000, START + 3_000]);
    clock.at += 999;
    await store.start(newRun('last'));
    expect(row()).toBe(START + 3_000);
    await store[Symbol.asyncDispose]();
    expect(row()).toBe(clock.at);
  });

  it('I7: is not written by who only reads, or finds nothing to do', async () => {
    const first = storeAt(START);
    await first.store.start(newRun('r'));
    await first.store[Symbol.asyncDispose]();

    const { store } = storeAt(START + HOUR);
    await store.run(runKey('r'));
    await store.claim({ worker: 'w', leaseMs: 1, limit: 1, suspects: { room: 0, alone: 1 }, definitions: [] });
    await store[Symbol.asyncDispose]();
    expect(row()).toBe(START);
  });

  it('I7: does not go back for a process whose wall clock is set back, nor for who opens the file after it', async () => {
    const { store, clock } = storeAt(START);
    await store.start(newRun('r'));
    clock.at = START - HOUR;
    await store.signal({ run: runKey('r'), kind: 'user', key: 'k', body: null });
    expect((await store.inbox(runKey('r'), { after: 0, limit: 1 }))[0]?.at).toBe(START);
    expect((await store.health()).at).toBe(START);
    await store[Symbol.asyncDispose]();
    expect((await storeAt(START - HOUR).store.health()).at).toBe(START);
  });

  it('I7: is for another process behind by a second at most, and by nothing for who touches a run', async () => {
    const { store, clock } = storeAt(START);
    const epoch = await startAndClaim(store, 'parked');
    const held = await startAndClaim(store, 'held');
    clock.at = START + 999;
    await park(store, 'parked', epoch);
    await note(store, 'held', held);
    await store.signal({ run: runKey('parked'), kind: 'user', key: 'k', body: null });
    const behind = storeAt(START - HOUR);
    expect((await behind.store.health()).at).toBe(START);

    // In the very transaction that meets the run: its lease is counted from what the run says.
    const claim = await behind.store.claim({
      worker: 'w',
      leaseMs: 30_000,
      limit: 1,
      suspects: { room: 0, alone: 1 },
      definitions: [{ name: 'order', versions: ['1'] }],
    });
    expect(claim.claims.map(({ run }) => run.key.run)).toEqual(['parked']);
    expect(claim.now).toBe(START + 999);
    expect((await behind.store.health()).at).toBe(START + 999);
    expect((await behind.store.entries(runKey('parked'), { after: 0, limit: 9 })).at(-1)?.at).toBe(START + 999);
  });

  it('I7: is behind no run of a process that was killed: who signals, wakes or starts beside it does so after it', async () => {
    const { store, clock } = storeAt(START);
    const epoch = await startAndClaim(store, 'r');
    clock.at = START + 700;
    await note(store, 'r', epoch);

    // As after a death: the file was not closed.
    const { store: next } = storeAt(START - HOUR);
    const [signalled, started] = await Promise.all([
      next.signal({ run: runKey('r'), kind: 'user', key: 'k', body: null }),
      next.start(newRun('beside')),
    ]);
    expect([signalled.outcome, started.outcome]).toEqual(['delivered', 'created']);
    expect((await next.inbox(runKey('r'), { after: 0, limit: 1 }))[0]?.at).toBe(START + 700);
    expect((await next.run(runKey('beside')))?.createdAt).toBe(START + 700);
    await next[Symbol.asyncDispose]();
    expect(row()).toBe(START + 700);
  });
});
