import type { RunState } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

/** Deadlines are found or kept wrongly. */
const deadlines = (name: string, caughtBy: string, change: (state: RunState) => RunState | undefined): StoreFault =>
  rows(name, caughtBy, (tables) => ({
    *deadlines(query) {
      for (const state of tables.deadlines(query)) {
        const changed = change(state);
        if (changed !== undefined) yield changed;
      }
    },
  }));

export const DEADLINE_FAULTS: readonly StoreFault[] = [
  rows('the workspace of a child is forgotten', 'the workspace that a child is given', ({ insertRun }) => ({
    insertRun: (run, state) => insertRun(without(run, 'workspace'), state),
  })),
  rows('the rights of a run are forgotten', 'what a run may do is kept with it', ({ insertRun }) => ({
    insertRun: (run, state) => insertRun(without(run, 'rights'), state),
  })),
  port('a time counts from the caller’s clock', 'what a run may do is kept with it', (store) => ({
    start: (run) =>
      store.start(
        run.timeoutMs === undefined
          ? run
          : { ...without(run, 'timeoutMs'), rights: { ...run.rights, deadlineAt: Date.now() + run.timeoutMs } },
      ),
  })),
  port('a time undoes an earlier deadline', 'what a run may do is kept with it', (store) => ({
    start: (run) =>
      store.start(run.timeoutMs === undefined ? run : { ...run, rights: without(run.rights ?? {}, 'deadlineAt') }),
  })),
  deadlines('a run that waits for no timer is not looked at', 'a run that waits is claimed at its deadline', (state) =>
    state.status === 'waiting' && state.wakeAt === null ? undefined : state,
  ),
  deadlines('a deadline does not come before a later timer', 'a run that waits is claimed at its deadline', (state) =>
    state.wakeAt === null ? state : { ...state, deadlineAt: state.wakeAt },
  ),
  rows('a deadline waits for a worker that knows the run', 'though none knows its definition', (tables) => ({
    deadlines: (query) => (query.definitions.length === 0 ? [] : tables.deadlines(query)),
  })),
  deadlines('who does not know a run takes it at once', 'though none knows its definition', (state) => ({
    ...state,
    deadlineAt: (state.deadlineAt ?? 0) - 30_000,
  })),
  rows('every run is looked at as if it had a deadline', 'though none knows its definition', (tables) => ({
    *deadlines(query) {
      yield* tables.deadlines(query);
      for (const state of tables.ready({ ...query, definitions: [{ name: 'order', versions: ['1'] }] }))
        yield { ...state, deadlineAt: 0 };
    },
  })),
  deadlines('a deadline takes a run from who holds it', 'who holds a run keeps it past its deadline', (state) => ({
    ...state,
    leaseUntil: null,
  })),
  rows('a blocked run is ended by its deadline', 'a run that is blocked or stands in the queue', (tables) => ({
    saveRun(next) {
      const { deadlineAt, blocked } = next;
      // Whoever takes it for one that waits claims it.
      tables.saveRun(
        deadlineAt !== null && blocked !== null
          ? { ...next, status: 'waiting', blocked: null, wakeAt: deadlineAt }
          : next,
      );
    },
  })),
  rows(
    'a run does not wait for its turn past its deadline',
    'a run that is blocked or stands in the queue',
    (tables) => ({
      insertRun: (run, state) =>
        tables.insertRun(run, state.inQueue && state.deadlineAt !== null ? { ...state, inQueue: false } : state),
    }),
  ),
  rows('an ended run keeps its deadline', 'past its deadline is claimed once, and an ended one never', (tables) => {
    const ended = new Set<string>();
    return {
      saveRun(next) {
        if (next.endedAt !== null && next.deadlineAt !== null) ended.add(next.key.run);
        tables.saveRun(next);
      },
      *deadlines(query) {
        yield* tables.deadlines(query);
        for (const run of ended) {
          const state = tables.state({ tenant: 'acme', run });
          if (state !== undefined) yield state;
        }
      },
    };
  }),
  deadlines('a deadline that was met is met again', 'was parked past its deadline', (state) => ({ ...state, at: 0 })),
  rows('a claim for some looks at all deadlines', 'takes the deadlines of those alone', (tables) => ({
    deadlines: (query) => tables.deadlines(without(query, 'only')),
  })),
];
