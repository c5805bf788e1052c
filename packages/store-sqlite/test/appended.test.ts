import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import type { Message, Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkStore, sqliteStore } from '../src/index.ts';
import { fileAt } from '../src/open-files.ts';
import { watchReplacement } from '../src/replacement.ts';
import { LIVED_AT, readAll } from './lived-store.ts';
import { end, note, problemsOf, runKey, startAndClaim } from './some-runs.ts';
import { temporaryDirectory } from './temporary-directory.ts';

const lived = (kind: 'db' | 'json'): Buffer =>
  gunzipSync(readFileSync(new URL(`fixtures/lived-8.${kind}.gz`, import.meta.url)));
const message = (id: string): Message => ({
  v: 1,
  id,
  role: 'user',
  kind: 'user',
  content: [{ type: 'text', text: id }],
});
const everything = { after: 0, limit: 1_000 } as const;

let directory: ReturnType<typeof temporaryDirectory>;
let path: string;

beforeEach(() => {
  directory = temporaryDirectory();
  path = join(directory.path, 'store.db');
});
afterEach(() => directory.remove());

describe('a store of the release that had journals and threads by two columns', () => {
  const db = (): Database.Database => new Database(path);

  beforeEach(() => writeFileSync(path, lived('db')));

  it('I1: reads after its migration as it did before, is sound, and goes on', async () => {
    const store = sqliteStore({ path, clock: { now: () => LIVED_AT } });
    try {
      expect(await readAll(store)).toEqual(JSON.parse(lived('json').toString()));
      expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);

      const before = await store.run(runKey('one'));
      const { epoch = 0, seq = 0 } = before ?? {};
      const answer = await note(store, 'one', epoch, { messages: { from: 152, items: [message('o152')] } });
      expect(answer).toMatchObject({ outcome: 'committed', seq: seq + 1 });
      const talk = { tenant: 'acme', session: 'talk' };
      await end(
        store,
        'next',
        await startAndClaim(store, 'next', { session: { id: 'talk', whenBusy: 'queue' }, messages: [message('t5')] }),
      );
      expect(await store.message({ tenant: 'acme', of: 'session', id: 'talk' }, 't5')).toMatchObject({ n: 5 });
      expect(await store.replaceMessages(talk, [message('short')], 5)).toEqual({ outcome: 'replaced', head: 6 });
      expect(await store.remove({ tenant: 'acme', run: 'talks' })).toMatchObject({ outcome: 'removed' });
      expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
    } finally {
      await store[Symbol.asyncDispose]();
    }
  });

  it('I9: has one table of both, in the order of writing and the entries last, and one index', async () => {
    const old = db();
    const rows = old
      .prepare(
        `select * from (select iif(thread < 0, thread, 2 * thread + 1) as list, n, 0.0 as at, body from messages order by rowid)
         union all select * from (select 2 * run, seq, at, body from entries order by rowid)`,
      )
      .all();
    old.close();
    await sqliteStore({ path })[Symbol.asyncDispose]();

    const migrated = db();
    try {
      expect(
        migrated
          .prepare("select name from sqlite_schema where tbl_name in ('appended', 'entries', 'messages') order by name")
          .pluck()
          .all(),
      ).toEqual(['appended', 'appended_lists', 'messages_ids']);
      expect(rows.length).toBeGreaterThan(400);
      expect(migrated.prepare('select list, n, at, body from appended order by id').all()).toEqual(rows);
    } finally {
      migrated.close();
    }
  });

  it('I7: keeps the time of its last entry, which the file has shown by the order of writing alone', async () => {
    const old = db();
    const last = LIVED_AT + 9_000;
    old.exec(`update clock set at = 0; update entries set at = ${last} where rowid = (select max(rowid) from entries)`);
    old.close();
    const store = sqliteStore({ path, clock: { now: () => 500 } });
    try {
      expect((await store.health()).at).toBe(last);
    } finally {
      await store[Symbol.asyncDispose]();
    }
  });

  // A list's number is twice the run's, and past what SQLite holds as an integer here. The name is met when the old tables are gone already.
  it.each([
    ['a message has no place', `update messages set thread = ${2n ** 62n} where thread = 1 and n = 151`],
    ['an entry has no place', `update entries set run = ${2n ** 62n} where run = 1 and seq = 2`],
    ['a name is taken', 'create table appended_lists (id integer primary key)'],
  ])('I9: is left as it is where its migration fails: %s', (_, change) => {
    const old = db();
    old.exec(change);
    old.pragma('journal_mode = delete');
    old.close();
    const bytes = readFileSync(path);

    expect(() => sqliteStore({ path })).toThrow(expect.objectContaining({ code: 'STORE_FAILED' }));
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  it('I1, STO-3: who has it open from before writes and reads nothing more', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const old = db();
    old.pragma('journal_mode = wal');
    const replacement = watchReplacement(old, path, fileAt(path) ?? '');
    const statements = [
      'insert into entries (run, seq, at, body) values (1, 900, 0, 1)',
      'insert into messages (thread, n, body) values (1, 900, 1)',
      'select seq from entries where run = 1 order by seq desc limit 1',
      'select m.n from messages m where m.thread = 1',
    ].map((sql) => old.prepare(sql));
    replacement.checkContent();

    const store = sqliteStore({ path });
    try {
      const rows = await readAll(store);
      for (const statement of statements)
        expect(() => (statement.reader ? statement.get() : statement.run())).toThrow(
          expect.objectContaining({ code: 'SQLITE_ERROR' }),
        );
      vi.advanceTimersByTime(250);
      expect(() => replacement.checkContent()).toThrow(expect.objectContaining({ code: 'STORE_REPLACED' }));
      expect(() => replacement.checkPath()).toThrow(expect.objectContaining({ code: 'STORE_REPLACED' }));
      expect(await readAll(store)).toEqual(rows);
    } finally {
      vi.useRealTimers();
      old.close();
      await store[Symbol.asyncDispose]();
    }
  });

  it('STO-3: a file that is made anew is of the first generation', async () => {
    const fresh = sqliteStore({ path: join(directory.path, 'fresh.db') });
    try {
      expect((await fresh.health()).file?.generation).toBe(1);
    } finally {
      await fresh[Symbol.asyncDispose]();
    }
  });
});

describe('lists in one table', () => {
  let store: Store;

  beforeEach(() => (store = sqliteStore({ path, synchronous: 'normal' })));
  afterEach(() => store[Symbol.asyncDispose]());

  /** Runs 1, 3, 5 with threads of their own, and 2, 4, 6 in the sessions 1 to 3; two messages each. */
  async function fill(): Promise<void> {
    for (const n of [1, 2, 3]) {
      await startAndClaim(store, `run-${n}`, { messages: [message(`run-${n}-1`), message(`run-${n}-2`)] });
      const said = await startAndClaim(store, `said-${n}`, {
        session: { id: `talk-${n}`, whenBusy: 'queue' },
        messages: [message(`talk-${n}-1`), message(`talk-${n}-2`)],
      });
      await end(store, `said-${n}`, said);
    }
  }
  const threads = [1, 2, 3].flatMap((n) => [
    { tenant: 'acme', of: 'run', id: `run-${n}` } as const,
    { tenant: 'acme', of: 'session', id: `talk-${n}` } as const,
  ]);

  it('I9: a page of a journal or a thread is of it alone, wherever it is asked to begin', async () => {
    await fill();
    const edges = [0, 1, 2, 3, Number.MAX_SAFE_INTEGER];
    for (const { id } of threads.filter(({ of }) => of === 'run'))
      for (const after of edges)
        expect((await store.entries(runKey(id), { after, limit: 9 })).map(({ seq }) => seq)).toEqual(
          after === 0 ? [1] : [],
        );
    for (const thread of threads) {
      const idsOf = async (
        page: { readonly after: number } | { readonly before: number },
      ): Promise<readonly string[]> =>
        (await store.messages(thread, { ...page, limit: 9 })).map(({ message: { id } }) => id.slice(thread.id.length));
      for (const n of edges) {
        expect(await idsOf({ after: n })).toEqual(['-1', '-2'].slice(n));
        expect(await idsOf({ before: n })).toEqual(['-1', '-2'].slice(0, Math.max(0, n - 1)));
      }
      expect(await store.threadHead(thread)).toBe(2);
      for (const other of threads)
        expect((await store.message(thread, `${other.id}-2`))?.n).toBe(other.id === thread.id ? 2 : undefined);
    }
  });

  it('REC-4, SES-8: a removal and a compaction take the rows of one owner', async () => {
    await fill();
    await end(store, 'run-2', 1);
    await store.compact({ tenant: 'acme', run: 'run-2' });
    await store.moveSession({ tenant: 'acme', session: 'talk-2' }, 'closed');
    await store.remove({ tenant: 'acme', session: 'talk-2' });

    for (const thread of threads)
      expect((await store.messages(thread, everything)).length).toBe(thread.id.endsWith('2') ? 0 : 2);
    const db = new Database(path, { readonly: true });
    expect(db.prepare('select distinct list from appended order by 1').pluck().all()).toEqual([
      -3, -1, 2, 3, 4, 10, 11, 12,
    ]);
    db.close();
    expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
  });

  /** How many pages `write` adds to the log. */
  async function pagesOf(write: () => Promise<unknown>): Promise<number> {
    const before = statSync(`${path}-wal`).size;
    await write();
    return (statSync(`${path}-wal`).size - before) / (4_096 + 24);
  }

  it('I9: a step writes two pages, with a message as well, and steps that are committed together share them', async () => {
    const epoch = await startAndClaim(store, 'one', { messages: [message('m1')] });
    const [plain, told]: [number[], number[]] = [[], []];
    for (let n = 2; n < 42; n += 1) {
      plain.push(await pagesOf(() => note(store, 'one', epoch)));
      told.push(await pagesOf(() => note(store, 'one', epoch, { messages: { from: n, items: [message(`m${n}`)] } })));
    }
    for (const counted of [plain, told]) {
      // Where a page is full it is another one, and what points at it.
      expect(counted.toSorted((a, b) => a - b)[20]).toBe(2);
      expect(Math.max(...counted)).toBeLessThanOrEqual(8);
    }

    const epochs: number[] = [];
    for (let n = 0; n < 40; n += 1) epochs.push(await startAndClaim(store, `r${n}`));
    const entries = [{ type: 'note', name: 'n', data: 'x'.repeat(50) }] as const;
    const together = (): Promise<unknown> =>
      Promise.all(epochs.map((held, n) => note(store, `r${n}`, held, { entries })));
    await together();
    expect(await pagesOf(together)).toBeLessThan(10);
  });
});
