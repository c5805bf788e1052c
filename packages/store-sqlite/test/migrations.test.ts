import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { sqliteStore } from '../src/index.ts';
import { MIGRATIONS, SCHEMA_VERSION } from '../src/migrations/index.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const fixture = (version: number): URL => new URL(`fixtures/schema-${version}.db.gz`, import.meta.url);
const run = (id: string): { readonly tenant: string; readonly run: string } => ({ tenant: 'acme', run: id });
const talk = { tenant: 'acme', of: 'session', id: 'talk' } as const;

/** What makes up a database, whatever order it was made in. */
function schemaOf(path: string): unknown {
  const db = new Database(path, { readonly: true });
  try {
    return db.prepare("select type, name, sql from sqlite_schema where name not like 'sqlite_%' order by name").all();
  } finally {
    db.close();
  }
}

describe('schema versions', () => {
  it('has a fixture of every version that was ever released', () => {
    for (let version = 1; version <= SCHEMA_VERSION; version += 1) expect(existsSync(fixture(version))).toBe(true);
    expect(MIGRATIONS).toHaveLength(SCHEMA_VERSION);
  });

  it.each(MIGRATIONS.map((_, index) => index + 1))(
    'opens a file of version %i, and everything in it goes on',
    async (version) => {
      const directory = temporaryDirectory();
      const path = join(directory.path, 'store.db');
      writeFileSync(path, gunzipSync(readFileSync(fixture(version))));
      const store = sqliteStore({ path, clock: { now: () => 1_700_000_060_000 } });
      try {
        expect(await store.run(run('ended'))).toMatchObject({ status: 'completed', output: { total: 3 }, seq: 2 });
        expect(await store.run(run('parked'))).toMatchObject({ status: 'waiting', inbox: 1, context: { user: 'ann' } });
        expect(await store.session({ tenant: 'acme', session: 'talk' })).toMatchObject({
          activeRun: 'parked',
          queue: ['queued'],
        });
        expect((await store.ledger(run('parked')))?.reserved.calls).toBe(1);
        expect((await store.listRequests({ tenant: 'acme', status: ['open'], limit: 5 })).items).toHaveLength(1);

        const definitions = [{ name: 'order', versions: ['1'] }];
        const { claims } = await store.claim({
          worker: 'w',
          leaseMs: 1_000,
          limit: 5,
          suspects: { room: 0, alone: 1 },
          definitions,
        });
        expect(claims.map((claim) => [claim.run.key.run, claim.run.epoch])).toEqual([
          ['child', 1],
          ['parked', 2],
        ]);
        const end = { entries: [{ type: 'run-end', status: 'completed' }], progress: true } as const;
        await store.commit({ run: run('parked'), epoch: 2, ...end, transition: { type: 'end', status: 'completed' } });
        const messages = await store.messages(talk, { after: 0, limit: 5 });
        expect(messages.map(({ n, message }) => [n, message.id])).toEqual([
          [1, 'm1'],
          [2, 'm3'],
          [3, 'm2'],
        ]);
      } finally {
        await store[Symbol.asyncDispose]();
        directory.remove();
      }
    },
  );

  // Version 1 had no tables for them.
  it.each(MIGRATIONS.map((_, index) => index + 1).filter((version) => version >= 2))(
    'sessions, threads and blobs of a file of version %i are what they were',
    async (version) => {
      const directory = temporaryDirectory();
      const path = join(directory.path, 'store.db');
      writeFileSync(path, gunzipSync(readFileSync(fixture(version))));
      const store = sqliteStore({ path, clock: { now: () => 1_700_000_060_000 } });
      try {
        const { items } = await store.listSessions({ tenant: 'acme', limit: 9 });
        expect(new Map(items.map(({ key, state }) => [key.session, state]))).toEqual(
          new Map([
            ['talk', 'open'],
            ['closed-talk', 'closed'],
            ['rewritten-talk', 'open'],
          ]),
        );
        const thread = { tenant: 'acme', of: 'session', id: 'rewritten-talk' } as const;
        const messages = await store.messages(thread, { after: 0, limit: 9 });
        expect(messages.map(({ n, message }) => [n, message.id])).toEqual([[3, 'r1']]);
        const hash = `sha256:${createHash('sha256').update('rope').digest('hex')}`;
        expect(await store.blob('acme', hash)).toEqual({ hash, size: 4, storedAt: 1_700_000_000_000 });
        // Its bytes are not in the fixture; that it is used is.
        for (let after: string | undefined = ''; after !== undefined;)
          after = (await store.sweepBlobs({ graceMs: 0, ...(after === '' ? {} : { after }) })).next;
        expect(await store.blob('acme', hash)).toBeDefined();
      } finally {
        await store[Symbol.asyncDispose]();
        directory.remove();
      }
    },
  );

  it('notes of a file of version 3 are what they were', async () => {
    const directory = temporaryDirectory();
    const path = join(directory.path, 'store.db');
    writeFileSync(path, gunzipSync(readFileSync(fixture(3))));
    const store = sqliteStore({ path });
    try {
      const { items } = await store.listNotes({ tenant: 'acme', limit: 9 });
      expect(items.map(({ session, kind, data }) => [session, kind, data])).toEqual([
        ['rewritten-talk', 'goal', { of: 'rewritten' }],
        ['closed-talk', 'goal', { of: 'said' }],
      ]);
    } finally {
      await store[Symbol.asyncDispose]();
      directory.remove();
    }
  });

  it('REC-4: a run that was compacted in a file of version 7 is one', async () => {
    const directory = temporaryDirectory();
    const path = join(directory.path, 'store.db');
    writeFileSync(path, gunzipSync(readFileSync(fixture(7))));
    const store = sqliteStore({ path });
    try {
      const { seq, compactedAt } = (await store.run(run('said'))) ?? {};
      expect([seq, compactedAt]).toEqual([2, 1_700_000_000_000]);
      expect(await store.entries(run('said'), { after: 0, limit: 5 })).toEqual([]);
    } finally {
      await store[Symbol.asyncDispose]();
      directory.remove();
    }
  });

  it.each(MIGRATIONS.map((_, index) => index + 1))(
    'a file of version %i has the tables of a new one once it was opened',
    async (version) => {
      const directory = temporaryDirectory();
      try {
        const [old, fresh] = [join(directory.path, 'old.db'), join(directory.path, 'new.db')];
        writeFileSync(old, gunzipSync(readFileSync(fixture(version))));
        for (const path of [old, fresh]) await sqliteStore({ path })[Symbol.asyncDispose]();
        expect(schemaOf(old)).toEqual(schemaOf(fresh));
      } finally {
        directory.remove();
      }
    },
  );
});
