import type { ClaimQuery, RunState, StoreTables } from '@prusik/core';
import { isFinal } from '@prusik/core';
import { port, rows, storage, without, type StoreFault } from './fault.ts';

function* each(states: Iterable<RunState>, change: (state: RunState) => RunState): Iterable<RunState> {
  for (const state of states) yield change(state);
}

const first = <T>(items: Iterable<T>): T | undefined => [...items][0];

/** What a claim asks is changed before it is looked at. */
const asking = (name: string, caughtBy: string, change: (query: ClaimQuery) => ClaimQuery): StoreFault =>
  port(name, caughtBy, (store) => ({ claim: (query) => store.claim(change(query)) }));

/** What a claim reads of the runs is changed. */
const reading = (
  name: string,
  caughtBy: string,
  change: (state: RunState, query: ClaimQuery) => RunState,
): StoreFault =>
  rows(name, caughtBy, ({ ready, timers, leases }) => ({
    ready: (query) => each(ready(query), (state) => change(state, query)),
    timers: (query) => each(timers(query), (state) => change(state, query)),
    leases: (query, now) => each(leases(query, now), (state) => change(state, query)),
  }));

/** What is saved of a run is changed. */
const saving = (
  name: string,
  caughtBy: string,
  change: (next: RunState, tables: StoreTables) => RunState,
): StoreFault => rows(name, caughtBy, (tables) => ({ saveRun: (next) => tables.saveRun(change(next, tables)) }));

export const CLAIM_FAULTS: readonly StoreFault[] = [
  saving('claims do not raise the epoch', 'makes a ready run running, raises its epoch', (next) =>
    next.status === 'running' ? { ...next, epoch: 7 } : next,
  ),
  reading('a held run can be claimed', 'a run that is held is not claimed again', (state) =>
    state.status === 'running' ? { ...state, leaseUntil: 0 } : state,
  ),
  port('two that claim at once get the same', 'of many that claim at once', (store) => {
    let current: ReturnType<typeof store.claim> | undefined;
    return {
      async claim(query) {
        current ??= store.claim(query);
        const claimed = await current;
        current = undefined;
        return claimed;
      },
    };
  }),
  reading('priorities are ignored', 'takes the highest priority first', (state) => ({ ...state, priority: 0 })),
  asking('the limit is ignored', 'takes at most `limit`', (query) => ({ ...query, limit: 100 })),
  reading(
    'every worker is thought to have every definition',
    'leaves runs of other definitions and versions',
    (state, query) => ({
      ...state,
      ...(query.definitions[0] ? { definition: query.definitions[0].name } : { cancel: 'told' }),
    }),
  ),
  reading('versions are not compared', 'leaves runs of other definitions and versions', (state, query) => ({
    ...state,
    version: query.definitions.find(({ name }) => name === state.definition)?.versions[0] ?? state.version,
  })),
  rows(
    'a cancelled run waits for its definition',
    'asked to cancel is claimed by a worker without its definition',
    ({ ready }) => ({
      *ready(query) {
        for (const state of ready(query)) if (query.definitions.length > 0) yield state;
      },
    }),
  ),
  asking('a claim for one run takes any', 'claim() can be held to one run', (query) => without(query, 'only')),
  asking('a claim for some trees takes any', 'claim() can be held to trees', (query) =>
    query.only !== undefined && 'run' in query.only ? query : without(query, 'only'),
  ),
  asking('a claim for some trees looks into the first alone', 'claim() can be held to trees', (query) =>
    query.only !== undefined && 'roots' in query.only
      ? { ...query, only: { roots: query.only.roots.slice(0, 1) } }
      : query,
  ),
  reading('a lease still holds at `leaseUntil`', 'a lease is past exactly from', (state) =>
    state.leaseUntil === null ? state : { ...state, leaseUntil: state.leaseUntil + 1 },
  ),
  reading('a lease is past a moment early', 'a lease is past exactly from', (state) =>
    state.leaseUntil === null ? state : { ...state, leaseUntil: state.leaseUntil - 1 },
  ),
  saving('lost leases are not counted', 'leases that are lost count until', (next) => ({ ...next, lost: 0 })),
  port('every commit is progress', 'leases that are lost count until', (store) => ({
    commit: (commit) => store.commit({ ...commit, progress: true }),
  })),
  port('no commit is progress', 'leases that are lost count until', (store) => ({
    commit: (commit) => store.commit({ ...commit, progress: false }),
  })),
  asking('suspects are claimed together', 'as far as there is room for suspects', (query) => ({
    ...query,
    suspects: { room: 1, alone: 30 },
  })),
  asking('a worker takes its own runs from itself', 'the past leases alone that its worker says', (query) =>
    without(query, 'except'),
  ),
  asking('what a worker once drove is its own for ever', 'the past leases alone that its worker says', (query) => ({
    ...query,
    ...(query.except === undefined
      ? {}
      : {
          except: query.except.flatMap(({ run, epoch }) => [0, 1, 2].map((later) => ({ run, epoch: epoch + later }))),
        }),
  })),
  reading('losses do not make a suspect heavier', 'the more room it takes among suspects', (state) => ({
    ...state,
    lost: 0,
  })),
  asking('what is left of the room does not count', 'the more room it takes among suspects', (query) => ({
    ...query,
    suspects: { ...query.suspects, room: query.suspects.room < 1 ? 1 : query.suspects.room },
  })),
  rows('a suspect keeps the innocent from being claimed', 'as far as there is room for suspects', (tables) => ({
    ready: (query) => (first(tables.leases(query, 0)) === undefined ? tables.ready(query) : []),
  })),
  rows('a claim reads no further than it may take', 'a suspect that has no room takes nobody’s place', ({ ready }) => ({
    *ready(query) {
      let read = 0;
      for (const state of ready(query)) if (read++ < query.limit) yield state;
    },
  })),
  rows('a tree that is named twice is looked through twice', 'names a tree twice', ({ ready }) => ({
    *ready(query) {
      const { only } = query;
      if (only === undefined || 'run' in only) yield* ready(query);
      else for (const root of only.roots) yield* Array.from(ready({ ...query, only: { roots: [root] } }));
    },
  })),
  port('giving a run back clears its name', 'stays a suspect when it is given back', (store) => ({
    commit: (commit) => store.commit(commit.transition?.type === 'release' ? { ...commit, progress: true } : commit),
  })),
  rows('timers and orphans come after everything that is ready', 'are not starved by a stream', (tables) => ({
    timers: (query) => (first(tables.ready(query)) === undefined ? tables.timers(query) : []),
    leases: (query, now) => (first(tables.ready(query)) === undefined ? tables.leases(query, now) : []),
  })),
  port('`nextAt` is what the first claim said', '`nextAt` is the next timer or lease', (store) => {
    let said: number | null | undefined;
    return {
      async claim(query) {
        const result = await store.claim(query);
        said ??= result.nextAt;
        return { ...result, nextAt: said };
      },
    };
  }),
  saving('an ended run keeps its lease', 'is never claimed again', (next) =>
    isFinal(next.status) ? { ...next, leaseUntil: (next.endedAt ?? 0) + 1 } : next,
  ),
  storage('the clock goes back with the machine’s', 'the store’s clock does not go back, whatever', {
    clockFollowsTheMachine: true,
  }),
  port('a jump of the clock voids the fence', 'a jump forward lets a run be taken over', (store) => ({
    async commit(commit) {
      const answer = await store.commit(commit);
      const run = await store.run(commit.run);
      return answer.outcome === 'stale' && run?.status === 'running'
        ? store.commit({ ...commit, epoch: run.epoch })
        : answer;
    },
  })),
];
