import type Database from 'better-sqlite3';
import {
  addAmounts,
  NO_AMOUNT,
  type Budget,
  type Entry,
  type EntryBody,
  type Json,
  type Ledger,
  type Message,
  type Signal,
  type SignalKind,
  type StoredMessage,
  type StoreReads,
  type ThreadKey,
} from '@prusik/core';
import { journal, thread } from './appended.ts';
import { selectGrant, toGrant, type GrantRow } from './grant-row.ts';
import { prepareQuery } from './prepare-query.ts';
import { selectRequest, toRequest, type RequestRow } from './request-row.ts';
import { selectSession, toCuts, toSession, type SessionRow } from './session-row.ts';
import { createBlobReads } from './blob-rows.ts';
import { createBlobsOf, createTenants } from './named-lists.ts';
import { createHealth } from './health.ts';
import { createEndedRoots } from './ended-roots.ts';
import { createTreeBytes } from './tree-bytes.ts';
import { createLists } from './sqlite-lists.ts';
import { selectRun, selectState, toRun, toState, type RunRow, type StateRow } from './state-row.ts';

type Keyed = [tenant: string, id: string];
type Paged = [...Keyed, from: number, limit: number];
type Between = [...Keyed, after: number, before: number, limit: number];

interface EntryRow {
  readonly seq: number;
  readonly at: number;
  readonly body: string;
}

export interface SignalRow {
  readonly n: number;
  readonly kind: SignalKind;
  readonly key: string;
  readonly at: number;
  readonly body: string;
}

interface MessageRow {
  readonly n: number;
  readonly body: string;
}

interface LedgerRow {
  readonly limits: string;
  readonly used: string;
  readonly reserved: string;
}

const RUN = '(select id from runs where tenant = ? and name = ?)';
/** Journal and inbox of a compacted run are read as empty from the flag on, while their rows go. */
const WITH_STATE = '(select id from runs where tenant = ? and name = ? and compacted_at is null)';
/** A run's thread is never replaced, so it has no floor. */
const THREADS: Readonly<Record<ThreadKey['of'], string>> = {
  run: `(select id as owner, ${thread.run('id')} as list, 0 as floor from runs where tenant = ? and name = ? and compacted_at is null)`,
  session: `(select -id as owner, ${thread.session('-id')} as list, thread_floor as floor from sessions where tenant = ? and name = ?)`,
};

/** The port's reads: one statement each, so that each sees one state of the file. */
export function createReads(db: Database.Database): StoreReads {
  const state = prepareQuery<Keyed, StateRow>(db, selectState('r.tenant = ? and r.name = ?'));
  const run = prepareQuery<Keyed, RunRow>(db, selectRun('r.tenant = ? and r.name = ?'));
  const entries = prepareQuery<Paged, EntryRow>(
    db,
    `select n as seq, at, body from appended where list = ${journal(WITH_STATE)} and n > ? order by n limit ?`,
  );
  const inbox = prepareQuery<Paged, SignalRow>(
    db,
    `select n, kind, key, at, body from inbox where run = ${WITH_STATE} and n > ? order by n limit ?`,
  );
  const ledger = prepareQuery<Keyed, LedgerRow>(db, `select limits, used, reserved from ledgers where run = ${RUN}`);
  const queuedMessages = prepareQuery<Keyed, string | null>(
    db,
    `select queued_messages from run_bodies where run = ${RUN}`,
  ).pluck();
  const session = prepareQuery<Keyed, SessionRow>(db, selectSession('s.tenant = ? and s.name = ?'));
  const request = prepareQuery<[...Keyed, string], RequestRow>(
    db,
    selectRequest('r.tenant = ? and r.name = ? and q.name = ?'),
  );
  const grant = prepareQuery<[string, number], GrantRow>(db, selectGrant('g.tenant = ? and g.id = ?'));
  const slots = { run: slotStatement(db, 'run'), session: slotStatement(db, 'session') };
  const cuts = prepareQuery<Keyed, string | null>(
    db,
    'select cuts from sessions where tenant = ? and name = ?',
  ).pluck();
  const threads = { run: threadStatements(db, 'run'), session: threadStatements(db, 'session') };

  return {
    state(key) {
      const row = state.get(key.tenant, key.run);
      return row && toState(row);
    },
    run(key) {
      const row = run.get(key.tenant, key.run);
      return row && toRun(row);
    },
    entries: (key, { after, limit }) =>
      entries
        .all(key.tenant, key.run, after, limit)
        // Its own object, so it can be completed where it is; a copy would double the cost of reading a journal.
        .map(({ seq, at, body }): Entry => Object.assign(JSON.parse(body) as EntryBody, { seq, at })),
    inbox: (key, { after, limit }) => inbox.all(key.tenant, key.run, after, limit).map(toSignal),
    messages({ tenant, of, id }, page, { after, before } = EVERYTHING) {
      const rows =
        'after' in page
          ? threads[of].after.all(tenant, id, Math.max(after, page.after), before, page.limit)
          : threads[of].before.all(tenant, id, after, Math.min(before, page.before), page.limit).toReversed();
      return rows.map(toMessage);
    },
    message({ tenant, of, id }, message) {
      const row = threads[of].byId.get(tenant, id, message);
      return row && toMessage(row);
    },
    slots: ({ tenant, of, id }) =>
      slots[of].all(tenant, id).map(({ name, body }) => ({ name, value: JSON.parse(body) as Json })),
    cuts: ({ tenant, session: id }) => toCuts(cuts.get(tenant, id) ?? null),
    threadHead: ({ tenant, of, id }) => threads[of].head.get(tenant, id) ?? 0,
    queuedMessages({ tenant, run: id }) {
      const text = queuedMessages.get(tenant, id) ?? null;
      return text === null ? [] : (JSON.parse(text) as Message[]);
    },
    ledger({ tenant, run: id }) {
      const row = ledger.get(tenant, id);
      return row && toLedger(row);
    },
    session(key) {
      const row = session.get(key.tenant, key.session);
      return row && toSession(row);
    },
    request(key, id) {
      const row = request.get(key.tenant, key.run, id);
      return row && toRequest(row);
    },
    grant({ tenant, grant: id }) {
      const row = grant.get(tenant, Number(id));
      return row && toGrant(row);
    },
    endedRoots: createEndedRoots(db),
    treeBytes: createTreeBytes(db),
    ...createBlobReads(db),
    blobsOf: createBlobsOf(db),
    tenants: createTenants(db),
    health: createHealth(db),
    ...createLists(db),
  };
}

export function toSignal({ n, kind, key, at, body }: SignalRow): Signal {
  return { n, kind, key, body: JSON.parse(body) as Json, at };
}

function toLedger({ limits, used, reserved }: LedgerRow): Ledger {
  return {
    limits: JSON.parse(limits) as Budget,
    // An older release knows fewer dimensions.
    used: addAmounts(NO_AMOUNT, JSON.parse(used) as Budget),
    reserved: addAmounts(NO_AMOUNT, JSON.parse(reserved) as Budget),
  };
}

const toMessage = ({ n, body }: MessageRow): StoredMessage => ({ n, message: JSON.parse(body) as Message });

const EVERYTHING = { after: 0, before: Number.MAX_SAFE_INTEGER } as const;

interface SlotRow {
  readonly name: string;
  readonly body: string;
}

function slotStatement(db: Database.Database, of: ThreadKey['of']): Database.Statement<Keyed, SlotRow> {
  return prepareQuery(
    db,
    `select s.name, s.body from ${THREADS[of]} t join slots s on s.owner = t.owner order by s.name`,
  );
}

interface ThreadStatements {
  readonly after: Database.Statement<Between, MessageRow>;
  readonly before: Database.Statement<Between, MessageRow>;
  readonly byId: Database.Statement<[...Keyed, message: string], MessageRow>;
  readonly head: Database.Statement<Keyed, number>;
}

/** A page of a thread between two numbers, oldest or newest first. */
export function messagesOf(of: ThreadKey['of'], side: 'after' | 'before'): string {
  const order = side === 'after' ? 'asc' : 'desc';
  return `select m.n, m.body from ${THREADS[of]} t join appended m on m.list = t.list
    where m.n > max(t.floor, ?) and m.n < ? order by m.n ${order} limit ?`;
}

/** The conditions are spelled as in the index, else the planner does not know it. A run's own thread has none: it is gone through from its end. */
export function messageOf(of: ThreadKey['of']): string {
  const index = of === 'session' ? 'indexed by messages_ids on m.list < 0 and' : 'on';
  return `select m.n, m.body from ${THREADS[of]} t join appended m ${index} m.list = t.list
    where m.body ->> '$.id' = ? and m.n > t.floor order by m.n desc limit 1`;
}

function threadStatements(db: Database.Database, of: ThreadKey['of']): ThreadStatements {
  return {
    after: prepareQuery(db, messagesOf(of, 'after')),
    before: prepareQuery(db, messagesOf(of, 'before')),
    byId: prepareQuery(db, messageOf(of)),
    head: prepareQuery<Keyed, number>(
      db,
      `select max(t.floor, coalesce((select max(n) from appended where list = t.list), 0)) from ${THREADS[of]} t`,
    ).pluck(),
  };
}
