import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import Database from 'better-sqlite3';
import type { Message, Store } from '@prusik/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkStore, sqliteStore } from '../src/index.ts';
import { fileAt } from '../src/open-files.ts';
import { watchReplacement } from '../src/replacement.ts';
import { LAST_NUMBER } from '../src/row-ids.ts';
import { LIVED_AT, readAll } from './lived-store.ts';
import { end, newRun, note, problemsOf, runKey, startAndClaim } from './some-runs.ts';
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

  it('I9: has no index beside its journals and one beside its threads, and its rows lie in their order', async () => {
    const old = db();
    const [entries, messages] = ['entries', 'messages'].map((table) =>
      old.prepare(`select count(*) from ${table}`).pluck().get(),
    );
    old.close();
    await sqliteStore({ path })[Symbol.asyncDispose]();

    const migrated = db();
    try {
      expect(
        migrated
          .prepare("select name from sqlite_schema where tbl_name in ('entries', 'messages') order by name")
          .pluck()
          .all(),
      ).toEqual(['entries', 'messages', 'messages_ids']);
      expect(migrated.prepare('select count(*) from entries').pluck().get()).toBe(entries);
      expect(migrated.prepare('select count(*) from messages').pluck().get()).toBe(messages);
      const leaves = migrated
        .prepare("select pageno from dbstat where name = 'entries' and pagetype = 'leaf' order by path")
        .pluck()
        .all() as number[];
      expect(leaves.length).toBeGreaterThan(20);
      expect(leaves).toEqual(leaves.toSorted((a, b) => a - b));
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

  // When it comes to the messages the old entries are gone already.
  it.each([
    ['an entry', 'update entries set seq = ? where run = 1 and seq = 2'],
    ['a message', 'update messages set n = ? where thread = 1 and n = 151'],
  ])('I9: is left as it is where the number of %s has no place', async (_, change) => {
    const old = db();
    expect(old.prepare(change).run(LAST_NUMBER + 1).changes).toBe(1);
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

describe('rows of neighbours', () => {
  let store: Store;

  beforeEach(() => (store = sqliteStore({ path, synchronous: 'normal' })));
  afterEach(() => store[Symbol.asyncDispose]());

  /** Runs and sessions 1 to 3, each with two messages. */
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

  it('I9: a page of a journal or a thread ends with it, wherever it is asked to begin', async () => {
    await fill();
    const edges = [0, 1, 2, 3, LAST_NUMBER - 1, LAST_NUMBER, LAST_NUMBER + 1, 2 ** 40, Number.MAX_SAFE_INTEGER];
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

  it('I9: what has the last number is read, and what would come behind it is refused and leaves the neighbour alone', async () => {
    await fill();
    const db = new Database(path);
    db.exec(
      `update messages set id = id + ${LAST_NUMBER - 2} where id >> 28 in (-2, (select id from runs where name = 'run-2'))`,
    );
    db.exec(
      `update entries set id = id + ${LAST_NUMBER - 1} where id >> 28 = (select id from runs where name = 'run-2')`,
    );
    const rows = (): unknown => [
      db.prepare('select id from entries').safeIntegers().all(),
      db.prepare('select id from messages').safeIntegers().all(),
    ];
    const before = rows();

    expect((await store.run(runKey('run-2')))?.seq).toBe(LAST_NUMBER);
    for (const thread of threads) {
      const numbers = thread.id.endsWith('2') ? [LAST_NUMBER - 1, LAST_NUMBER] : [1, 2];
      expect((await store.messages(thread, everything)).map(({ n }) => n)).toEqual(numbers);
      expect(await store.threadHead(thread)).toBe(numbers[1]);
    }
    const { epoch = 0 } = (await store.run(runKey('run-2'))) ?? {};
    const transition = { type: 'end', status: 'completed' } as const;
    for (const write of [
      store.commit({
        run: runKey('run-2'),
        epoch,
        entries: [{ type: 'run-end', status: 'completed' }],
        progress: true,
        transition,
      }),
      store.replaceMessages({ tenant: 'acme', session: 'talk-2' }, [message('one more')], LAST_NUMBER),
    ])
      await expect(write).rejects.toMatchObject({ code: 'STORE_TOO_LARGE', meta: { number: LAST_NUMBER + 1 } });
    expect(rows()).toEqual(before);
    db.close();
  });

  it('REC-4, SES-8: a removal and a compaction take the rows of one owner, to its last', async () => {
    await fill();
    await store.start(newRun('last', { messages: [message('last-1')] }));
    await end(store, 'run-2', 1);
    await store.compact({ tenant: 'acme', run: 'run-2' });
    await store.moveSession({ tenant: 'acme', session: 'talk-2' }, 'closed');
    await store.remove({ tenant: 'acme', session: 'talk-2' });

    for (const thread of threads)
      expect((await store.messages(thread, everything)).length).toBe(thread.id.endsWith('2') ? 0 : 2);
    const db = new Database(path, { readonly: true });
    expect(db.prepare('select distinct id >> 28 from messages order by 1').pluck().all()).toEqual([-3, -1, 1, 5, 7]);
    expect(db.prepare('select distinct id >> 28 from entries order by 1').pluck().all()).toEqual([1, 2, 5, 6, 7]);
    db.close();
    expect(await problemsOf(checkStore({ path, full: true }))).toEqual([]);
  });
});
