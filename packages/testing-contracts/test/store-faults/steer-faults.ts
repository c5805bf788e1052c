import { canonicalJson, type Commit, type Store } from '@prusik/core';
import { port, rows, storage, without, type StoreFault } from './fault.ts';

/** What was steered is shown with this change. */
const shown = (
  name: string,
  caughtBy: string,
  change: (found: Awaited<ReturnType<Store['steered']>>) => Awaited<ReturnType<Store['steered']>>,
): StoreFault => port(name, caughtBy, (store) => ({ steered: async (holder) => change(await store.steered(holder)) }));

/** Commits that absorb are changed. */
const absorbing = (
  name: string,
  caughtBy: string,
  change: (commit: Commit, store: Store) => Promise<Commit> | Commit,
): StoreFault =>
  port(name, caughtBy, (store) => ({
    commit: async (commit) => store.commit(commit.absorb === undefined ? commit : await change(commit, store)),
  }));

export const STEER_FAULTS: readonly StoreFault[] = [
  rows('a holder is not told of what is steered to it', 'a run that is steered stands in the queue', (tables) => ({
    appendSignal: (run, signal) => void (signal.kind === 'steer' || tables.appendSignal(run, signal)),
  })),
  rows('a run that is steered to nobody waits', 'a run that is steered to a free session', (tables) => ({
    insertSession: (session, createdAt) => tables.insertSession({ ...session, activeRun: null }, createdAt),
  })),
  rows('all that queues is taken for steered', 'the holder is shown what was steered to it', (tables) => ({
    state(key) {
      const state = tables.state(key);
      return state && { ...state, steers: true };
    },
  })),
  shown('the newest is shown first', 'the holder is shown what was steered to it', (found) => found.toReversed()),
  rows('whoever belongs to a session is shown it', 'what was steered is shown to nobody but', (tables) => ({
    session(key) {
      const session = tables.session(key);
      // As each of its runs would like it to be.
      const [last] = session?.queue.slice(-1) ?? [];
      return session && last !== undefined ? { ...session, activeRun: session.queue[0] ?? last } : session;
    },
  })),
  rows('the context is not compared', 'a message for another definition', (tables) => ({
    run(key) {
      const run = tables.run(key);
      return run && canonicalJson(run.context) !== 'null' ? { ...run, context: null } : run;
    },
  })),
  rows('turn options are not compared', 'a message for another definition', (tables) => ({
    run(key) {
      const run = tables.run(key);
      return run && without(run, 'turn');
    },
  })),
  rows('a run without messages is steered too', 'a run without messages has nothing to steer', (tables) => ({
    insertRun: (run, state) => tables.insertRun(run, { ...state, steers: state.inQueue }),
  })),
  absorbing(
    'what is absorbed enters the thread twice',
    'what is absorbed enters the thread once',
    async (commit, store) => {
      const [first] = await store.steered(commit.run);
      const { from = 1, items = [] } = commit.messages ?? {};
      return { ...commit, messages: { from, items: [...(first?.messages ?? []), ...items] } };
    },
  ),
  rows('it is forgotten who absorbed a run', 'what is absorbed enters the thread once', ({ saveResult }) => ({
    saveResult: (run, result) => saveResult(run, without(result, 'absorbedBy')),
  })),
  absorbing('a run that was absorbed stays in the queue', 'a run that was absorbed has no turn', (commit) =>
    without(commit, 'absorb'),
  ),
  port('nobody is told of a run that is absorbed', 'whoever watches a run is told when it is absorbed', (store) => ({
    watchRun: (run, on) => store.watchRun(run, (why) => void (why === 'end' || on(why))),
  })),
  absorbing(
    'what was withdrawn is left out',
    'a message that is withdrawn before its commit',
    async (commit, store) => {
      const waiting = new Set((await store.steered(commit.run)).map(({ run }) => run));
      return { ...commit, absorb: commit.absorb?.filter((run) => waiting.has(run)) ?? [] };
    },
  ),
  absorbing('a run may be absorbed again', 'a run is absorbed once', async (commit, store) => {
    const waiting = (await store.steered(commit.run)).map(({ run }) => run);
    return { ...commit, absorb: waiting.filter((run) => commit.absorb?.includes(run)) };
  }),
  rows('what was steered is never handed over', 'what nobody absorbs has its turn', (tables) => ({
    firstInQueue(key) {
      const next = tables.firstInQueue(key);
      return next?.steers === true ? undefined : next;
    },
  })),
  port('requests stay open when a message comes', 'a message may withdraw what the holder', (store) => ({
    start: (run) =>
      store.start(
        run.session?.whenBusy === 'withdraw' ? { ...run, session: { ...run.session, whenBusy: 'steer' } } : run,
      ),
  })),
  rows('interventions are withdrawn as well', 'a message may withdraw what the holder', (tables) => ({
    listRequests: (query) => tables.listRequests(without(query, 'kind')),
  })),
  rows('a steered message has room in any queue', 'of a flood of steered messages', () => ({ queueLength: () => 0 })),
  storage('an opening forgets who absorbed a run', 'what was steered and what was absorbed is so', {
    losesWhenClosed: 'saveResult',
  }),
];
