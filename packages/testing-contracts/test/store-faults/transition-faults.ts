import type { Commit, JsonObject, RunState, StoreTables, Transition } from '@prusik/core';
import { isFinal } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

const saving = (
  name: string,
  caughtBy: string,
  change: (next: RunState, tables: StoreTables) => RunState,
): StoreFault => rows(name, caughtBy, (tables) => ({ saveRun: (next) => tables.saveRun(change(next, tables)) }));

/** Commits with this transition are changed. */
const at = (
  type: Transition['type'],
  name: string,
  caughtBy: string,
  change: (commit: Commit) => Partial<Commit>,
): StoreFault =>
  port(name, caughtBy, (store) => ({
    commit: (commit) => store.commit(commit.transition?.type === type ? { ...commit, ...change(commit) } : commit),
  }));

const EVERYTHING = 1_000_000;

export const TRANSITION_FAULTS: readonly StoreFault[] = [
  at('park', 'a parked run is given back', 'a parked run waits, is held by nobody', () => ({
    transition: { type: 'release' },
  })),
  rows('a timer fires early', 'is claimed from its timer on', ({ timers }) => ({
    *timers(query) {
      for (const state of timers(query)) yield { ...state, wakeAt: Number(state.wakeAt) - 1 };
    },
  })),
  at('park', 'timers are forgotten', 'is claimed from its timer on', () => ({
    transition: { type: 'park', wakeAt: null },
  })),
  at('park', 'a park ignores `seen`', 'a park that has not seen the last signal', () => ({ seen: EVERYTHING })),
  at('park', 'a park takes nothing for seen', 'a park that has seen the last signal waits', () => ({ seen: 0 })),
  saving('a cancel is taken for told', 'a park is ready at once when a cancel came', (next) => ({
    ...next,
    cancel: next.cancel === 'none' ? 'none' : 'told',
  })),
  saving('a cancel is never taken for told', 'a holder that was told of the cancel may park', (next) => ({
    ...next,
    cancel: next.cancel === 'none' ? 'none' : 'asked',
  })),
  saving('a run that is given back goes to the front', 'stands behind those that were ready before', (next) =>
    next.status === 'queued' && next.epoch > 0 ? { ...next, readyAt: 0 } : next,
  ),
  at('block', 'a blocked run is given back', 'a blocked run says why', () => ({ transition: { type: 'release' } })),
  port('any signal wakes a blocked run', 'is woken by a decision and by a cancel', (store) => ({
    async signal(signal) {
      const run = await store.run(signal.run);
      return store.signal(
        run?.status === 'blocked' && signal.kind === 'user' ? { ...signal, kind: 'decision' } : signal,
      );
    },
  })),
  at('block', 'a block ignores `seen`', 'a block is ready at once when a decision came', () => ({ seen: EVERYTHING })),
  rows('a block is ready for any signal', 'a block is ready at once when a decision came', ({ hasSignalAfter }) => ({
    hasSignalAfter: (run, n) => hasSignalAfter(run, n, ['user', 'cancel', 'child', 'decision']),
  })),
  at(
    'block',
    'a request that is missing is made up',
    'a run cannot be blocked by a request',
    ({ transition, requests = [] }) => ({
      requests:
        transition?.type === 'block' && requests.length === 0
          ? [{ id: transition.request, kind: 'intervention', stepKey: '', body: null, expiresAt: null }]
          : requests,
    }),
  ),
  rows('the end of a child is not told', 'the end of a child wakes a parked parent', ({ findSignal }) => ({
    findSignal: (run, kind, key) =>
      kind === 'child' ? { n: 1, kind, key, body: null, at: 0 } : findSignal(run, kind, key),
  })),

  saving('the time of the end is another', 'the end stores status, output and time', (next) =>
    next.endedAt === null ? next : { ...next, endedAt: next.endedAt + 1 },
  ),
  rows('null is taken for no output', 'a failure is stored as it is, and an output that is null', ({ saveResult }) => ({
    saveResult: (run, { output, ...result }) =>
      saveResult(run, output === null || output === undefined ? result : { ...result, output }),
  })),
  rows('a partial output is taken for whole', 'why an output is not whole is stored', ({ saveResult }) => ({
    saveResult: (run, result) => saveResult(run, without(result, 'partial')),
  })),
  rows(
    'a parent is not told that an output is partial',
    'why an output is not whole is stored',
    ({ appendSignal }) => ({
      appendSignal(run, signal) {
        if (signal.kind !== 'child') return appendSignal(run, signal);
        const { partial: _, ...body } = signal.body as JsonObject;
        appendSignal(run, { ...signal, body });
      },
    }),
  ),
  port('whatever ends may be partial', 'why an output is not whole is stored', (store) => ({
    commit: (commit) =>
      store.commit(
        commit.transition?.type === 'end' && commit.transition.status !== 'completed'
          ? { ...commit, transition: without(commit.transition, 'partial') }
          : commit,
      ),
  })),
  rows('how much a parent takes is forgotten', 'of an output that is larger than its parent', ({ insertRun }) => ({
    insertRun: (run, state) =>
      insertRun(run, { ...state, ...(state.parent && { parent: without(state.parent, 'maxResultBytes') }) }),
  })),
  rows('what is too large for a parent is lost', 'of an output that is larger than its parent', ({ saveResult }) => ({
    saveResult: (run, result) =>
      saveResult(run, run.parent?.maxResultBytes === 10 ? without(result, 'output') : result),
  })),
  rows('characters are counted in place of bytes', 'of an output that is larger than its parent', ({ insertRun }) => ({
    insertRun: (run, state) =>
      insertRun(run, {
        ...state,
        ...(state.parent && { parent: { ...state.parent, maxResultBytes: (state.parent.maxResultBytes ?? 0) + 3 } }),
      }),
  })),
  port('a run ends twice', 'a run ends once, and nothing is written after it', (store) => ({
    async commit(commit) {
      const answer = await store.commit(commit);
      const again = answer.outcome === 'stale' && commit.transition?.type === 'end';
      return again ? { outcome: 'committed', seq: 1, at: 0, inbox: 0, cancelRequested: false } : answer;
    },
  })),
  port('entries after the end are dropped in silence', 'the entry run-end is the last one', (store) => ({
    commit: (commit) =>
      store.commit(
        commit.transition?.type === 'end'
          ? commit
          : { ...commit, entries: commit.entries.filter(({ type }) => type !== 'run-end') },
      ),
  })),
  rows('the end leaves requests open', 'the end withdraws what is still open', ({ saveRequest }) => ({
    saveRequest: (run, request) => (request.status === 'withdrawn' ? undefined : saveRequest(run, request)),
  })),
  rows('requests that were withdrawn can be decided', 'a request that the end has withdrawn', ({ request }) => ({
    request(run, id) {
      const found = request(run, id);
      return found?.status === 'withdrawn' ? { ...found, status: 'open' } : found;
    },
  })),
  rows(
    'a parent is not told how a child ended',
    'the end of a child is one signal to its parent',
    ({ appendSignal }) => ({
      appendSignal: (run, signal) => appendSignal(run, signal.kind === 'child' ? { ...signal, body: {} } : signal),
    }),
  ),
  port('a child cannot end without its parent', 'a child whose parent has ended', (store) => ({
    async commit(commit) {
      const run = await store.run(commit.run);
      const parent = run?.parent && (await store.run({ ...commit.run, run: run.parent.run }));
      return parent !== undefined && isFinal(parent.status) ? { outcome: 'stale' } : store.commit(commit);
    },
  })),
  port('a full journal loses entries in silence', 'a journal that is full takes the end', (store) => ({
    async commit(commit) {
      const answer = await store.commit(commit);
      return answer.outcome === 'refused' && answer.code === 'JOURNAL_FULL'
        ? store.commit({ ...commit, entries: [] })
        : answer;
    },
  })),
];
