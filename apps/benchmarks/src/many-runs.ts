import Database from 'better-sqlite3';
import type { RunKind, RunStatus } from '@prusik/core';
import { sqliteStore } from '@prusik/store-sqlite';

/** The tenant that has most of them. */
export const TENANT = 'default';
export const BLOCK_CODES = ['STEP_IN_DOUBT', 'RUN_POISONED', 'RUN_VERSION_UNKNOWN'];
/** When the first was created; each other one a second after the one before. */
export const START = 1_700_000_000_000;
const DEFINITIONS = 40;
const KINDS: readonly RunKind[] = ['workflow', 'agent', 'function'];
/** By share, in hundredths. */
const STATUSES: readonly (readonly [RunStatus, number])[] = [
  ['completed', 60],
  ['waiting', 15],
  ['failed', 8],
  ['queued', 8],
  ['cancelled', 4],
  ['blocked', 3],
  ['running', 2],
];
/** The first runs are one large tree; after it, families of so many. */
const LARGE_TREE = 5_000;
const FAMILY = 6;

/** Always the same numbers below 1. */
function createRandom(): () => number {
  let state = 42;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function pick<T>(share: number, of: readonly (readonly [T, number])[]): T {
  let left = share * 100;
  for (const [value, hundredths] of of) if ((left -= hundredths) < 0) return value;
  return (of[0] as readonly [T, number])[0];
}

/** A store of so many runs of four tenants, made row by row: through the port it would take minutes. The indexes are the store's own. */
export async function fillWithRuns(path: string, count: number): Promise<void> {
  await sqliteStore({ path, synchronous: 'normal' })[Symbol.asyncDispose]();
  const db = new Database(path);
  const run = db.prepare(
    `insert into runs (id, tenant, name, kind, definition, version, input_hash, session, root, parent, parent_key, depth, priority, created_at, status,
       epoch, seen, lost, cancel, in_queue, ready_at, wake_at, lease_until, ended_at, block_code, block_request)
     values (?, ?, ?, ?, ?, '1', ?, ?, ?, ?, ?, ?, 0, ?, ?, 1, 0, 0, 'none', 0, ?, ?, ?, ?, ?, ?)`,
  );
  const body = db.prepare('insert into run_bodies (run, input, context, output, error) values (?, ?, ?, ?, ?)');
  const entry = db.prepare('insert into appended (list, n, at, body) values (2 * ?, 1, ?, ?)');
  const random = createRandom();
  const text = JSON.stringify('x'.repeat(1_500));
  db.transaction(() => {
    const tenantOf = new Map<number, string>();
    let root = 1;
    for (let id = 1; id <= count; id += 1) {
      if (id > LARGE_TREE && id % FAMILY === 0) root = id;
      const isRoot = root === id;
      const tenant = id <= LARGE_TREE || random() < 0.7 ? TENANT : `tenant-${id % 3}`;
      // A family is of one tenant: its root's.
      const of = isRoot || root === 1 ? tenant : (tenantOf.get(root) ?? tenant);
      if (isRoot) tenantOf.set(root, of);
      const definition = Math.floor(DEFINITIONS ** random()) - 1;
      const status = pick(random(), STATUSES);
      const at = START + id * 1_000;
      const endedAt = ['completed', 'failed', 'cancelled'].includes(status) ? at + random() * 600_000 : null;
      run.run(
        id,
        of,
        `run-${id}`,
        KINDS[definition % KINDS.length],
        `definition-${definition}`,
        `sha256:${id}`,
        isRoot && random() < 0.3 ? `session-${Math.floor(random() * 2_000)}` : null,
        `run-${root}`,
        isRoot ? null : `run-${root}`,
        isRoot ? null : `child-${id}`,
        isRoot ? 0 : 1,
        at,
        status,
        status === 'queued' ? at : null,
        status === 'waiting' && random() < 0.5 ? at + 3_600_000 : null,
        status === 'running' ? at + 30_000 : null,
        endedAt,
        status === 'blocked' ? BLOCK_CODES[id % BLOCK_CODES.length] : null,
        status === 'blocked' ? 'request' : null,
      );
      const error = status === 'failed' ? JSON.stringify({ code: 'STEP_FAILED', message: 'It failed' }) : null;
      body.run(id, text, 'null', status === 'completed' ? text : null, error);
      entry.run(id, at, '{"type":"run-start"}');
    }
  })();
  db.close();
}
