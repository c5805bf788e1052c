import type Database from 'better-sqlite3';
import {
  ARTIFACT_NOTE,
  ownerOfNote,
  type RunState,
  type SessionLife,
  type Signal,
  type StoreReads,
  type StoreTables,
  type ThreadKey,
} from '@prusik/core';
import { journal, thread } from './appended.ts';
import { createBlobRows } from './blob-rows.ts';
import { createClaimSources } from './claim-sources.ts';
import type { Holders } from './holders.ts';
import { nextNumber } from './last-numbers.ts';
import type { Write } from './portion.ts';
import { prepareQuery } from './prepare-query.ts';
import { selectRequest, toRequest, type RequestRow } from './request-row.ts';
import { toSignal, type SignalRow } from './sqlite-reads.ts';
import { createCompaction } from './sqlite-compaction.ts';
import { createRemoval } from './sqlite-removal.ts';
import { selectState, toState, type StateRow } from './state-row.ts';
import type { Written } from './written.ts';

interface SessionStateRow {
  readonly state: SessionLife;
  readonly active_run: string | null;
  readonly thread_floor: number;
}

/** Rows of one SQLite file, inside a transaction. Statements are prepared once: better-sqlite3 keeps none. */
export function sqliteTables(
  db: Database.Database,
  reads: StoreReads,
  holders: Holders,
  written: Written,
): StoreTables {
  const insertRun = db.prepare(
    `insert into runs (id, tenant, name, kind, definition, version, input_hash, session, root, parent, parent_key, max_result_bytes, depth, priority,
       created_at, attended, status, epoch, seen, lost, cancel, in_queue, steers, ready_at, rights, workspace)
     values (${nextNumber('runs')}, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 'none', ?, ?, ?, ?, ?)`,
  );
  const insertBody = db.prepare(
    'insert into run_bodies (run, input, context, queued_messages, turn) values (?, ?, ?, ?, ?)',
  );
  const saveRun = db.prepare(
    `update runs set status = ?, epoch = ?, seen = ?, lost = ?, cancel = ?, in_queue = ?, ready_at = ?, wake_at = ?, lease_until = ?,
       worker = ?, block_code = ?, block_request = ?,
       holder = case when ? is null then null when epoch = ? then holder else ? end where id = ?`,
  );
  // By itself: SQLite writes every index anew whose columns an update names, changed or not.
  const endRun = db.prepare('update runs set ended_at = ? where id = ?');
  const saveResult = db.prepare('update run_bodies set output = ?, error = ?, absorbed_by = ? where run = ?');
  const saveImported = {
    run: db.prepare('update runs set imported = ? where id = ?'),
    session: db.prepare('update sessions set imported = ? where id = -?'),
  };
  const savePartial = db.prepare('update runs set partial = ? where id = ?');
  const insertEntry = prepareAppend(db, journal('?'));
  const insertMessage = {
    run: prepareAppend(db, thread.run('?')),
    session: prepareAppend(db, thread.session('?')),
  };
  const dropQueuedMessages = db.prepare('update run_bodies set queued_messages = null where run = ?');
  const findSignal = prepareQuery<[number, string, string], SignalRow>(
    db,
    'select n, kind, key, at, body from inbox where run = ? and kind = ? and key = ?',
  );
  const signalAfter = prepareQuery<[number, number, string], number>(
    db,
    'select 1 from inbox where run = ? and n > ? and kind in (select value from json_each(?)) limit 1',
  ).pluck();
  const insertSignal = db.prepare('insert into inbox (run, n, kind, key, at, body) values (?, ?, ?, ?, ?, ?)');
  const insertNote = db.prepare(
    `insert into notes (id, tenant, owner, run, run_name, definition, kind, step_key, at, body)
     values (${nextNumber('notes')}, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const saveSlot = db.prepare('insert or replace into slots (owner, name, body) values (?, ?, ?)');
  const emptySlot = db.prepare('delete from slots where owner = ? and name = ?');
  const noteCount = prepareQuery<[number], number>(
    db,
    `select count(*) from notes n left join runs r on r.id = n.owner where n.owner = ? and (r.compacted_at is null or n.kind = '${ARTIFACT_NOTE}')`,
  ).pluck();
  const noteCountOfKind = prepareQuery<[number, string], number>(
    db,
    'select count(*) from notes where owner = ? and kind = ?',
  ).pluck();
  const usesBlobs = prepareQuery<[number], number>(db, 'select 1 from blob_uses where owner = ? limit 1').pluck();
  const openRequests = prepareQuery<[number], RequestRow>(
    db,
    `${selectRequest("q.run = ? and q.status = 'open'")} order by q.id`,
  );
  const insertRequest = db.prepare(
    `insert into requests (id, run, tenant, root, name, kind, status, step_key, expires_at, opened_at, claimed, body, schema)
     values (${nextNumber('requests')}, ?, ?, ?, ?, ?, 'open', ?, ?, ?, 0, ?, ?)`,
  );
  const saveRequest = db.prepare(
    'update requests set status = ?, decision = ?, claimed = ? where run = ? and name = ?',
  );
  const insertGrant = db.prepare(
    `insert into grants (id, tenant, owner, tool, tool_hash, part, exact, given, expires_at, revoked)
     values (${nextNumber('grants')}, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const saveGrant = db.prepare('update grants set revoked = ? where id = ?');
  const saveLedger = db.prepare('insert or replace into ledgers (run, limits, used, reserved) values (?, ?, ?, ?)');
  const addRecoveries = db.prepare('update recoveries set count = count + ?, at = ?');
  const session = prepareQuery<[string, string], SessionStateRow>(
    db,
    'select state, active_run, thread_floor from sessions where tenant = ? and name = ?',
  );
  const insertSession = db.prepare(
    `insert into sessions (id, tenant, name, active_run, created_at, forked_from, forked_at)
     values (${nextNumber('sessions')}, ?, ?, ?, ?, ?, ?)`,
  );
  const saveSession = db.prepare(
    'update sessions set state = ?, active_run = ?, thread_floor = ? where tenant = ? and name = ?',
  );
  const saveCuts = db.prepare('update sessions set cuts = ? where tenant = ? and name = ?');
  const queueLength = prepareQuery<[string, string], number>(
    db,
    'select count(*) from runs indexed by runs_queue where tenant = ? and session = ? and in_queue = 1',
  ).pluck();
  const firstInQueue = prepareQuery<[string, string], StateRow>(
    db,
    `${selectState("r.tenant = ? and r.session = ? and r.in_queue = 1 and r.cancel = 'none'", 'runs_queue')} order by r.id limit 1`,
  );
  const tree = prepareQuery<[string, string], StateRow>(db, selectState('r.tenant = ? and r.root = ?', 'runs_tree'));
  const ofSession = prepareQuery<[string, string], StateRow>(
    db,
    selectState('r.tenant = ? and r.session = ?', 'runs_session'),
  );
  const lastOfSession = prepareQuery<[string, string], StateRow>(
    db,
    `${selectState(
      'r.tenant = ? and r.session = ? and exists (select 1 from run_bodies where run = r.id and absorbed_by is null)',
      'runs_session',
    )} order by r.created_at desc, r.id desc limit 1`,
  );
  const requestCount = prepareQuery<[number], number>(db, 'select count(*) from requests where run = ?').pluck();
  const numbers = {
    run: prepareQuery<[string, string], number>(db, 'select id from runs where tenant = ? and name = ?').pluck(),
    session: prepareQuery<[string, string], number>(
      db,
      'select -id from sessions where tenant = ? and name = ?',
    ).pluck(),
  };

  function write(statement: Database.Statement<unknown[]>, ...values: unknown[]): Database.RunResult {
    written.anything = true;
    return statement.run(...values);
  }

  /** It may take the last row of the lists. */
  const erase: Write = (statement, ...values) => {
    written.lastAt = undefined;
    return write(statement, ...values);
  };

  function append(
    statement: Database.Statement<unknown[]>,
    owner: number,
    { from, at, bodies }: { readonly from: number; readonly at: number; readonly bodies: readonly unknown[] },
  ): void {
    for (const [index, body] of bodies.entries()) {
      write(statement, owner, from + index, at, JSON.stringify(body));
      written.lastAt = at;
    }
  }

  function numberOf({ tenant, of, id }: ThreadKey): number {
    const number = numbers[of].get(tenant, id);
    if (number === undefined) throw new Error(`The ${of} ${id} is not there`);
    return number;
  }

  const blobs = createBlobRows(db, write);

  return {
    ...reads,
    ...createClaimSources(db, holders, reads.state),
    insertRun(run, { at, status, inQueue, steers, readyAt }) {
      const { tenant, run: name } = run.key;
      const { lastInsertRowid } = write(
        insertRun,
        tenant,
        name,
        run.kind,
        run.definition,
        run.version,
        run.inputHash,
        run.session?.id ?? null,
        run.root,
        run.parent?.run ?? null,
        run.parent?.key ?? null,
        run.parent?.maxResultBytes ?? null,
        run.depth,
        run.priority,
        at,
        run.attended === false ? 0 : 1,
        status,
        inQueue ? 1 : 0,
        steers ? 1 : 0,
        readyAt,
        textOf(run.rights),
        run.workspace ?? null,
      );
      const queued = inQueue && run.messages.length > 0 ? JSON.stringify(run.messages) : null;
      write(
        insertBody,
        lastInsertRowid,
        JSON.stringify(run.input),
        JSON.stringify(run.context),
        queued,
        textOf(run.turn),
      );
    },
    saveRun(next) {
      write(
        saveRun,
        next.status,
        next.epoch,
        next.seen,
        next.lost,
        next.cancel,
        next.inQueue ? 1 : 0,
        next.readyAt,
        next.wakeAt,
        next.leaseUntil,
        next.worker,
        next.blocked?.code ?? null,
        next.blocked?.request ?? null,
        // A lease belongs to the store that raised the epoch; whatever else is saved leaves it where it is.
        next.leaseUntil,
        next.epoch,
        next.leaseUntil === null ? null : holders.self(),
        next.number,
      );
      if (next.endedAt !== null) write(endRun, next.endedAt, next.number);
    },
    saveResult({ number }, { output, partial, error, absorbedBy = null }) {
      write(saveResult, textOf(output), textOf(error), absorbedBy, number);
      if (partial !== undefined) write(savePartial, textOf(partial), number);
    },

    saveImported: (owner, imported) => void write(saveImported[owner.of], JSON.stringify(imported), numberOf(owner)),

    appendEntries({ number }, from, at, bodies) {
      append(insertEntry, number, { from, at, bodies });
    },
    appendMessages(key, from, messages) {
      append(insertMessage[key.of], numberOf(key), { from, at: written.now, bodies: messages });
    },
    takeQueuedMessages({ key, number }) {
      const messages = reads.queuedMessages(key);
      if (messages.length > 0) write(dropQueuedMessages, number);
      return messages;
    },

    findSignal({ number }, kind, key) {
      const row = findSignal.get(number, kind, key);
      return row && toSignal(row);
    },
    hasSignalAfter: ({ number }, n, kinds) => signalAfter.get(number, n, JSON.stringify(kinds)) !== undefined,
    appendSignal: ({ number }, { n, kind, key, at, body }: Signal) =>
      void write(insertSignal, number, n, kind, key, at, JSON.stringify(body)),

    appendNotes(run, at, notes) {
      const { number, key: of, definition } = run;
      for (const { kind, key, data } of notes) {
        const owner = ownerOfNote(run, kind);
        const ownerNumber = owner.of === 'run' ? number : numberOf(owner);
        write(insertNote, of.tenant, ownerNumber, number, of.run, definition, kind, key, at, JSON.stringify(data));
      }
    },
    saveSlots(owner, changes) {
      for (const { name, value } of changes) {
        if (value === undefined) write(emptySlot, numberOf(owner), name);
        else write(saveSlot, numberOf(owner), name, JSON.stringify(value));
      }
    },
    noteCount: (owner, kind) =>
      (kind === undefined ? noteCount.get(numberOf(owner)) : noteCountOfKind.get(numberOf(owner), kind)) ?? 0,
    usesBlobs: ({ number }) => usesBlobs.get(number) !== undefined,

    openRequests: ({ number }) => openRequests.all(number).map(toRequest),
    insertRequest: ({ number, key, root }, { id, kind, stepKey, expiresAt, body, schema }, openedAt) =>
      void write(
        insertRequest,
        number,
        key.tenant,
        root,
        id,
        kind,
        stepKey,
        expiresAt,
        openedAt,
        JSON.stringify(body),
        textOf(schema),
      ),
    saveRequest: ({ number }, { status, decision, claimed, id }) =>
      void write(saveRequest, status, textOf(decision), claimed ? 1 : 0, number, id),

    insertGrant: ({ tenant, scope, tool, toolHash, part, exact, given, expiresAt, revoked }) =>
      void write(
        insertGrant,
        tenant,
        numberOf({ tenant, ...scope }),
        tool,
        toolHash,
        JSON.stringify(part),
        exact ? 1 : 0,
        JSON.stringify(given),
        expiresAt,
        textOf(revoked),
      ),
    saveGrant: ({ id, revoked }) => void write(saveGrant, textOf(revoked), Number(id)),

    saveLedger: ({ tenant, run }, { limits, used, reserved }) =>
      void write(
        saveLedger,
        numberOf({ tenant, of: 'run', id: run }),
        JSON.stringify(limits),
        JSON.stringify(used),
        JSON.stringify(reserved),
      ),

    addRecoveries: (count, at) => void write(addRecoveries, count, at),

    saveBlob: blobs.save,
    useBlobs({ number, key: { tenant }, session: id }, hashes) {
      blobs.use(number, tenant, hashes);
      if (id !== undefined) blobs.use(numberOf({ tenant, of: 'session', id }), tenant, hashes);
    },
    useOwnBlobs: ({ number, key: { tenant } }, hashes) => blobs.use(number, tenant, hashes),
    setSessionBlobs({ key: { tenant, session: id } }, hashes) {
      const owner = numberOf({ tenant, of: 'session', id });
      blobs.release(owner);
      blobs.use(owner, tenant, hashes);
    },
    blobsAfter: blobs.after,
    removeBlob: blobs.remove,

    sessionState(key) {
      const row = session.get(key.tenant, key.session);
      return row && { key, state: row.state, activeRun: row.active_run, threadFloor: row.thread_floor };
    },
    insertSession: ({ key, activeRun }, createdAt, fork) =>
      void write(insertSession, key.tenant, key.session, activeRun, createdAt, fork?.session ?? null, fork?.n ?? null),
    saveCuts: ({ key }, cuts) =>
      void write(saveCuts, cuts.length === 0 ? null : JSON.stringify(cuts), key.tenant, key.session),
    saveSession: ({ key, state: life, activeRun, threadFloor }) =>
      void write(saveSession, life, activeRun, threadFloor, key.tenant, key.session),
    queueLength: (key) => queueLength.get(key.tenant, key.session) ?? 0,
    firstInQueue(key) {
      const row = firstInQueue.get(key.tenant, key.session);
      return row && toState(row);
    },

    treeOf: (root) => states(tree.iterate(root.tenant, root.run)),
    runsOfSession: (key) => states(ofSession.iterate(key.tenant, key.session)),
    lastOfSession(key) {
      const row = lastOfSession.get(key.tenant, key.session);
      return row && toState(row);
    },
    requestCount: ({ number }) => requestCount.get(number) ?? 0,
    ...createRemoval(db, erase),
    ...createCompaction(db, erase),
  };
}

function* states(rows: Iterable<StateRow>): Iterable<RunState> {
  for (const row of rows) yield toState(row);
}

/** A row of a list; its values are the owner, the number, the time and the body. */
function prepareAppend(db: Database.Database, list: string): Database.Statement<unknown[]> {
  return db.prepare(`insert into appended (list, n, at, body) values (${list}, ?, ?, ?)`);
}

/** SQL's null is a missing value; JSON's is the text `null`. */
function textOf(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
