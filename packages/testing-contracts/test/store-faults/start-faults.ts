import type { NewRun, RunKey, Store } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

/** The same store with every run, session and thread under the name that `rename` makes of tenant and id. */
function renamed(store: Store, rename: (key: RunKey) => RunKey): Partial<Store> {
  const back = new Map<string, RunKey>();
  const to = (key: RunKey): RunKey => {
    const name = rename(key);
    back.set(JSON.stringify(name), key);
    return name;
  };
  return {
    async start(run) {
      const name = to(run.key);
      const result = await store.start({ ...run, key: name, ...(run.parent ? {} : { root: name.run }) });
      return 'run' in result ? { ...result, run: { ...result.run, key: run.key, root: run.root } } : result;
    },
    async run(key) {
      const found = await store.run(to(key));
      return found && { ...found, key: back.get(JSON.stringify(found.key)) ?? found.key };
    },
  };
}

/** Starts that compare less than they should. */
const comparing = (
  name: string,
  caughtBy: string,
  same: (run: NewRun, found: Awaited<ReturnType<Store['run']>>) => boolean,
): StoreFault =>
  port(name, caughtBy, (store) => ({
    async start(run) {
      const result = await store.start(run);
      if (!('code' in result) || result.code !== 'RUN_INPUT_MISMATCH' || !same(run, result.run)) return result;
      return { outcome: 'existing', run: result.run };
    },
  }));

export const START_FAULTS: readonly StoreFault[] = [
  rows('the context is forgotten', 'start() keeps everything of a new run', ({ insertRun }) => ({
    insertRun: (run, state) => insertRun({ ...run, context: null }, state),
  })),
  rows('the trace of a caller is forgotten', 'entry 1 tells where in a trace', ({ appendEntries }) => ({
    appendEntries: (run, from, at, bodies) =>
      appendEntries(
        run,
        from,
        at,
        bodies.map((body) => (body.type === 'run-start' ? without(body, 'trace') : body)),
      ),
  })),
  port('the trace of a child is forgotten', 'entry 1 tells where in a trace', (store) => ({
    commit: (commit) =>
      store.commit(
        commit.children === undefined
          ? commit
          : { ...commit, children: commit.children.map((child) => without(child, 'trace')) },
      ),
  })),
  port('a trace is not looked at', 'what is no place in a trace', (store) => ({
    start: (run) => store.start(without(run, 'trace')),
  })),
  rows('entry 1 does not tell its messages', 'start() writes entry 1, which names', ({ appendEntries }) => ({
    appendEntries: (run, from, at, bodies) =>
      appendEntries(
        run,
        from,
        at,
        bodies.map((body) => (body.type === 'run-start' ? { ...body, messages: { from: 0, count: 0 } } : body)),
      ),
  })),
  rows(
    'entry 1 counts its messages from 1 in every session',
    'the next run of a session goes on with its thread',
    ({ appendEntries }) => ({
      appendEntries: (run, from, at, bodies) =>
        appendEntries(
          run,
          from,
          at,
          bodies.map((body) =>
            body.type === 'run-start' && body.messages ? { ...body, messages: { ...body.messages, from: 1 } } : body,
          ),
        ),
    }),
  ),
  port('a finished run is started again', 'the same start again is the same run', (store) => ({
    async start(run) {
      const result = await store.start(run);
      return result.outcome === 'existing' && result.run.endedAt !== undefined
        ? { outcome: 'created', run: result.run }
        : result;
    },
  })),
  comparing(
    'the input is not compared',
    'the same id with another input is refused',
    (run, found) => run.definition === found?.definition,
  ),
  comparing(
    'the definition is not compared',
    'the same id and input under another definition',
    (run, found) => run.inputHash === found?.inputHash,
  ),
  comparing(
    'the session is not compared',
    'the same id and input in another session',
    (run, found) => run.session?.id !== found?.session,
  ),
  comparing(
    'the parent is not compared',
    'the id of a child is not a root',
    (run, found) => run.inputHash === found?.inputHash,
  ),
  port('everybody who starts a run has created it', 'of many that start one run at once', (store) => ({
    async start(run) {
      const result = await store.start(run);
      return result.outcome === 'existing' ? { outcome: 'created', run: result.run } : result;
    },
  })),
  port('tenant and id are joined', 'ids of different tenants and of joined strings', (store) =>
    renamed(store, ({ tenant, run }) => ({ tenant: 'all', run: `${tenant}:${run}`.slice(0, 200) })),
  ),
  port('ids become file names', 'ids with quotes, dots, other scripts', (store) => ({
    run: (key) => store.run({ ...key, run: key.run.replaceAll('.', '') || '_' }),
  })),
];
