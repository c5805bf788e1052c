import Database from 'better-sqlite3';
import type { RunQuery, Store } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';
import { BLOCK_CODES, fillWithRuns, START, TENANT } from '../many-runs.ts';
import { alternate, atMost, toRow, type Result } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';

const PAGE = 50;
/** Pages in one sample: one takes less than the clock can tell well. */
const READS = 10;

/** A page by one condition, or by two that few runs meet together. `at` is when the run in the middle was created. */
const queriesAt = (at: number): Readonly<Record<string, Partial<RunQuery>>> => ({
  'no condition': {},
  'oldest first': { order: 'oldest' },
  completed: { status: ['completed'] },
  failed: { status: ['failed'] },
  waiting: { status: ['waiting'] },
  running: { status: ['running'] },
  blocked: { status: ['blocked'] },
  'code of a block': { blocked: BLOCK_CODES[0] ?? '' },
  'common definition': { definition: ['definition-0'] },
  'rare definition': { definition: ['definition-38'] },
  'unknown definition': { definition: ['none'] },
  kind: { kind: ['agent'] },
  roots: { roots: true },
  session: { session: 'session-7' },
  'root of 5,000': { root: 'run-1' },
  parent: { parent: 'run-1' },
  'created before': { before: at },
  'ended since': { time: 'ended', since: at, order: 'oldest' },
  'common definition, running': { definition: ['definition-0'], status: ['running'] },
  'kind, cancelled': { kind: ['workflow'], status: ['cancelled'] },
  'rare definition by end': { definition: ['definition-38'], time: 'ended' },
});

/** Milliseconds a page. */
async function readPages(read: () => unknown): Promise<number> {
  const start = performance.now();
  for (let n = 0; n < READS; n += 1) await read();
  return (performance.now() - start) / READS;
}

/** The rows of the same runs, each by its number, and nothing made of them. */
function openFloor(path: string): { read(numbers: readonly number[]): void; close(): void } {
  const db = new Database(path, { readonly: true });
  const row = db.prepare<[number]>('select * from runs where id = ?');
  return {
    read(numbers) {
      for (const number of numbers) row.get(number);
    },
    close: () => void db.close(),
  };
}

const scenario = 'list';
const numberOf = (name: string): number => Number(name.replace('run-', ''));

async function measure(bench: Bench, store: Store, path: string, name: string, query: RunQuery): Promise<Result> {
  const { items } = await store.listRuns(query);
  const numbers = items.map(({ key }) => numberOf(key.run));
  const floor = openFloor(path);
  try {
    const { floor: floors, ours } = await alternate(bench, {
      floor: () => readPages(() => floor.read(numbers)),
      ours: () => readPages(() => store.listRuns(query)),
    });
    const subject = `${name}, ${items.length} shown`;
    return { row: toRow({ scenario, subject, unit: 'ms' }, ours, floors), goal: atMost(10, 'ms') };
  } finally {
    floor.close();
  }
}

export const list: Scenario = {
  name: scenario,
  about: '100,000 runs in a file: a page of 50 by each condition, beside the same rows by their numbers',
  async run(bench: Bench) {
    const count = bench.count(100_000);
    const path = bench.newPath();
    await fillWithRuns(path, count);
    const store = sqliteStore({ path });
    const results: Result[] = [];
    try {
      for (const [name, more] of Object.entries(queriesAt(START + (count / 2) * 1_000))) {
        bench.signal.throwIfAborted();
        results.push(await measure(bench, store, path, name, { tenant: TENANT, limit: PAGE, ...more }));
      }
      const newest = await store.listRuns({ tenant: TENANT, limit: Math.min(1_000, Math.ceil(count / 10)) });
      const later: RunQuery = { tenant: TENANT, limit: PAGE, ...(newest.next ? { after: newest.next } : {}) };
      results.push(await measure(bench, store, path, 'a later page', later));
      const { ours } = await alternate(bench, { ours: () => readPages(() => store.health()) });
      results.push({ row: toRow({ scenario, subject: 'health', unit: 'ms' }, ours), goal: atMost(10, 'ms') });
    } finally {
      await store[Symbol.asyncDispose]();
    }
    return results;
  },
};
