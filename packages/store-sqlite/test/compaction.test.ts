import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkStore, sqliteStore } from '../src/index.ts';
import { startCompacter } from './child-process.ts';
import { end, note, problemsOf, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

describe('compaction', () => {
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

  function count(sql: string): number {
    const db = new Database(path, { readonly: true });
    try {
      return db.prepare<[], number>(`select count(*) from ${sql}`).pluck().get() ?? 0;
    } finally {
      db.close();
    }
  }

  async function longRun(id: string, entries: number): Promise<void> {
    const epoch = await startAndClaim(store, id);
    for (let written = 0; written < entries; written += 1_000)
      await note(store, id, epoch, {
        entries: Array.from(
          { length: Math.min(1_000, entries - written) },
          () => ({ type: 'note', name: 'n', data: 'x'.repeat(100) }) as const,
        ),
      });
    await end(store, id, epoch);
  }

  const compact = (run: string) => store.compact({ tenant: 'acme', run });

  it('REC-4: leaves no row of the state, and a store that is whole', async () => {
    await longRun('r', 2_500);
    await store.signal({ run: runKey('r'), kind: 'user', key: 'k', body: 1 });

    expect(await compact('r')).toMatchObject({ outcome: 'compacted', taken: { runs: 1, entries: 2_502 } });

    for (const table of ['appended', 'inbox', 'slots', 'runs where compacting = 1']) expect(count(table)).toBe(0);
    expect(await store.run(runKey('r'))).toMatchObject({ status: 'completed', seq: 2_502 });
    expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
  });

  it('REC-4: the size of a state is that of its journal and of its own thread, not of its session’s', async () => {
    const content = [{ type: 'text', text: 'x'.repeat(10_000) }] as const;
    const large = { v: 1, id: 'm', role: 'user', kind: 'user', content } as const;
    const session = { id: 'talk', whenBusy: 'queue' } as const;
    await end(store, 'own', await startAndClaim(store, 'own', { messages: [large] }));
    await end(store, 'talks', await startAndClaim(store, 'talks', { messages: [large], session }));
    await store.moveSession({ tenant: 'acme', session: 'talk' }, 'closed');
    const beyond = async (keepBytes: number): Promise<readonly string[]> => {
      const answer = await store.compact({ tenant: 'acme', keepBytes, limit: 9, dryRun: true });
      return answer.outcome === 'compacted' ? answer.trees.map(({ root }) => root.run) : [];
    };
    expect(await beyond(9_000)).toEqual(['own']);
    expect(await beyond(12_000)).toEqual([]);
    expect(await beyond(0)).toEqual(['own', 'talks']);
  });

  it('REC-4: others write while a long journal goes', async () => {
    await longRun('r', 20_000);
    const order: string[] = [];

    const compaction = compact('r').then(() => order.push('compacted'));
    for (let n = 0; n < 5; n += 1) {
      await startAndClaim(store, `beside-${n}`);
      order.push(`started ${n}`);
    }
    await compaction;

    expect(order).toEqual(['started 0', 'started 1', 'started 2', 'started 3', 'started 4', 'compacted']);
  });

  it('REC-4: what a process that was killed at it has left is read by nobody, and goes with the next removal or compaction', async () => {
    for (const next of ['remove', 'compact'] as const) {
      await longRun(next, 90_000);
      const compacter = startCompacter(path, next);
      await compacter.printed(1);
      while ((await store.run(runKey(next)))?.compactedAt === undefined)
        await new Promise((resolve) => setTimeout(resolve, 1));
      compacter.process.kill('SIGKILL');
      expect(await compacter.gone).toBe('SIGKILL');

      expect(count('appended')).toBeGreaterThan(1_000);
      expect(await store.entries(runKey(next), { after: 0, limit: 5 })).toEqual([]);
      expect(await store.run(runKey(next))).toMatchObject({ status: 'completed', seq: 90_002 });
      expect(await problemsOf(checkStore({ path }))).toEqual([]);

      await store[next]({ tenant: 'acme', run: 'nobody' });

      expect(count('appended')).toBe(0);
      expect(await store.run(runKey(next))).toMatchObject({ seq: 90_002 });
    }
  });

  it('REC-4: a removal of what is being compacted counts nothing that is on its way out', async () => {
    await longRun('r', 50_000);
    const compaction = compact('r');
    const removal = store.remove({ tenant: 'acme', run: 'r' });

    expect(await compaction).toMatchObject({ taken: { entries: 50_002 } });
    expect(await removal).toMatchObject({ outcome: 'removed', removed: { runs: 1, entries: 0 } });
    for (const table of ['appended', 'runs']) expect(count(table)).toBe(0);
  });

  it('REC-4: the check tells of a compacted run that has entries or messages, or that has not ended', async () => {
    await longRun('r', 10);
    await compact('r');
    await store[Symbol.asyncDispose]();
    const db = new Database(path);
    db.exec(
      `insert into appended (list, n, at, body) select 2 * id, 5, 1, '{"type":"note"}' from runs;
       insert into appended (list, n, at, body) select 2 * id + 1, 7, 1, '{"id":"m"}' from runs; update runs set last_seq = null`,
    );
    db.close();

    expect(await problemsOf(checkStore({ path }))).toEqual([
      'The run r was compacted as completed with no entries',
      'The run r is compacted and has entries: 1 of 5 to 5',
      'The run r is compacted and has messages: 1 of 7 to 7',
    ]);
    store = sqliteStore({ path });
  });
});
