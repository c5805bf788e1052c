import {
  ARTIFACT_NOTE,
  describeRun,
  PrusikError,
  threadOfSession,
  type Ledger,
  type NewRun,
  type Note,
  type Run,
  type RunKey,
  type RunState,
  type StoreHealth,
  type StoreTables,
  type ThreadKey,
} from '@prusik/core';
import { frozen } from './frozen.ts';
import { healthOf } from './memory-health.ts';
import { namedPage } from './named-page.ts';
import { memoryBlobRows } from './memory-blob-rows.ts';
import { createClaimableRuns } from './claimable-runs.ts';
import { createKeyed } from './keyed.ts';
import { listMemoryRuns } from './list-runs.ts';
import { createMemoryNotes } from './memory-notes.ts';
import { createMemoryRequests } from './memory-requests.ts';
import { createMemorySlots } from './memory-slots.ts';
import { createMemoryGrants } from './memory-grants.ts';
import { createMemorySessions, type SessionRecord } from './memory-sessions.ts';
import { createMemoryThreads } from './memory-threads.ts';
import { createNumberedRows } from './numbered-rows.ts';
import { createRunFamilies } from './run-families.ts';
import { createRunRecord, type RunRecord } from './run-record.ts';

const ownThread = ({ tenant, run }: RunKey): ThreadKey => ({ tenant, of: 'run', id: run });

/** A store's rows, and how many runs are among them. */
export interface MemoryTables extends StoreTables {
  readonly runCount: number;
  readonly sessionCount: number;
}

/** All rows of a store, in maps, for stores that are built over them. Everything handed out is frozen. */
export function memoryTables(): MemoryTables {
  const runs = createKeyed<RunRecord>();
  const sessions = createMemorySessions<RunRecord>();
  const ledgers = createKeyed<Ledger>();
  const threads = createMemoryThreads();
  const notes = createMemoryNotes();
  const slots = createMemorySlots();
  const claimable = createClaimableRuns(({ tenant, run }) => runs.get(tenant, run));
  const families = createRunFamilies<RunRecord>();
  const inOrder = createNumberedRows<RunRecord>(({ body }) => body.createdAt);
  const requests = createMemoryRequests(({ key, root }) => runs.get(key.tenant, root)?.state.session);
  const grants = createMemoryGrants();
  const blobs = memoryBlobRows();
  let recoveries: StoreHealth['recoveries'] = { count: 0, lastAt: null };

  function* eachRun(): Iterable<RunState> {
    for (const tenant of inOrder.tenants()) for (const { state } of inOrder.of(tenant)) yield state;
  }

  function record({ tenant, run }: RunKey): RunRecord {
    const found = runs.get(tenant, run);
    if (found === undefined) throw new PrusikError('STORE_CORRUPT', `Run ${run} is not there`);
    return found;
  }

  function replaceState(found: RunRecord, state: RunState): void {
    const ends = state.endedAt !== null && found.state.endedAt === null;
    claimable.remove(found);
    found.state = state;
    claimable.add(found);
    if (ends) families.ended(found);
    const queue = sessionOf(found)?.queue;
    if (state.inQueue) queue?.add(found);
    else queue?.delete(found);
  }

  function sessionOf({ state }: RunRecord): SessionRecord<RunRecord> | undefined {
    return state.session === undefined ? undefined : sessions.get({ tenant: state.key.tenant, session: state.session });
  }

  function bytesOfRun(found: RunRecord, whole: boolean): number {
    const { key } = found.state;
    const own = notes.ofRun(key.tenant, found.number);
    const messages = threads.page(ownThread(key), { after: 0, limit: Number.MAX_SAFE_INTEGER });
    const isArtifact = ({ kind }: Note): boolean => kind === ARTIFACT_NOTE;
    const state = [
      found.entries,
      found.inbox.signals,
      messages,
      slots.of(ownThread(key)),
      own.filter((note) => !isArtifact(note)),
    ];
    const rest = [found.body, requests.of(key), own.filter(isArtifact)];
    return Buffer.byteLength(JSON.stringify(whole ? [state, rest] : state));
  }

  const describe = ({ state, body }: RunRecord): Run => Object.freeze(describeRun(state, body));

  return {
    get runCount() {
      return inOrder.size;
    },
    get sessionCount() {
      return sessions.size;
    },

    state: ({ tenant, run }) => runs.get(tenant, run)?.state,
    insertRun(run: NewRun, state) {
      const numbered = frozen({ ...state, number: inOrder.nextNumber() });
      const found = createRunRecord(run, numbered);
      runs.set(run.key.tenant, run.key.run, found);
      inOrder.add(run.key.tenant, found);
      families.add(found);
      sessionOf(found)?.runs.add(found);
      replaceState(found, numbered);
    },
    saveRun(state) {
      const found = record(state.key);
      const { seq, at, inbox } = found.state;
      replaceState(found, frozen({ ...state, seq, at, inbox }));
    },
    saveResult(state, { output, partial, error, absorbedBy }) {
      const found = record(state.key);
      found.body = frozen({
        ...found.body,
        ...(output === undefined ? {} : { output }),
        ...(partial === undefined ? {} : { partial }),
        ...(error === undefined ? {} : { error }),
        ...(absorbedBy === undefined ? {} : { absorbedBy }),
      });
    },

    saveImported({ tenant, of, id }, imported) {
      if (of === 'session') {
        const session = sessions.get({ tenant, session: id });
        if (session !== undefined) session.imported = frozen(imported);
        return;
      }
      const found = record({ tenant, run: id });
      found.body = frozen({ ...found.body, imported });
    },

    appendEntries(state, from, at, bodies) {
      const found = record(state.key);
      for (const [index, body] of bodies.entries()) found.entries.push(frozen({ ...body, seq: from + index, at }));
      // Nothing that an index goes by.
      found.state = Object.freeze({ ...found.state, seq: found.entries.length, at });
    },
    appendMessages: threads.append,
    takeQueuedMessages(state) {
      const found = record(state.key);
      const messages = found.queuedMessages;
      found.queuedMessages = [];
      return messages;
    },

    findSignal: (state, kind, key) => record(state.key).inbox.find(kind, key),
    hasSignalAfter: (state, n, kinds) =>
      record(state.key)
        .inbox.signals.slice(n)
        .some(({ kind }) => kinds.includes(kind)),
    appendSignal(state, signal) {
      const found = record(state.key);
      found.inbox.append(signal);
      found.state = Object.freeze({ ...found.state, inbox: found.inbox.signals.length });
    },

    appendNotes: notes.append,
    slots: slots.of,
    saveSlots: slots.save,
    noteCount({ tenant, of, id }, kind) {
      const all =
        of === 'session' ? notes.ofSession(tenant, id) : notes.ofRun(tenant, record({ tenant, run: id }).number);
      return all.filter((note) => kind === undefined || note.kind === kind).length;
    },
    usesBlobs: (state) => blobs.isUser(record(state.key)),

    ...requests.tables,
    ...grants.tables,

    ledger: ({ tenant, run }) => ledgers.get(tenant, run),
    saveLedger: ({ tenant, run }, ledger) => ledgers.set(tenant, run, frozen(ledger)),

    addRecoveries(count, at) {
      recoveries = { count: recoveries.count + count, lastAt: at };
    },

    saveBlob: blobs.save,
    useBlobs(state, hashes) {
      const found = record(state.key);
      for (const user of [found, sessionOf(found)]) if (user !== undefined) blobs.use(user, state.key.tenant, hashes);
    },
    useOwnBlobs: (state, hashes) => blobs.use(record(state.key), state.key.tenant, hashes),
    setSessionBlobs({ key }, hashes) {
      const found = sessions.get(key);
      if (found === undefined) return;
      blobs.release(found);
      blobs.use(found, key.tenant, hashes);
    },
    blobsAfter: blobs.after,
    removeBlob: blobs.remove,

    ...sessions.tables,
    insertSession(state, createdAt, forkedFrom) {
      // Its first run was written before it.
      const first = runs.get(state.key.tenant, state.activeRun ?? '');
      sessions.insert(state, createdAt, first === undefined ? [] : [first], forkedFrom);
    },
    saveSession(state) {
      const found = sessions.get(state.key);
      if (found === undefined) return;
      found.state = frozen(state);
      threads.drop(threadOfSession(state.key), state.threadFloor);
    },

    *treeOf({ tenant, run }) {
      for (const { state } of families.treeOf(tenant, run)) yield state;
    },
    lastOfSession: (key) =>
      [...(sessions.get(key)?.runs ?? [])].findLast(({ body }) => body.absorbedBy === undefined)?.state,
    endedRoots: families.endedRoots,
    treeBytes({ tenant, run }, { whole }) {
      let bytes = 0;
      for (const { state } of families.treeOf(tenant, run)) bytes += bytesOfRun(record(state.key), whole);
      return bytes;
    },
    compactRun(state, at, hashes) {
      const { key } = state;
      const found = record(key);
      found.entries.length = 0;
      found.inbox.clear();
      found.queuedMessages = [];
      blobs.keep(found, hashes);
      threads.remove(ownThread(key));
      slots.remove(ownThread(key));
      const others = notes.ofRun(key.tenant, found.number).filter(({ kind }) => kind !== ARTIFACT_NOTE);
      notes.remove(key.tenant, others);
      replaceState(found, frozen({ ...found.state, compactedAt: at }));
    },
    deleteCompacted: () => false,
    hideRun({ key: { tenant, run } }) {
      const found = record({ tenant, run });
      requests.remove({ tenant, run });
      inOrder.remove(tenant, found);
      notes.remove(tenant, notes.ofRun(tenant, found.number));
      families.remove(found);
      sessionOf(found)?.runs.delete(found);
      blobs.release(found);
      runs.delete(tenant, run);
      ledgers.delete(tenant, run);
      grants.remove(tenant, { of: 'run', id: run });
      threads.remove({ tenant, of: 'run', id: run });
      slots.remove({ tenant, of: 'run', id: run });
    },
    hideSession({ key }) {
      const found = sessions.get(key);
      if (found === undefined) return;
      blobs.release(found);
      sessions.remove(found);
      notes.remove(key.tenant, notes.ofSession(key.tenant, key.session));
      grants.remove(key.tenant, { of: 'session', id: key.session });
      threads.remove(threadOfSession(key));
      slots.remove(threadOfSession(key));
    },
    // What nobody refers to any more is gone already.
    deleteHidden: () => false,
    deleteReplaced: () => false,

    ...claimable.tables,

    tenants: (page) => namedPage(new Set([...inOrder.tenants(), ...sessions.tenants()]), (name) => name, page),
    blobsOf({ tenant, of, id }, page) {
      const owner = of === 'run' ? runs.get(tenant, id) : sessions.get({ tenant, session: id });
      return namedPage(owner === undefined ? [] : blobs.usedBy(owner), ({ hash }) => hash, page);
    },
    health: ({ now }) => healthOf(now, eachRun(), requests.all(), { recoveries, blobs: blobs.total() }),

    blob: blobs.get,
    hasBlob: blobs.has,
    run(key) {
      const found = runs.get(key.tenant, key.run);
      return found && describe(found);
    },
    entries: ({ tenant, run }, { after, limit }) => runs.get(tenant, run)?.entries.slice(after, after + limit) ?? [],
    inbox: ({ tenant, run }, { after, limit }) =>
      runs.get(tenant, run)?.inbox.signals.slice(after, after + limit) ?? [],
    messages: threads.page,
    message: threads.find,
    threadHead: threads.head,
    queuedMessages: ({ tenant, run }) => runs.get(tenant, run)?.queuedMessages ?? [],
    listRuns: (query) => listMemoryRuns(inOrder.of(query.tenant), query),
    listNotes: (query) =>
      notes.list(query, query.run === undefined ? undefined : (runs.get(query.tenant, query.run)?.number ?? 0)),
  };
}
