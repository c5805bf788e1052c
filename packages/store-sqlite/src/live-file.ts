import { closeSync, existsSync, openSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import { PrusikError, type LiveTextRows } from '@prusik/core';
import { isDamaged, storeError } from './errors.ts';
import { readFileHeader } from './file-header.ts';
import { createLiveTextRows, LIVE_SCHEMA } from './live-text-rows.ts';
import { fileAt, isOpenHere, trackOpening } from './open-files.ts';

/** "PRSL": what makes a file ours. */
const APPLICATION_ID = 0x5052534c;
const VERSION = 2;
/** Text is looked for at least this often while somebody waits for it: a reader wants to see it being written. */
const MAX_POLL_MS = 100;
/** An empty file with more pages than this is made small when it is closed. */
const SMALL_PAGES = 64;

export interface LiveFile {
  readonly rows: LiveTextRows;
  /** Whether somebody here wants to know of text of other processes. */
  setWanted(wanted: boolean): void;
  close(): void;
}

interface Opened {
  readonly db: Database.Database;
  /** The file that is open, and not merely its name. */
  readonly file: string | undefined;
  close(): void;
  readonly rows: Omit<LiveTextRows, 'transaction' | 'snapshot'>;
}

/**
 * The file beside the store's for text in progress. It is made when the first text comes, never synced to disk, and may be lost: one that is
 * damaged, or was taken away, is replaced by a new one without a word.
 */
export function createLiveFile(options: {
  readonly path: string;
  readonly pollMs: number;
  readonly onChange: () => void;
}): LiveFile {
  const { path, onChange } = options;
  let opened: Opened | undefined;
  let seen: unknown;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  /** The file as it is now; another process may have replaced it since. */
  function open(creates: boolean): Opened | undefined {
    const file = fileAt(path);
    if (opened !== undefined && opened.file === file) return opened;
    release();
    if (closed || (file === undefined && !creates)) return undefined;
    opened = openLiveFile(path);
    // Nobody else has written to what is made here.
    if (file === undefined) seen = opened.db.pragma('data_version', { simple: true });
    return opened;
  }

  function release(): void {
    opened?.close();
    opened = undefined;
    seen = undefined;
  }

  /** Damage costs text that nobody was promised, and must not cost the text that comes. */
  function withFile<T>(creates: boolean, work: (file: Opened) => T): T | undefined {
    for (let tried = 0; ; tried += 1) {
      try {
        const file = open(creates);
        return file && work(file);
      } catch (error) {
        if (opened?.db.inTransaction === true) opened.db.exec('rollback');
        if (tried > 0 || !isDamaged(error)) throw storeError(error, path);
        release();
        removeFiles(path);
      }
    }
  }

  function look(): void {
    try {
      const file = open(false);
      const version = file?.db.pragma('data_version', { simple: true });
      if (version !== seen) onChange();
      seen = version;
    } catch {
      // Whoever writes to it is told why, or mends it.
    }
  }

  /** Within `transaction` or `snapshot` alone, where the file is open. */
  const current = (): Opened['rows'] => {
    if (opened === undefined) throw new PrusikError('STORE_CLOSED', `The file ${path} is not open`);
    return opened.rows;
  };

  return {
    rows: {
      transaction(creates, work) {
        withFile(creates, ({ db }) => {
          db.exec('begin immediate');
          work();
          db.exec('commit');
        });
      },
      snapshot: (work) =>
        withFile(false, ({ db }) => {
          db.exec('begin');
          const answer = work();
          db.exec('commit');
          return answer;
        }),
      blocks: (run) => current().blocks(run),
      text: (row, from) => current().text(row, from),
      insert: (run, epoch, step) => current().insert(run, epoch, step),
      extend: (row, text, head) => current().extend(row, text, head),
      remove: (row) => current().remove(row),
      removeRun: (run) => current().removeRun(run),
      runs: (limit) => current().runs(limit),
      size: () => current().size(),
    },
    setWanted(wanted) {
      if (closed || wanted === (timer !== undefined)) return;
      clearInterval(timer);
      timer = undefined;
      if (!wanted) return;
      seen = opened?.db.pragma('data_version', { simple: true });
      // It must not keep a process alive that has nothing else to do.
      timer = setInterval(look, Math.min(options.pollMs, MAX_POLL_MS)).unref();
    },
    close() {
      closed = true;
      clearInterval(timer);
      timer = undefined;
      try {
        if (opened !== undefined && opened.rows.runs(1).length === 0) shrink(opened.db);
      } catch {
        // Another process is at it: its last one sees to it.
      }
      release();
    },
  };
}

function openLiveFile(path: string): Opened {
  checkHeader(path);
  if (!existsSync(path)) {
    // A log whose file is gone would be read as the new file's.
    removeFiles(path);
    closeSync(openSync(path, 'a', 0o600));
  }
  const db = new Database(path, { timeout: 0 });
  const file = fileAt(path);
  const untrack = trackOpening(file ?? '');
  const close = (): void => {
    db.close();
    untrack();
  };
  try {
    db.pragma('journal_mode = wal');
    db.pragma('synchronous = off');
    db.pragma('trusted_schema = off');
    if (db.pragma('user_version', { simple: true }) !== VERSION) createSchema(db);
    return { db, file, close, rows: createLiveTextRows(db) };
  } catch (error) {
    close();
    throw error;
  }
}

/** Somebody else's file is left alone, and that of a newer release is; anything that is no database is damage. */
function checkHeader(path: string): void {
  const file = fileAt(path);
  // What is open here was looked at before, and a second look would drop its locks.
  if (file === undefined || isOpenHere(file)) return;
  const header = readFileHeader(path);
  if (header.found === 'other') removeFiles(path);
  if (header.found !== 'database') return;
  const { applicationId, userVersion } = header;
  if (applicationId !== APPLICATION_ID && (applicationId !== 0 || userVersion !== 0))
    throw new PrusikError('STORE_FOREIGN', `The file ${path} is not ours; text in progress is not kept`);
  if (userVersion > VERSION)
    throw new PrusikError('STORE_TOO_NEW', `The file ${path} is of a newer release; text in progress is not kept`);
}

function createSchema(db: Database.Database): void {
  db.exec('begin immediate');
  // Read again: another process may have been first.
  if (db.pragma('user_version', { simple: true }) !== VERSION) {
    // Of an earlier release: what it holds is worth nothing but to readers of this instant.
    for (const table of ['steps', 'blocks', 'pieces']) db.exec(`drop table if exists ${table}`);
    db.exec(LIVE_SCHEMA);
    db.pragma(`application_id = ${APPLICATION_ID}`);
    db.pragma(`user_version = ${VERSION}`);
  }
  db.exec('commit');
}

function shrink(db: Database.Database): void {
  if (Number(db.pragma('page_count', { simple: true })) > SMALL_PAGES) db.exec('vacuum');
}

function removeFiles(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
}
