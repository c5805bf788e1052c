import {
  ARTIFACT_NOTE,
  describeRun,
  PrusikError,
  requestAt,
  threadOfSession,
  type ClaimQuery,
  type Entry,
  type Ledger,
  type Message,
  type NewRun,
  type Note,
  type Request,
  type Run,
  type RunBody,
  type RunKey,
  type RunState,
  type Signal,
  type SignalKind,
  type StoreHealth,
  type StoreTables,
  type ThreadKey,
} from '@prusik/core';
import { frozen } from './frozen.ts';
import { healthOf } from './memory-health.ts';
import { namedPage } from './named-page.ts';
import { memoryBlobRows } from './memory-blob-rows.ts';
import { createKeyed } from './keyed.ts';
import { listMemoryRuns, type ListedRun } from './list-runs.ts';
import { listPage } from './list-page.ts';
import { createMemoryNotes } from './memory-notes.ts';
import { createMemorySlots } from './memory-slots.ts';
import { createMemoryGrants } from './memory-grants.ts';
import { createMemorySessions, type SessionRecord } from './memory-sessions.ts';
import { createMemoryThreads } from './memory-threads.ts';
import { createNumberedRows } from './numbered-rows.ts';
import { createRunFamilies } from './run-families.ts';
import { createRunIndex, type Claimable, type RunIndex } from './run-index.ts';

interface RunRecord extends ListedRun {
  state: RunState;
  body: RunBody;
  readonly entries: Entry[];
  readonly signals: Signal[];
  readonly signalByKey: Map<string, Signal>;
  readonly requests: Map<string, RequestRecord>;
  queuedMessages: readonly Message[];
}

interface RequestRecord {
  readonly number: number;
  request: Request;
}

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
  const trees = createKeyed<RunIndex>();
  const everything = createRunIndex();
  const families = createRunFamilies<RunRecord>();
  const lists = {
    runs: createNumberedRows<RunRecord>(({ body }) => body.createdAt),
    requests: createNumberedRows<RequestRecord>(),
  };
  const grants = createMemoryGrants();
  const blobs = memoryBlobRows();
  let recoveries: StoreHealth['recoveries'] = { count: 0, lastAt: null };

  function* eachRun(): Iterable<RunState> {
    for (const tenant of lists.runs.tenants()) for (const { state } of lists.runs.of(tenant)) yield state;
  }

  function* eachRequest(): Iterable<Request> {
    for (const tenant of lists.requests.tenants()) for (const { request } of lists.requests.of(tenant)) yield request;
  }

  function record({ tenant, run }: RunKey): RunRecord {
    const found = runs.get(tenant, run);
    if (found === undefined) throw new PrusikError('STORE_CORRUPT', `Run ${run} is not there`);
    return found;
  }

  function replaceState(found: RunRecord, state: RunState): void {
    const { tenant } = state.key;
    const tree = trees.get(tenant, state.root) ?? createRunIndex();
    const ends = state.endedAt !== null && found.state.endedAt === null;
    everything.remove(found);
    tree.remove(found);
    found.state = state;
    everything.add(found);
    tree.add(found);
    if (tree.isEmpty()) trees.delete(tenant, state.root);
    else trees.set(tenant, state.root, tree);
    if (ends) families.ended(found);
    const queue = sessionOf(found)?.queue;
    if (state.inQueue) queue?.add(found);
    else queue?.delete(found);
  }

  function sessionOf({ state }: RunRecord): SessionRecord<RunRecord> | undefined {
    return state.session === undefined ? undefined : sessions.get({ tenant: state.key.tenant, session: state.session });
  }

  function* among(query: ClaimQuery, which: (index: RunIndex) => Iterable<Claimable>): Iterable<RunState> {
    for (const { state } of which(indexFor(query))) yield state;
  }

  function indexFor({ only }: ClaimQuery): RunIndex {
    if (only === undefined) return everything;
    const named = createRunIndex();
    if ('run' in only) {
      const found = runs.get(only.run.tenant, only.run.run);
      if (found !== undefined) named.add(found);
      return named;
    }
    // A tree that is named twice is one tree.
    const found = new Set(only.roots.flatMap(({ tenant, run }) => trees.get(tenant, run) ?? []));
    const [first] = found;
    if (first !== undefined && found.size === 1) return first;
    for (const tree of found) for (const run of tree.all()) named.add(run);
    return named;
  }

  function sessionOfTree({ key, root }: RunState): { readonly session?: string } {
    const session = runs.get(key.tenant, root)?.state.session;
    return session === undefined ? {} : { session };
  }

  function bytesOfRun(found: RunRecord, whole: boolean): number {
    const { key } = found.state;
    const own = notes.ofRun(key.tenant, found.number);
    const messages = threads.page(ownThread(key), { after: 0, limit: Number.MAX_SAFE_INTEGER });
    const isArtifact = ({ kind }: Note): boolean => kind === ARTIFACT_NOTE;
    const state = [
      found.entries,
      found.signals,
      messages,
      slots.of(ownThread(key)),
      own.filter((note) => !isArtifact(note)),
    ];
    const rest = [found.body, [...found.requests.values()].map(({ request }) => request), own.filter(isArtifact)];
    return Buffer.byteLength(JSON.stringify(whole ? [state, rest] : state));
  }

  const signalName = (kind: SignalKind, key: string): string => `${kind} ${key}`;
  const describe = ({ state, body }: RunRecord): Run => Object.freeze(describeRun(state, body));

  return {
    get runCount() {
      return lists.runs.size;
    },
    get sessionCount() {
      return sessions.size;
    },

    state: ({ tenant, run }) => runs.get(tenant, run)?.state,
    insertRun(run: NewRun, state) {
      const number = lists.runs.nextNumber();
      const numbered = frozen({ ...state, number });
      const found: RunRecord = {
        number,
        state: numbered,
        body: frozen({
          kind: run.kind,
          input: run.input,
          context: run.context,
          attended: run.attended ?? true,
          ...(run.turn === undefined ? {} : { turn: run.turn }),
          ...(run.rights === undefined ? {} : { rights: run.rights }),
          ...(run.workspace === undefined ? {} : { workspace: run.workspace }),
          createdAt: state.at,
        }),
        entries: [],
        signals: [],
        signalByKey: new Map(),
        requests: new Map(),
        queuedMessages: state.inQueue ? frozen(run.messages) : [],
      };
      runs.set(run.key.tenant, run.key.run, found);
      lists.runs.add(run.key.tenant, found);
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

    findSignal: (state, kind, key) => record(state.key).signalByKey.get(signalName(kind, key)),
    hasSignalAfter: (state, n, kinds) =>
      record(state.key)
        .signals.slice(n)
        .some(({ kind }) => kinds.includes(kind)),
    appendSignal(state, signal) {
      const found = record(state.key);
      frozen(signal);
      found.signals.push(signal);
      found.signalByKey.set(signalName(signal.kind, signal.key), signal);
      found.state = Object.freeze({ ...found.state, inbox: found.signals.length });
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

    request: ({ tenant, run }, id) => runs.get(tenant, run)?.requests.get(id)?.request,
    openRequests: (state) =>
      [...record(state.key).requests.values()].map(({ request }) => request).filter(({ status }) => status === 'open'),
    insertRequest(state, request, openedAt) {
      const row: RequestRecord = {
        number: lists.requests.nextNumber(),
        request: frozen({
          ...request,
          run: state.key,
          root: state.root,
          ...(state.parent === undefined ? {} : { parent: state.parent }),
          ...sessionOfTree(state),
          definition: state.definition,
          status: 'open' as const,
          openedAt,
          claimed: false,
        }),
      };
      record(state.key).requests.set(request.id, row);
      lists.requests.add(state.key.tenant, row);
    },
    saveRequest(state, request) {
      const row = record(state.key).requests.get(request.id);
      if (row !== undefined) row.request = frozen({ ...request });
    },

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

    sessionState: (key) => sessions.get(key)?.state,
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
    saveCuts({ key }, cuts) {
      const found = sessions.get(key);
      if (found !== undefined) found.cuts = frozen(cuts);
    },
    cuts: (key) => sessions.get(key)?.cuts ?? [],
    queueLength: (key) => sessions.get(key)?.queue.size ?? 0,
    firstInQueue: (key) => [...(sessions.get(key)?.queue ?? [])].find(({ state }) => state.cancel === 'none')?.state,

    *treeOf({ tenant, run }) {
      for (const { state } of families.treeOf(tenant, run)) yield state;
    },
    *runsOfSession(key) {
      for (const { state } of sessions.get(key)?.runs ?? []) yield state;
    },
    lastOfSession: (key) =>
      [...(sessions.get(key)?.runs ?? [])].findLast(({ body }) => body.absorbedBy === undefined)?.state,
    endedRoots: families.endedRoots,
    treeBytes({ tenant, run }, { whole }) {
      let bytes = 0;
      for (const { state } of families.treeOf(tenant, run)) bytes += bytesOfRun(record(state.key), whole);
      return bytes;
    },
    requestCount: (state) => record(state.key).requests.size,
    compactRun(state, at, hashes) {
      const { key } = state;
      const found = record(key);
      found.entries.length = 0;
      found.signals.length = 0;
      found.signalByKey.clear();
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
      for (const request of found.requests.values()) lists.requests.remove(tenant, request);
      lists.runs.remove(tenant, found);
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

    ready: (query) => among(query, (index) => index.ready),
    timers: (query) => among(query, (index) => index.timers),
    leases: (query) => among(query, (index) => index.leases),
    deadlines: (query) => among(query, (index) => index.deadlines),

    tenants: (page) => namedPage(new Set([...lists.runs.tenants(), ...sessions.tenants()]), (name) => name, page),
    blobsOf({ tenant, of, id }, page) {
      const owner = of === 'run' ? runs.get(tenant, id) : sessions.get({ tenant, session: id });
      return namedPage(owner === undefined ? [] : blobs.usedBy(owner), ({ hash }) => hash, page);
    },
    health: ({ now }) => healthOf(now, eachRun(), eachRequest(), { recoveries, blobs: blobs.total() }),

    blob: blobs.get,
    hasBlob: blobs.has,
    run(key) {
      const found = runs.get(key.tenant, key.run);
      return found && describe(found);
    },
    entries: ({ tenant, run }, { after, limit }) => runs.get(tenant, run)?.entries.slice(after, after + limit) ?? [],
    inbox: ({ tenant, run }, { after, limit }) => runs.get(tenant, run)?.signals.slice(after, after + limit) ?? [],
    messages: threads.page,
    message: threads.find,
    threadHead: threads.head,
    queuedMessages: ({ tenant, run }) => runs.get(tenant, run)?.queuedMessages ?? [],
    session(key) {
      const found = sessions.get(key);
      return found && sessions.describe(found);
    },
    listSessions: sessions.list,
    listRuns: (query) => listMemoryRuns(lists.runs.of(query.tenant), query),
    listNotes: (query) =>
      notes.list(query, query.run === undefined ? undefined : (runs.get(query.tenant, query.run)?.number ?? 0)),
    listRequests: (query) =>
      listPage({
        rows: lists.requests.of(query.tenant),
        newestFirst: query.order === 'newest',
        matches: ({ request }) =>
          (query.status === undefined || query.status.includes(requestAt(request, query.now).status)) &&
          (query.kind === undefined || query.kind.includes(request.kind)) &&
          (query.run === undefined || query.run === request.run.run) &&
          (query.root === undefined || query.root === request.root) &&
          (query.session === undefined || query.session === request.session) &&
          (query.definition === undefined || query.definition === request.definition) &&
          (query.by === undefined || query.by === request.decision?.by),
        show: (row) => row.request,
        page: query,
      }),
  };
}
