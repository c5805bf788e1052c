import Database from 'better-sqlite3';

export type Synchronous = 'full' | 'normal';

/** A journal as one would write it by hand: the floor of everything that is stored. */
export interface RawJournal extends Disposable {
  /** One row in a transaction of its own, unless one is open. */
  insertEntry(run: number, seq: number, body: string): void;
  insertMessage(thread: number, n: number, body: string): void;
  insertRun(id: number, input: string): void;
  endRun(id: number): void;
  inTransaction(work: () => void): void;
  entries(run: number): readonly unknown[];
  messages(thread: number): readonly unknown[];
}

/** The settings of our own store, and nothing of its rules. */
export function openRawJournal(path: string, synchronous: Synchronous): RawJournal {
  const db = new Database(path);
  db.pragma('journal_mode = wal');
  db.pragma(`synchronous = ${synchronous}`);
  if (synchronous === 'full') db.pragma('fullfsync = on');
  db.exec(`
    create table runs (id integer primary key, status text not null, input text not null) strict;
    create table entries (run integer, seq integer, at real not null, body text not null, primary key (run, seq)) strict;
    create table messages (thread integer, n integer, body text not null, primary key (thread, n)) strict;
  `);
  const begin = db.prepare('begin immediate');
  const commit = db.prepare('commit');
  const entry = db.prepare('insert into entries values (?, ?, ?, ?)');
  const message = db.prepare('insert into messages values (?, ?, ?)');
  const run = db.prepare("insert into runs values (?, 'running', ?)");
  const end = db.prepare("update runs set status = 'completed' where id = ?");
  const entries = db.prepare('select body from entries where run = ? order by seq').pluck();
  const messages = db.prepare('select body from messages where thread = ? order by n').pluck();
  const parsed = (rows: readonly unknown[]): readonly unknown[] => rows.map((row) => JSON.parse(String(row)));
  return {
    insertEntry: (id, seq, body) => void entry.run(id, seq, Date.now(), body),
    insertMessage: (thread, n, body) => void message.run(thread, n, body),
    insertRun: (id, input) => void run.run(id, input),
    endRun: (id) => void end.run(id),
    inTransaction(work) {
      begin.run();
      work();
      commit.run();
    },
    entries: (id) => parsed(entries.all(id)),
    messages: (thread) => parsed(messages.all(thread)),
    [Symbol.dispose]: () => void db.close(),
  };
}
