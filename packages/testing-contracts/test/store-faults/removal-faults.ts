import type { NewRun, RemovedRows, RemoveResult, RunState, Store, StoreTables } from '@prusik/core';
import { isFinal } from '@prusik/core';
import { liveText, port, rows, without, type StoreFault } from './fault.ts';
import { swallowing } from './value-faults.ts';

/** A removal that does what it should and says something else. */
const answering = (name: string, caughtBy: string, change: (answer: RemoveResult) => RemoveResult): StoreFault =>
  port(name, caughtBy, (store) => ({
    remove: async (removal) => change(await store.remove(removal)),
  }));

const hiding = (
  name: string,
  caughtBy: string,
  make: (tables: StoreTables) => (run: RunState, hide: () => void) => void,
): StoreFault =>
  rows(name, caughtBy, (tables) => {
    const hideRun = make(tables);
    return { hideRun: (run) => hideRun(run, () => tables.hideRun(run)) };
  });

const NOTHING: RemovedRows = {
  sessions: 0,
  runs: 0,
  entries: 0,
  messages: 0,
  notes: 0,
  slots: 0,
  signals: 0,
  requests: 0,
  ledgers: 0,
};

const isLive = ({ status }: RunState): boolean => !isFinal(status);

export const REMOVAL_FAULTS: readonly StoreFault[] = [
  hiding('a ledger stays', 'a tree that is removed is found by nobody', (tables) => (run, hide) => {
    const ledger = tables.ledger(run.key);
    hide();
    if (ledger !== undefined) tables.saveLedger(run.key, ledger);
  }),
  rows('requests are not counted', 'a tree that is removed is found by nobody', () => ({ requestCount: () => 0 })),
  rows('a tree is all there is', 'a removal takes nothing of what stands beside it', (tables) => ({
    treeOf: ({ tenant }) => tables.listRuns({ tenant, limit: 100 }).items.flatMap(({ key }) => tables.state(key) ?? []),
  })),
  hiding(
    'messages of a removed run come back',
    'the ids of what was removed can be used again',
    (tables) => (run, hide) => {
      const thread = { tenant: run.key.tenant, of: 'run', id: run.key.run } as const;
      const messages = tables.messages(thread, { after: 0, limit: 100 }).map(({ message }) => message);
      hide();
      tables.appendMessages(thread, 1, messages);
    },
  ),
  rows('live runs of a tree are overlooked', 'a tree in which a run is live is refused', (tables) => ({
    treeOf: (root) => [...tables.treeOf(root)].filter((run) => !isLive(run)),
  })),
  port('a child takes its tree with it', 'a child is removed with its root, never alone', (store) => ({
    async remove(removal) {
      const answer = await store.remove(removal);
      const child = answer.outcome === 'refused' && answer.code === 'RUN_NOT_ROOT' ? answer.run : undefined;
      return child === undefined ? answer : store.remove({ tenant: removal.tenant, run: child.root });
    },
  })),
  port('removals do not know of tenants', 'what is not there, or another tenant’s, is unknown', (store) => ({
    remove: (removal) => store.remove({ ...removal, tenant: 'acme' }),
  })),
  answering('what is gone already counts as removed', 'of two that remove the same at once', (answer) =>
    answer.outcome === 'unknown' ? { outcome: 'removed', removed: NOTHING, trees: [] } : answer,
  ),
  rows('what ended at that time goes too', 'by age, the trees that ended longest ago', (tables) => ({
    endedRoots: (query) => tables.endedRoots(query).map((root) => ({ ...root, at: root.at - 1 })),
  })),
  rows('what ended last goes first', 'by age, the trees that ended longest ago', (tables) => ({
    endedRoots: (query) => tables.endedRoots(query).toReversed(),
  })),
  rows('a tree is a page of runs', 'a removal by age takes 1,000 runs at most', (tables) => ({
    treeOf: (root) => [...tables.treeOf(root)].slice(0, 1_000),
  })),
  port('a removal by age has no end', 'a removal by age takes 1,000 runs at most', (store) => ({
    async remove(removal) {
      const answer = await store.remove(removal);
      if (answer.outcome !== 'removed') return answer;
      if (answer.next !== undefined) await store.remove(removal);
      return without(answer, 'next');
    },
  })),
  port('a full answer promises more', 'a removal by age that takes all there are', (store) => ({
    async remove(removal) {
      const answer = await store.remove(removal);
      if (answer.outcome !== 'removed' || !('limit' in removal)) return answer;
      return answer.removed.runs >= removal.limit ? { ...answer, next: '1/1' } : answer;
    },
  })),
  rows('a live tree is in the way', 'by age, a tree in which a run is live', (tables) => ({
    endedRoots(query) {
      const roots = tables.endedRoots(query);
      const live = roots.findIndex((root) => [...tables.treeOf(root.key)].some(isLive));
      return live === -1 ? roots : roots.slice(0, live);
    },
  })),
  hiding('a run takes its session’s messages with it', 'a run of a session goes without', (tables) => (run, hide) => {
    hide();
    const session =
      run.session === undefined ? undefined : tables.sessionState({ tenant: run.key.tenant, session: run.session });
    if (session === undefined) return;
    const threadFloor = tables.threadHead({ tenant: run.key.tenant, of: 'session', id: session.key.session });
    tables.saveSession({ ...session, threadFloor });
  }),
  rows('a session that closes can be removed', 'a session is removed when it is closed', (tables) => ({
    sessionState(key) {
      const session = tables.sessionState(key);
      return session?.state === 'closing' ? { ...session, state: 'closed' } : session;
    },
  })),
  rows('only the first run of a session goes', 'a session goes with its runs, their trees', (tables) => ({
    runsOfSession: (key) => [...tables.runsOfSession(key)].slice(0, 1),
  })),
  rows('a session’s messages stay', 'a session of the same name begins anew', (tables) => ({
    hideSession(session) {
      const thread = { tenant: session.key.tenant, of: 'session', id: session.key.session } as const;
      const messages = tables.messages(thread, { after: 0, limit: 100 }).map(({ message }) => message);
      tables.hideSession(session);
      tables.appendMessages(thread, 1, messages);
    },
  })),
  rows('a session does not look for children', 'a session is not removed while a child', (tables) => ({
    treeOf: (root) => [...tables.treeOf(root)].filter(({ key }) => key.run === root.run),
  })),
  port('a cursor is an offset', 'a cursor goes on where it was, whatever was removed', (store) => ({
    async listRuns(query) {
      if (query.after === undefined) return store.listRuns(query);
      const { items } = await store.listRuns({ ...without(query, 'after'), limit: 2 * query.limit });
      return { items: items.slice(query.limit) };
    },
  })),
  port('a cursor counts what is there', 'what comes after a cursor was taken stands after it', (store) => ({
    async listRequests(query) {
      if (query.after === undefined) return store.listRequests(query);
      const { items } = await store.listRequests({ ...without(query, 'after'), limit: 2 * query.limit });
      return { items: items.slice(query.limit) };
    },
  })),
  answering('only a page of a journal is counted', 'a journal of thousands of entries', (answer) =>
    answer.outcome === 'removed'
      ? { ...answer, removed: { ...answer.removed, entries: Math.min(answer.removed.entries, 1_000) } }
      : answer,
  ),
  {
    name: 'what was removed is back after a restart',
    caughtBy: 'what was removed stays removed',
    make(tables) {
      const known = new Map<string, readonly [NewRun, Omit<RunState, 'number'>]>();
      const gone: string[] = [];
      return {
        tables: {
          insertRun(run, state) {
            known.set(run.key.run, [run, state]);
            tables.insertRun(run, state);
          },
          hideRun(run) {
            gone.push(run.key.run);
            tables.hideRun(run);
          },
        },
        port(): Partial<Store> {
          for (const id of gone.splice(0)) {
            const row = known.get(id);
            if (row !== undefined) tables.insertRun(...row);
          }
          return {};
        },
      };
    },
  },
  liveText('text in progress outlives its run', 'text in progress that a lost worker left', () => ({
    removeRun: () => undefined,
  })),
  port('the last that happens to a run is not told', 'a run’s watchers hear of its removal', (store) => ({
    watchRun: (run, on) => store.watchRun(run, (why) => (why === 'end' ? undefined : on(why))),
  })),
  swallowing('a removal of nothing, of two things at once', 'remove'),
];
