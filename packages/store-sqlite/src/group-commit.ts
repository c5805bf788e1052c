import type Database from 'better-sqlite3';
import { isPrusikError, PrusikError, type CollectedNews, type StoreTransaction } from '@prusik/core';
import { isBusy, storeError } from './errors.ts';

/** Past either of these a transaction is committed, and what is left waits for the next. */
const MAX_ROWS = 1_000;
const MAX_WORK_MS = 5;
const RETRY_WITHIN_MS = 3;

/** One write in the queue: rows it will add, about, and what it does. */
interface Member {
  readonly rows: number;
  readonly work: (tx: StoreTransaction) => unknown;
  readonly since: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** It was in a batch that failed, so it gets a transaction of its own. */
  alone: boolean;
}

export interface GroupCommit {
  write<T>(rows: number, work: (tx: StoreTransaction) => T): Promise<T>;
  /** Whether all that was handed in has its answer. */
  isIdle(): boolean;
}

export interface GroupCommitOptions {
  readonly db: Database.Database;
  readonly path: string;
  /** How long a write waits for other processes. */
  readonly busyMs: number;
  /** Called inside the transaction. */
  readonly begin: () => Omit<StoreTransaction, 'news'>;
  readonly beforeCommit: (now: number) => void;
  readonly collectNews: () => CollectedNews;
  /** Throws when what was committed must not be acknowledged. */
  readonly beforeAnswer: () => void;
  readonly afterCommit: () => void;
  readonly afterRollback: () => void;
}

/**
 * Writes that arrive in the same turn of the event loop share one transaction and one sync to disk, each with its own answer. What a
 * member is refused for it finds before it writes, so a refusal costs the others nothing. A member that throws takes the
 * transaction with it: then it is rolled back and its members are done again one by one.
 */
export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  const { db, path } = options;
  const begin = db.prepare('begin immediate');
  const commit = db.prepare('commit');
  let queue: Member[] = [];
  let scheduled = false;

  function schedule(afterMs?: number): void {
    if (scheduled) return;
    scheduled = true;
    // A turn of the loop between two transactions lets timers and sockets in, however much is written.
    if (afterMs === undefined) setImmediate(flush);
    else setTimeout(flush, afterMs);
  }

  function flush(): void {
    scheduled = false;
    if (queue.length > 0) transact();
    if (queue.length > 0) schedule();
  }

  function transact(): void {
    try {
      begin.run();
    } catch (error) {
      return isBusy(error) ? waitForOthers(error) : rejectAll(queue.splice(0), error);
    }
    const batch: Member[] = [];
    const done: (() => void)[] = [];
    try {
      const { tables, now } = options.begin();
      runMembers(batch, (member) => {
        const news = options.collectNews();
        const answer = member.work({ tables, now, news });
        done.push(() => {
          member.resolve(answer);
          news.tell();
        });
      });
      options.beforeCommit(now);
    } catch (error) {
      rollBack();
      return batch.length > 1 ? retryAlone(batch) : rejectAll(batch.length > 0 ? batch : queue.splice(0), error);
    }
    try {
      commit.run();
    } catch (error) {
      rollBack();
      // What was written may be in the log or not, and only a reader of the file can tell.
      return rejectAll(batch, ambiguous(error));
    }
    try {
      options.beforeAnswer();
    } catch (error) {
      // It was committed; into which file is what could not be seen, unless it is known to be another one now.
      return rejectAll(batch, isPrusikError(error, 'STORE_REPLACED') ? error : ambiguous(error));
    }
    for (const tell of done) tell();
    options.afterCommit();
  }

  /** Takes members off the queue as long as the transaction may grow. */
  function runMembers(batch: Member[], run: (member: Member) => void): void {
    const started = performance.now();
    let rows = 0;
    let taken = 0;
    try {
      for (const member of queue) {
        if (taken > 0 && (member.alone || rows + member.rows > MAX_ROWS || performance.now() - started > MAX_WORK_MS))
          break;
        taken += 1;
        rows += member.rows;
        batch.push(member);
        run(member);
        if (member.alone) break;
      }
    } finally {
      queue.splice(0, taken);
    }
  }

  function retryAlone(batch: readonly Member[]): void {
    for (const member of batch) member.alone = true;
    queue = [...batch, ...queue];
  }

  /** Nothing was written, so nothing is lost by waiting: what comes meanwhile joins the batch. */
  function waitForOthers(error: unknown): void {
    const now = performance.now();
    const tooLate = queue.filter((member) => now - member.since > options.busyMs);
    queue = queue.filter((member) => now - member.since <= options.busyMs);
    rejectAll(tooLate, error);
    // Random, so that processes that met once do not meet again and again.
    if (queue.length > 0) schedule(Math.random() * RETRY_WITHIN_MS);
  }

  function rollBack(): void {
    options.afterRollback();
    try {
      // Some errors end the transaction by themselves.
      if (db.inTransaction) db.exec('rollback');
    } catch {
      // What made the transaction fail is what the members are told; the next `begin` meets this again.
    }
  }

  function ambiguous(error: unknown): PrusikError {
    return new PrusikError('STORE_AMBIGUOUS', `It is not known whether ${path} took a write`, {
      cause: storeError(error, path),
      retryable: true,
    });
  }

  function rejectAll(members: readonly Member[], error: unknown): void {
    const told = storeError(error, path);
    for (const member of members) member.reject(told);
  }

  return {
    isIdle: () => queue.length === 0,
    write<T>(rows: number, work: (tx: StoreTransaction) => T): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const since = performance.now();
        // The queue holds writes of every answer; each is resolved with what its own work returned.
        queue.push({ rows, work, since, resolve: resolve as (answer: unknown) => void, reject, alone: false });
        schedule();
      });
    },
  };
}
