import type { RunState, StoreTables } from '@prusik/core';
import { isFinal } from '@prusik/core';
import { port, rows, storage, type StoreFault } from './fault.ts';
import { swallowing } from './value-faults.ts';

/** The flag of a compaction, and something wrong beside it. */
const compacting = (
  name: string,
  caughtBy: string,
  make: (tables: StoreTables) => (run: RunState, at: number, blobs: readonly string[]) => void,
): StoreFault => rows(name, caughtBy, (tables) => ({ compactRun: make(tables) }));

const ownThread = ({ key }: RunState) => ({ tenant: key.tenant, of: 'run', id: key.run }) as const;

export const COMPACTION_FAULTS: readonly StoreFault[] = [
  compacting('a thread stays', 'of a compacted tree the record is left', (tables) => (run, at, blobs) => {
    const messages = tables.messages(ownThread(run), { after: 0, limit: 100 }).map(({ message }) => message);
    tables.compactRun(run, at, blobs);
    tables.appendMessages(ownThread(run), 1, messages);
  }),
  compacting('slots stay', 'of a compacted tree the record is left', (tables) => (run, at, blobs) => {
    const slots = tables.slots(ownThread(run));
    tables.compactRun(run, at, blobs);
    tables.saveSlots(ownThread(run), slots);
  }),
  compacting('only the root is compacted', 'of a compacted tree the record is left', (tables) => (run, at, blobs) => {
    if (run.parent === undefined) tables.compactRun(run, at, blobs);
  }),
  rows('artifacts go with the other notes', 'of a compacted tree the record is left', (tables) => ({
    listNotes: (query) =>
      tables.state({ tenant: query.tenant, run: query.run ?? '' })?.compactedAt == null
        ? tables.listNotes(query)
        : { items: [] },
  })),
  rows('every run is of the tree', 'a compaction takes nothing of what stands beside it', (tables) => ({
    treeOf: ({ tenant }) => tables.listRuns({ tenant, limit: 100 }).items.flatMap(({ key }) => tables.state(key) ?? []),
  })),
  port('a compacted run is begun anew', 'a start of a compacted run’s id finds it', (store) => ({
    async start(run) {
      const answer = await store.start(run);
      return answer.outcome === 'existing' && answer.run.compactedAt !== undefined
        ? { ...answer, outcome: 'created' }
        : answer;
    },
  })),
  rows('live runs are overlooked', 'what is live, a child, or not there is compacted no more', (tables) => ({
    treeOf: (root) => [...tables.treeOf(root)].filter(({ status }) => isFinal(status)),
  })),
  rows('what is compacted is compacted again', 'trees are compacted by age and number', (tables) => ({
    endedRoots: (query) => tables.endedRoots(query).map((root) => ({ ...root, compacted: false })),
  })),
  port('a dry run compacts', 'a dry run says what a compaction takes', (store) => ({
    compact: (compaction) => store.compact({ ...compaction, dryRun: false }),
  })),
  compacting('every blob is let go', 'blobs that input, output or an artifact names stay', (tables) => (run, at) => {
    tables.compactRun(run, at, []);
  }),
  compacting('no blob is let go', 'blobs that input, output or an artifact names stay', (tables) => (run, at) => {
    const all = tables.blobsAfter(0, 100).map(({ hash }) => hash);
    tables.compactRun(run, at, all);
  }),
  compacting(
    'a session is emptied with its run',
    'a session keeps its messages, notes and slots',
    (tables) => (run, at, blobs) => {
      tables.compactRun(run, at, blobs);
      const key = { tenant: run.key.tenant, session: run.session ?? '' };
      const session = tables.sessionState(key);
      const thread = { tenant: key.tenant, of: 'session', id: key.session } as const;
      if (session !== undefined) tables.saveSession({ ...session, threadFloor: tables.threadHead(thread) });
    },
  ),
  rows('what is gone counts as removed', 'a compacted tree is removed like any other', (tables) => ({
    treeOf: (root) => [...tables.treeOf(root)].map((run) => ({ ...run, compactedAt: null })),
  })),
  port('a compacted run is not there', 'a signal, a decision or a cancel to a compacted run', (store) => ({
    async signal(signal) {
      const run = await store.run(signal.run);
      return run?.compactedAt === undefined ? store.signal(signal) : { outcome: 'unknown' };
    },
  })),
  storage('a compaction lasts as long as the handle', 'what was compacted stays compacted', {
    losesWhenClosed: 'compactRun',
  }),
  port('a compaction is not told', 'a run’s watchers hear that it was compacted', (store) => ({
    watchRun: (run, on) => store.watchRun(run, (why) => (why === 'end' ? undefined : on(why))),
  })),
  swallowing('a compaction of nothing, of a session', 'compact'),
];
