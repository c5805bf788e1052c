import type { Imported, Session, SessionFork, SessionKey, SessionState, StoreTables, ThreadCut } from '@prusik/core';
import { frozen } from './frozen.ts';
import { createKeyed } from './keyed.ts';
import { createNumberedRows } from './numbered-rows.ts';
import { timedPage } from './timed-page.ts';
import type { Claimable } from './run-index.ts';

export interface SessionRecord<Run> {
  readonly number: number;
  state: SessionState;
  cuts: readonly ThreadCut[];
  readonly forkedFrom: SessionFork | undefined;
  imported?: Imported;
  readonly createdAt: number;
  /** Every run that was started in it. */
  readonly runs: Set<Run>;
  /** Runs that stand in its queue, oldest first. */
  readonly queue: Set<Run>;
}

/** The sessions of all tenants, with their runs. */
export interface MemorySessions<Run extends Claimable> {
  readonly tables: Pick<
    StoreTables,
    'sessionState' | 'saveCuts' | 'cuts' | 'queueLength' | 'firstInQueue' | 'runsOfSession' | 'session' | 'listSessions'
  >;
  get(key: SessionKey): SessionRecord<Run> | undefined;
  insert(state: SessionState, createdAt: number, runs: Iterable<Run>, forkedFrom?: SessionFork): void;
  remove(session: SessionRecord<Run>): void;
  tenants(): Iterable<string>;
  readonly size: number;
}

export function createMemorySessions<Run extends Claimable>(): MemorySessions<Run> {
  const byKey = createKeyed<SessionRecord<Run>>();
  const byNumber = createNumberedRows<SessionRecord<Run>>(({ createdAt }) => createdAt);

  function describe({ state, createdAt, queue, cuts, forkedFrom, imported }: SessionRecord<Run>): Session {
    return frozen({
      key: state.key,
      state: state.state,
      ...(state.activeRun === null ? {} : { activeRun: state.activeRun }),
      queue: [...queue].map((queued) => queued.state.key.run),
      createdAt,
      cuts,
      ...(forkedFrom === undefined ? {} : { forkedFrom }),
      ...(imported === undefined ? {} : { imported }),
    });
  }

  const find = ({ tenant, session }: SessionKey): SessionRecord<Run> | undefined => byKey.get(tenant, session);

  return {
    tables: {
      sessionState: (key) => find(key)?.state,
      saveCuts({ key }, cuts) {
        const found = find(key);
        if (found !== undefined) found.cuts = frozen(cuts);
      },
      cuts: (key) => find(key)?.cuts ?? [],
      queueLength: (key) => find(key)?.queue.size ?? 0,
      firstInQueue: (key) => [...(find(key)?.queue ?? [])].find(({ state }) => state.cancel === 'none')?.state,
      *runsOfSession(key) {
        for (const { state } of find(key)?.runs ?? []) yield state;
      },
      session(key) {
        const found = find(key);
        return found && describe(found);
      },
      listSessions: (query) =>
        timedPage({
          rows: byNumber.of(query.tenant),
          placeOf: ({ createdAt, number }) => ({ at: createdAt, number }),
          matches: ({ state }) => query.state === undefined || query.state.includes(state.state),
          show: describe,
          page: query,
        }),
    },
    get: find,
    insert(state, createdAt, runs, forkedFrom) {
      const { tenant, session } = state.key;
      const number = byNumber.nextNumber();
      const row: SessionRecord<Run> = {
        number,
        state: frozen(state),
        cuts: [],
        forkedFrom,
        createdAt,
        runs: new Set(runs),
        queue: new Set(),
      };
      byKey.set(tenant, session, row);
      byNumber.add(tenant, row);
    },
    remove(row) {
      const { tenant, session } = row.state.key;
      byKey.delete(tenant, session);
      byNumber.remove(tenant, row);
    },
    tenants: byNumber.tenants,
    get size() {
      return byNumber.size;
    },
  };
}
