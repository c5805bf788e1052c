import {
  describeRun,
  PrusikError,
  type ClaimQuery,
  type Entry,
  type Ledger,
  type Message,
  type NewRun,
  type Request,
  type Run,
  type RunBody,
  type RunKey,
  type RunState,
  type SessionKey,
  type SessionState,
  type Signal,
  type SignalKind,
  type StoredMessage,
  type StoreTables,
  type ThreadKey,
} from '@prusik/core';
import { frozen } from './frozen.ts';
import { createKeyed } from './keyed.ts';
import { listPage } from './list-page.ts';
import { createRunIndex, type Claimable, type RunIndex } from './run-index.ts';

interface RunRecord {
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

interface SessionRecord {
  state: SessionState;
  readonly createdAt: number;
  /** Runs that stand in its queue, oldest first. */
  readonly queue: Set<RunRecord>;
}

/** A store's rows, and how many runs are among them. */
export interface MemoryTables extends StoreTables {
  readonly runCount: number;
}

/** All rows of a store, in maps, for stores that are built over them. Everything handed out is frozen. */
export function memoryTables(): MemoryTables {
  const runs = createKeyed<RunRecord>();
  const sessions = createKeyed<SessionRecord>();
  const ledgers = createKeyed<Ledger>();
  const threads = { session: createKeyed<StoredMessage[]>(), run: createKeyed<StoredMessage[]>() };
  const trees = createKeyed<RunIndex>();
  const everything = createRunIndex();
  const runsOf = new Map<string, RunRecord[]>();
  const requestsOf = new Map<string, RequestRecord[]>();
  let runCount = 0;
  let requestCount = 0;

  function record({ tenant, run }: RunKey): RunRecord {
    const found = runs.get(tenant, run);
    if (found === undefined) throw new PrusikError('STORE_CORRUPT', `Run ${run} is not there`);
    return found;
  }

  function replaceState(found: RunRecord, state: RunState): void {
    const { tenant } = state.key;
    const tree = trees.get(tenant, state.root) ?? createRunIndex();
    everything.remove(found);
    tree.remove(found);
    found.state = state;
    everything.add(found);
    tree.add(found);
    if (tree.isEmpty) trees.delete(tenant, state.root);
    else trees.set(tenant, state.root, tree);
    if (state.session !== undefined) {
      const queue = sessions.get(tenant, state.session)?.queue;
      if (state.inQueue) queue?.add(found);
      else queue?.delete(found);
    }
  }

  function* among(query: ClaimQuery, which: (index: RunIndex) => Iterable<Claimable>): Iterable<RunState> {
    for (const { state } of which(indexFor(query))) yield state;
  }

  function indexFor({ only }: ClaimQuery): RunIndex {
    if (only === undefined) return everything;
    if ('root' in only) return trees.get(only.root.tenant, only.root.run) ?? createRunIndex();
    const alone = createRunIndex();
    const found = runs.get(only.run.tenant, only.run.run);
    if (found !== undefined) alone.add(found);
    return alone;
  }

  const signalName = (kind: SignalKind, key: string): string => `${kind} ${key}`;
  const thread = ({ tenant, of, id }: ThreadKey): StoredMessage[] => threads[of].get(tenant, id) ?? [];
  const describe = ({ state, body }: RunRecord): Run => Object.freeze(describeRun(state, body));

  return {
    get runCount() {
      return runCount;
    },

    state: ({ tenant, run }) => runs.get(tenant, run)?.state,
    insertRun(run: NewRun, state) {
      runCount += 1;
      const numbered = frozen({ ...state, number: runCount });
      const found: RunRecord = {
        state: numbered,
        body: frozen({ kind: run.kind, input: run.input, context: run.context, createdAt: state.at }),
        entries: [],
        signals: [],
        signalByKey: new Map(),
        requests: new Map(),
        queuedMessages: state.inQueue ? frozen(run.messages) : [],
      };
      runs.set(run.key.tenant, run.key.run, found);
      const ofTenant = runsOf.get(run.key.tenant);
      if (ofTenant === undefined) runsOf.set(run.key.tenant, [found]);
      else ofTenant.push(found);
      replaceState(found, numbered);
    },
    saveRun(state) {
      const found = record(state.key);
      const { seq, at, inbox } = found.state;
      replaceState(found, frozen({ ...state, seq, at, inbox }));
    },
    saveResult(state, { output, error }) {
      const found = record(state.key);
      found.body = frozen({
        ...found.body,
        ...(output === undefined ? {} : { output }),
        ...(error === undefined ? {} : { error }),
      });
    },

    appendEntries(state, from, at, bodies) {
      const found = record(state.key);
      for (const [index, body] of bodies.entries()) found.entries.push(frozen({ ...body, seq: from + index, at }));
      // Nothing that an index goes by.
      found.state = Object.freeze({ ...found.state, seq: found.entries.length, at });
    },
    appendMessages(key, from, messages) {
      const kept = thread(key);
      if (kept.length === 0) threads[key.of].set(key.tenant, key.id, kept);
      for (const [index, message] of messages.entries()) kept.push(frozen({ n: from + index, message }));
    },
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

    request: (state, id) => record(state.key).requests.get(id)?.request,
    openRequests: (state) =>
      [...record(state.key).requests.values()].map(({ request }) => request).filter(({ status }) => status === 'open'),
    insertRequest(state, request, openedAt) {
      requestCount += 1;
      const row: RequestRecord = {
        number: requestCount,
        request: frozen({
          ...request,
          run: state.key,
          root: state.root,
          ...(state.parent === undefined ? {} : { parent: state.parent }),
          definition: state.definition,
          status: 'open' as const,
          openedAt,
          claimed: false,
        }),
      };
      record(state.key).requests.set(request.id, row);
      const ofTenant = requestsOf.get(state.key.tenant);
      if (ofTenant === undefined) requestsOf.set(state.key.tenant, [row]);
      else ofTenant.push(row);
    },
    saveRequest(state, request) {
      const row = record(state.key).requests.get(request.id);
      if (row !== undefined) row.request = frozen({ ...request });
    },

    ledger: ({ tenant, run }) => ledgers.get(tenant, run),
    saveLedger: ({ tenant, run }, ledger) => ledgers.set(tenant, run, frozen(ledger)),

    sessionState: ({ tenant, session }: SessionKey) => sessions.get(tenant, session)?.state,
    insertSession: (state, createdAt) =>
      sessions.set(state.key.tenant, state.key.session, { state, createdAt, queue: new Set() }),
    saveSession(state) {
      const found = sessions.get(state.key.tenant, state.key.session);
      if (found !== undefined) found.state = state;
    },
    queueLength: ({ tenant, session }) => sessions.get(tenant, session)?.queue.size ?? 0,
    firstInQueue: ({ tenant, session }) =>
      [...(sessions.get(tenant, session)?.queue ?? [])].find(({ state }) => state.cancel === 'none')?.state,

    ready: (query) => among(query, (index) => index.ready),
    timers: (query) => among(query, (index) => index.timers),
    leases: (query) => among(query, (index) => index.leases),

    run(key) {
      const found = runs.get(key.tenant, key.run);
      return found && describe(found);
    },
    entries: ({ tenant, run }, { after, limit }) => runs.get(tenant, run)?.entries.slice(after, after + limit) ?? [],
    inbox: ({ tenant, run }, { after, limit }) => runs.get(tenant, run)?.signals.slice(after, after + limit) ?? [],
    messages(key, page) {
      if ('after' in page) return thread(key).slice(page.after, page.after + page.limit);
      const end = Math.min(thread(key).length, Math.max(0, page.before - 1));
      return thread(key).slice(Math.max(0, end - page.limit), end);
    },
    threadHead: (key) => thread(key).length,
    session({ tenant, session }) {
      const found = sessions.get(tenant, session);
      if (found === undefined) return undefined;
      const { state, createdAt, queue } = found;
      const ids = [...queue].map((queued) => queued.state.key.run);
      return frozen({
        key: state.key,
        ...(state.activeRun === null ? {} : { activeRun: state.activeRun }),
        queue: ids,
        createdAt,
      });
    },
    listRuns: (query) =>
      listPage({
        rows: runsOf.get(query.tenant) ?? [],
        newestFirst: true,
        numberOf: (row) => row.state.number,
        matches: ({ state }) =>
          (query.status === undefined || query.status.includes(state.status)) &&
          (query.definition === undefined || query.definition === state.definition) &&
          (query.session === undefined || query.session === state.session) &&
          (query.root === undefined || query.root === state.root) &&
          (query.parent === undefined || query.parent === state.parent?.run),
        show: describe,
        page: query,
      }),
    listRequests: (query) =>
      listPage({
        rows: requestsOf.get(query.tenant) ?? [],
        newestFirst: false,
        numberOf: (row) => row.number,
        matches: ({ request }) =>
          (query.status === undefined || query.status.includes(request.status)) &&
          (query.kind === undefined || query.kind.includes(request.kind)) &&
          (query.run === undefined || query.run === request.run.run) &&
          (query.root === undefined || query.root === request.root),
        show: (row) => row.request,
        page: query,
      }),
  };
}
