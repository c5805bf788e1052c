// A process of its own for tests of bad disks: `disk-writer.ts FILE full|normal [COMMITS]`. With COMMITS it makes so many, a third of which name blobs, and ends; on the way the log
// begins anew, as after a quiet second. Otherwise it does what each line on its standard input says: `open`, `commit`, `large`, `read` or `close`. It prints what became of each.
import { createInterface } from 'node:readline';
import Database from 'better-sqlite3';
import { isPrusikError, type Store } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { claimRun, newRun, note, runKey } from './some-runs.ts';

const [path = '', synchronous, commits] = process.argv.slice(2);
let store: Store | undefined;
let epoch = 0;

async function open(): Promise<string> {
  store = sqliteStore({ path, synchronous: synchronous === 'normal' ? 'normal' : 'full', busyMs: 500 });
  await store.start(newRun('r'));
  // After a close that could not give up its lease nobody can claim until that has run out.
  epoch = await claimRun(store, 'r').catch((error: unknown) => {
    if (isPrusikError(error)) throw error;
    return 0;
  });
  return 'opened';
}

async function commit(length: number, blobs: readonly string[] = []): Promise<string> {
  const answer = await note(store as Store, 'r', epoch, {
    entries: [{ type: 'note', name: 'n', data: 'x'.repeat(length) }],
    blobs,
  });
  return answer.outcome === 'committed' ? String(answer.seq) : answer.outcome;
}

async function act(what: string): Promise<string> {
  if (what === 'open') return open();
  if (store === undefined) return 'no store';
  if (what === 'commit') return commit(500);
  if (what === 'large') return commit(200_000);
  if (what === 'read') return String((await store.run(runKey('r')))?.seq);
  if (what === 'close') {
    await store[Symbol.asyncDispose]();
    store = undefined;
    return 'closed';
  }
  throw new Error(`What is ${what}?`);
}

function takeLog(): void {
  const db = new Database(path);
  db.pragma('wal_checkpoint(passive)');
  db.close();
}

async function told(what: string): Promise<string> {
  try {
    return await act(what);
  } catch (error) {
    return isPrusikError(error) ? error.code : String(error);
  }
}

if (commits === undefined) {
  process.stdout.write('ready\n');
  for await (const line of createInterface({ input: process.stdin })) process.stdout.write(`${await told(line)}\n`);
} else {
  await open();
  for (let n = 0; n < Number(commits); n += 1) {
    if (n % 10 === 9) takeLog();
    // Every third names a blob.
    const blob = n % 3 === 0 ? await store?.putBlob('acme', Buffer.alloc(10_000, n)) : undefined;
    process.stdout.write(`${await commit(500, blob === undefined ? [] : [blob.hash])}\n`);
  }
  await store?.[Symbol.asyncDispose]();
}
