import type { NewRun, RemovedRows, RemoveResult, RunKey, SessionKey, Store } from '@prusik/core';
import { key } from './store-scenario.ts';

export const inSession = (id: string): Pick<NewRun, 'session'> => ({ session: { id, whenBusy: 'refuse' } });
export const session = (id: string): SessionKey => ({ tenant: 'acme', session: id });
export const tree = (run: string): RunKey => ({ tenant: 'acme', run });

const counts = (more: Partial<RemovedRows>): RemovedRows => ({
  sessions: 0,
  runs: 0,
  entries: 0,
  messages: 0,
  notes: 0,
  slots: 0,
  signals: 0,
  requests: 0,
  ledgers: 0,
  ...more,
});

/** An answer of these numbers, as {@link counted} shows it. */
export const removed = (rows: Partial<RemovedRows>, more = false): unknown => ({
  outcome: 'removed',
  removed: counts(rows),
  more,
});

/** The numbers of an answer, and whether there may be more. */
export function counted(answer: RemoveResult): unknown {
  if (answer.outcome !== 'removed') return answer;
  const { trees: _, next, ...rest } = answer;
  return { ...rest, more: next !== undefined };
}

/** Every way of finding a run of that id, or something of it. */
export async function traces(store: Store, id: string): Promise<unknown> {
  return {
    run: await store.run(key(id)),
    entries: await store.entries(key(id), { after: 0, limit: 10 }),
    inbox: await store.inbox(key(id), { after: 0, limit: 10 }),
    messages: await store.messages({ tenant: 'acme', of: 'run', id }, { after: 0, limit: 10 }),
    head: await store.threadHead({ tenant: 'acme', of: 'run', id }),
    ledger: await store.ledger(key(id)),
    signal: (await store.signal({ run: key(id), kind: 'user', key: 'late', body: null })).outcome,
    decide: (await store.decide({ run: key(id), request: `ask-${id}`, decision: { status: 'answered', value: 1 } }))
      .outcome,
    tree: (await store.listRuns({ tenant: 'acme', root: id, limit: 10 })).items,
    ofRun: (await store.listRequests({ tenant: 'acme', run: id, limit: 10 })).items,
    ofTree: (await store.listRequests({ tenant: 'acme', root: id, limit: 10 })).items,
  };
}

export const NO_TRACE: unknown = {
  run: undefined,
  entries: [],
  inbox: [],
  messages: [],
  head: 0,
  ledger: undefined,
  signal: 'unknown',
  decide: 'unknown',
  tree: [],
  ofRun: [],
  ofTree: [],
};

export const runs = async (store: Store): Promise<readonly string[]> =>
  (await store.listRuns({ tenant: 'acme', limit: 100 })).items.map((run) => run.key.run);
