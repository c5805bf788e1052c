import { setImmediate } from 'node:timers/promises';
import type Database from 'better-sqlite3';
import { isPrusikError } from '@prusik/core';
import { blobFolder } from './blob-files.ts';
import { blobProblems } from './blob-problems.ts';
import { storeError } from './errors.ts';
import { INVARIANTS } from './invariants.ts';
import { checkedPath, openError } from './open-database.ts';
import { SCHEMA_VERSION } from './migrations/index.ts';
import { openToRead } from './open-to-read.ts';
import { checkRuntime } from './runtime.ts';
import { HIDDEN_TENANT } from './sqlite-removal.ts';
import type { StoreProblem } from './store-problem.ts';

/** Rows of which the invariants are asked in one read. */
const ROWS_A_PORTION = 100;
/** What SQLite says of one table, at most: a torn table has no end of it. */
const PROBLEMS_A_TABLE = 20;

/** What {@link checkStore} takes. */
export interface CheckOptions {
  /** A store, which may be in use, or a backup. It is only read. */
  readonly path: string;
  /** Also compares every index with its table: several times slower. @default false */
  readonly full?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Reads a whole store and tells what is damaged: the file as SQLite sees it, then what is true of every run and session of a store that is
 * whole. Nothing is told of one that is sound. It reads in portions and lets the event loop in between; SQLite's own check of one table is one
 * portion.
 *
 * @throws {PrusikError} `STORE_MISSING`, `STORE_FOREIGN`, `STORE_TOO_NEW`, `STORE_UNAVAILABLE`, `STORE_BUSY`
 */
export async function* checkStore(options: CheckOptions): AsyncGenerator<StoreProblem, void> {
  const { full = false, signal } = options;
  checkRuntime();
  const file = checkedPath(options.path);
  signal?.throwIfAborted();
  let source: ReturnType<typeof openToRead> | undefined;
  try {
    source = openToRead(file, { orBackup: true });
    const { db, version } = source;
    const checks = [...tableChecks(db, full)];
    // An older file is migrated before it is used, and is whole if its tables are.
    if (version === SCHEMA_VERSION) checks.push(...invariantChecks(db), blobCheck(db, blobFolder(file)));
    for (const check of checks) {
      for (;;) {
        const { problems, done } = nextOf(check, file);
        yield* problems;
        if (done) break;
        await setImmediate();
        signal?.throwIfAborted();
      }
    }
  } catch (error) {
    signal?.throwIfAborted();
    const told = openError(error, file);
    if (!isPrusikError(told, 'STORE_CORRUPT')) throw told;
    yield { about: 'file', message: told.message };
  } finally {
    source?.close();
  }
}

interface Found {
  readonly problems: readonly StoreProblem[];
  readonly done: boolean;
}

interface Check {
  readonly of: string;
  /** Looks at the next portion. */
  next(): Found;
}

/** Damage that stops one check is a problem like any other, and the next check goes on. */
function nextOf({ of, next }: Check, file: string): Found {
  try {
    return next();
  } catch (error) {
    const told = storeError(error, file);
    if (isPrusikError(told, 'STORE_CORRUPT'))
      return { problems: [{ about: 'file', message: `Table ${of}: ${told.message}` }], done: true };
    throw told;
  }
}

function tableChecks(db: Database.Database, full: boolean): readonly Check[] {
  const tables = db.prepare<[], string>("select name from sqlite_schema where type = 'table'").pluck().all();
  const pragma = full ? 'integrity_check' : 'quick_check';
  return tables.map((table) => ({
    of: table,
    next() {
      const said = db
        .prepare<[string, number], string>(`select * from pragma_${pragma}(?) limit ?`)
        .pluck()
        .all(table, PROBLEMS_A_TABLE);
      const problems = said.filter((line) => line !== 'ok');
      return { problems: problems.map((line) => ({ about: 'file', message: `Table ${table}: ${line}` })), done: true };
    },
  }));
}

/** What is hidden is on its way out, and half of it may be gone. */
function invariantChecks(db: Database.Database): readonly Check[] {
  return ['runs', 'sessions', 'requests'].map((table) => {
    const invariants = INVARIANTS.filter((invariant) => invariant.table === table).map((invariant) => ({
      ...invariant,
      find: db.prepare<[number, number], { tenant: string; name: string; says: string }>(
        `select x.tenant, x.name, ${invariant.says} as says from ${table} x
           where x.id > ? and x.id <= ? and x.tenant <> '${HIDDEN_TENANT}' and (${invariant.wrong})`,
      ),
    }));
    const end = db
      .prepare<[number, number], number | null>(
        `select max(id) from (select id from ${table} where id > ? order by id limit ?)`,
      )
      .pluck();
    let after = -1;
    // One read, so that what hangs together is seen as it was at one instant.
    const portion = db.transaction((): Found => {
      const upTo = end.get(after, ROWS_A_PORTION) ?? null;
      if (upTo === null) return { problems: [], done: true };
      const problems = invariants.flatMap(({ about, find }) =>
        find.all(after, upTo).map(({ tenant, name, says }): StoreProblem => ({
          about,
          tenant,
          id: name,
          message: `The ${about} ${name} ${says}`,
        })),
      );
      after = upTo;
      return { problems, done: false };
    });
    return { of: table, next: portion };
  });
}

function blobCheck(db: Database.Database, folder: string): Check {
  const next = blobProblems(db, folder, ROWS_A_PORTION);
  return {
    of: 'blobs',
    next() {
      const problems = next();
      return { problems: problems ?? [], done: problems === undefined };
    },
  };
}
