import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Message, RunImport, Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { createHolders } from '../src/holders.ts';
import { createReads } from '../src/sqlite-reads.ts';
import { sqliteTables } from '../src/sqlite-tables.ts';
import type { Written } from '../src/written.ts';
import { RECORD } from './lived-store.ts';
import { claimRun, end, newRun, note, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const START = 1_700_000_000_000;
const HOUR = 3_600_000;
const message = (id: string): Message => ({ v: 1, id, role: 'user', kind: 'user', content: [] });

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
    vi.useRealTimers();
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

  /** What the file says to somebody who has opened it just now, by a wall clock that is far behind. */
  async function timeOfFile(): Promise<number> {
    const { store } = storeAt(START - HOUR);
    return (await store.health()).at;
  }

  function rows(): { readonly clock: number; readonly last: number; readonly count: number } {
    const db = new Database(path, { readonly: true });
    const get = (sql: string): number => db.prepare<[], number>(sql).pluck().get() ?? 0;
    try {
      return {
        clock: get('select at from clock'),
        last: get('select at from appended order by id desc limit 1'),
        count: get('select count(*) from appended'),
      };
    } finally {
      db.close();
    }
  }

  it('I7: is written by no step, since the rows of that show the time, and by what adds none', async () => {
    const { store, clock } = storeAt(START);
    const epoch = await startAndClaim(store, 'r', { messages: [message('m1')] });
    const kept = rows().clock;
    for (let n = 2; n <= 20; n += 1) {
      clock.at += 1_000;
      await note(store, 'r', epoch, { messages: { from: n, items: [message(`m${n}`)] } });
      expect(rows()).toMatchObject({ clock: kept, last: clock.at });
    }
    clock.at += 1_000;
    await store.signal({ run: runKey('r'), kind: 'user', key: 'k', body: null });
    expect(rows()).toMatchObject({ clock: clock.at, last: clock.at - 1_000 });
    expect(await timeOfFile()).toBe(clock.at);
  });

  it('I7: is written by nobody who only reads, or finds nothing to do', async () => {
    const { store, clock } = storeAt(START);
    await store.start(newRun('r'));
    const before = rows();
    clock.at += HOUR;
    await store.run(runKey('r'));
    await store.claim({ worker: 'w', leaseMs: 1, limit: 1, suspects: { room: 0, alone: 1 }, definitions: [] });
    expect(rows()).toEqual(before);
  });

  it('I7: does not go back for another process, whose wall clock is behind, nor for who opens the file after it', async () => {
    const { store, clock } = storeAt(START);
    const epoch = await startAndClaim(store, 'r');
    const behind = storeAt(START - HOUR);
    clock.at += 7;
    await note(store, 'r', epoch);
    await behind.store.signal({ run: runKey('r'), kind: 'user', key: 'k', body: null });
    expect((await store.inbox(runKey('r'), { after: 0, limit: 1 }))[0]?.at).toBe(START + 7);
    clock.at = START - HOUR;
    await note(store, 'r', epoch);
    expect((await store.entries(runKey('r'), { after: 0, limit: 9 })).at(-1)?.at).toBe(START + 7);
    expect(await timeOfFile()).toBe(START + 7);
  });

  it('I7: does not go back by a commit whose list of messages is empty, which adds no row', async () => {
    const { store, clock } = storeAt(START);
    const epoch = await startAndClaim(store, 'r', { messages: [message('m1')] });
    clock.at += HOUR;
    const nothing = { entries: [], messages: { from: 2, items: [] }, seen: 0 } as const;
    const parked = { ...nothing, transition: { type: 'park', wakeAt: clock.at + 1 } } as const;
    expect(await note(store, 'r', epoch, parked)).toMatchObject({ outcome: 'committed', at: clock.at });
    expect(rows()).toMatchObject({ clock: clock.at, last: START });
    expect(await timeOfFile()).toBe(clock.at);
  });

  it('I7: is kept by a close that ends leases, so whoever comes next sees that they are past', async () => {
    const { store, clock } = storeAt(START);
    await startAndClaim(store, 'r');
    clock.at += 60_000;
    await store[Symbol.asyncDispose]();
    const behind = storeAt(START - HOUR);
    expect((await behind.store.health()).at).toBe(START + 60_000);
    expect(await claimRun(behind.store, 'r')).toBe(2);
  });

  it('STO-4: that cannot be read is refused with a code, by every call that asks for it', async () => {
    const { store } = storeAt(START);
    await store.start(newRun('r'));
    const db = new Database(path);
    db.exec('alter table clock rename to taken_away');
    const answers = await Promise.allSettled([
      store.health(),
      store.listRequests({ tenant: 'acme', limit: 1 }),
      store.listGrants({ tenant: 'acme', limit: 1 }),
      store.signal({ run: runKey('r'), kind: 'user', key: 'k', body: null }),
    ]);
    db.exec('alter table taken_away rename to clock');
    db.close();
    for (const answer of answers)
      expect(answer).toMatchObject({ status: 'rejected', reason: { name: 'PrusikError', code: 'STORE_FAILED' } });
  });

  describe('does not go back when the last rows go', () => {
    const LATE = START + HOUR;

    it.each(['remove', 'compact'] as const)('I7, REC-4: by %s', async (way) => {
      const { store, clock } = storeAt(START);
      await end(store, 'stays', await startAndClaim(store, 'stays'));
      const epoch = await startAndClaim(store, 'goes', { messages: [message('m1')] });
      clock.at = LATE;
      await end(store, 'goes', epoch);
      expect(rows()).toMatchObject({ last: LATE, count: 5 });

      await store[way]({ tenant: 'acme', run: 'goes' });
      expect(rows()).toMatchObject({ last: START, count: 2 });
      expect(await timeOfFile()).toBe(LATE);
    });

    it('I7, SES-3: by a thread that was replaced with nothing', async () => {
      const { store, clock } = storeAt(START);
      const talk = { id: 'talk', whenBusy: 'queue' } as const;
      await end(store, 'said', await startAndClaim(store, 'said', { session: talk }));
      const epoch = await startAndClaim(store, 'says', { session: talk, messages: [message('m1')] });
      const { last, count } = rows();
      clock.at = LATE;
      await note(store, 'says', epoch, { entries: [], messages: { from: 2, items: [message('m2')] } });
      expect(rows()).toMatchObject({ last: LATE, count: count + 1 });
      await store.commit({
        run: runKey('says'),
        epoch,
        entries: [{ type: 'run-end', status: 'completed' }],
        progress: true,
        transition: { type: 'end', status: 'completed' },
      });
      await store.remove({ tenant: 'acme', run: 'says' });
      await store.replaceMessages({ tenant: 'acme', session: 'talk' }, [], 2);
      expect(rows().last).toBe(last);
      expect(await timeOfFile()).toBe(LATE);
    });

    it('I7: in the very transaction that has written them', async () => {
      const { store } = storeAt(START);
      await startAndClaim(store, 'r');
      await store[Symbol.asyncDispose]();
      const db = new Database(path);
      const written: Written = { now: LATE, anything: false, lastAt: undefined };
      const tables = sqliteTables(db, createReads(db), createHolders(db, written), written);
      try {
        const run = tables.state(runKey('r'));
        if (run === undefined) throw new Error('It was started');
        tables.appendEntries(run, run.seq + 1, LATE, [{ type: 'note', name: 'n', data: null }]);
        expect(written.lastAt).toBe(LATE);
        tables.hideRun(run);
        tables.deleteHidden(1_000);
        expect(rows().count).toBe(0);
        expect(written).toMatchObject({ anything: true, lastAt: undefined });
      } finally {
        db.close();
      }
    });
  });

  it('I7: does not go back by a record whose entries are old, and a message of it is written now', async () => {
    const { store, clock } = storeAt(START);
    await store.start(newRun('r'));
    clock.at += HOUR;
    await store.importRun(RECORD);
    expect(rows().last).toBe(clock.at);
    clock.at += HOUR;
    const older: RunImport = {
      ...RECORD,
      run: { ...RECORD.run, key: runKey('older'), root: 'older' },
      messages: [],
    };
    expect(await store.importRun(older)).toMatchObject({ outcome: 'imported' });
    expect(rows()).toMatchObject({ clock: clock.at, last: RECORD.entries.at(-1)?.at });
    expect(await timeOfFile()).toBe(clock.at);
  });

  it('I7: of a batch is shown by its last row alone', async () => {
    const { store, clock } = storeAt(START);
    await store.start(newRun('r'));
    // A transaction that takes long is committed before the next of the batch, and a machine at work makes any of them long.
    vi.useFakeTimers({ toFake: ['performance'] });
    const older: RunImport = { ...RECORD, messages: [] };
    clock.at += HOUR;
    await Promise.all([store.importRun(older), store.start(newRun('after'))]);
    expect(rows()).toMatchObject({ last: clock.at });
    expect(rows().clock).toBeLessThan(clock.at);
    clock.at += HOUR;
    const again: RunImport = { ...older, run: { ...older.run, key: runKey('again'), root: 'again' } };
    await Promise.all([store.start(newRun('before')), store.importRun(again)]);
    expect(rows()).toMatchObject({ clock: clock.at, last: RECORD.entries.at(-1)?.at });
  });
});
