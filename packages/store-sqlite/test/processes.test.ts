import { join } from 'node:path';
import type { ClaimResult, Store } from '@prusik/core';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { startWriter } from './child-process.ts';
import { note, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const claim = (store: Store): Promise<ClaimResult> =>
  store.claim({
    worker: 'survivor',
    leaseMs: 600_000,
    limit: 10,
    suspects: { room: 1, alone: 9 },
    definitions: [{ name: 'write', versions: ['1'] }],
  });

async function notes(store: Store, run: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (let after = 0; ;) {
    const entries = await store.entries({ tenant: 'acme', run }, { after, limit: 1_000 });
    found.push(...entries.flatMap((entry) => (entry.type === 'note' ? entry.name : [])));
    const last = entries.at(-1);
    if (last === undefined) return found;
    expect(last.seq).toBe(after + entries.length);
    after = last.seq;
  }
}

describe('several processes on one file', { timeout: 30_000 }, () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  let path: string;

  beforeEach(() => {
    directory = temporaryDirectory();
    path = join(directory.path, 'store.db');
  });
  afterEach(() => directory.remove());

  it('I1: four processes that write at once, into a file that none of them has made, lose no transaction', async () => {
    const writers = ['a', 'b', 'c', 'd'].map((run) => startWriter(path, run, '200'));
    expect(await Promise.all(writers.map(({ gone }) => gone))).toEqual([0, 0, 0, 0]);

    const store = sqliteStore({ path });
    try {
      for (const run of ['a', 'b', 'c', 'd'])
        expect(await notes(store, run)).toEqual(Array.from({ length: 200 }, (_, n) => `${run}-${n + 1}`));
    } finally {
      await store[Symbol.asyncDispose]();
    }
  });

  it('I1: what was acknowledged is there after kill -9, whenever it comes', async () => {
    for (const after of [2, 20, 60]) {
      const run = `killed-after-${after}`;
      const writer = startWriter(path, run, '100000');
      await writer.printed(after);
      writer.process.kill('SIGKILL');
      expect(await writer.gone).toBe('SIGKILL');

      const store = sqliteStore({ path });
      try {
        const acknowledged = Number(writer.lines.at(-1));
        const written = await notes(store, run);
        expect(written.length).toBeGreaterThanOrEqual(acknowledged - 1);
        expect(written).toEqual(written.map((_, n) => `${run}-${n + 1}`));
      } finally {
        await store[Symbol.asyncDispose]();
      }
    }
  });

  it('DUR-12: a holder that was killed is not waited for, while one that lives keeps its lease', async () => {
    const dies = startWriter(path, 'dies', '1', 'hold');
    const lives = startWriter(path, 'lives', '1', 'hold');
    await Promise.all([dies.printed(2), lives.printed(2)]);
    const store = sqliteStore({ path });
    try {
      expect((await claim(store)).claims).toEqual([]);

      dies.process.kill('SIGKILL');
      await dies.gone;

      const { claims } = await claim(store);
      expect(claims.map(({ run, lost }) => [run.key.run, run.epoch, lost])).toEqual([['dies', 2, 1]]);
    } finally {
      lives.process.kill('SIGKILL');
      await lives.gone;
      await store[Symbol.asyncDispose]();
    }
  });

  it('DUR-12: a store that watches the queue is told of the death of a holder, which writes nothing', async () => {
    const dies = startWriter(path, 'dies', '1', 'hold');
    await dies.printed(2);
    const store = sqliteStore({ path, pollMs: 10 });
    try {
      const told = new Promise<void>((resolve) => {
        store.watchQueue(() => resolve());
      });
      dies.process.kill('SIGKILL');
      await told;
      expect((await claim(store)).claims).toHaveLength(1);
    } finally {
      await store[Symbol.asyncDispose]();
    }
  });

  it('STO-7: a store that is closed in the middle of its writes answers each of them, and keeps what it said', async () => {
    const store = sqliteStore({ path });
    const epoch = await startAndClaim(store, 'closed');
    const writes = Array.from({ length: 300 }, () => note(store, 'closed', epoch));
    // Some of them are under way by now, most are in the queue.
    await writes[0];
    const closing = store[Symbol.asyncDispose]();
    await expect(note(store, 'closed', epoch)).rejects.toMatchObject({ code: 'STORE_CLOSED' });
    await closing;
    const answers = await Promise.allSettled(writes);
    expect(answers.every(({ status }) => status === 'fulfilled')).toBe(true);
    const again = sqliteStore({ path });
    expect((await again.run(runKey('closed')))?.seq).toBe(301);
    await again[Symbol.asyncDispose]();
  });

  it('STO-7: a store that is closed while another process holds the file rejects what it could not write, and hangs on nothing', async () => {
    const store = sqliteStore({ path, busyMs: 50 });
    const epoch = await startAndClaim(store, 'held');
    const other = new Database(path);
    other.exec('begin immediate');
    const writes = Promise.allSettled(Array.from({ length: 5 }, () => note(store, 'held', epoch)));
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    for (const answer of await writes)
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'STORE_BUSY' } });
    other.exec('rollback');
    other.close();
    const again = sqliteStore({ path });
    expect((await again.run(runKey('held')))?.seq).toBe(1);
    await again[Symbol.asyncDispose]();
  });
});
