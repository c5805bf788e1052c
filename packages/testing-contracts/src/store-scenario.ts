import assert from 'node:assert/strict';
import type {
  Claim,
  ClaimQuery,
  ClaimResult,
  Commit,
  CommitResult,
  EntryBody,
  FinalStatus,
  Json,
  Lease,
  Message,
  NewRequest,
  NewRun,
  Run,
  RunKey,
  Signal,
  SignalKind,
  SignalResult,
  Store,
} from '@prusik/core';

const TENANT = 'acme';
export const LEASE_MS = 30_000;

/** A commit that answers `committed`. */
export type Committed = Extract<CommitResult, { readonly outcome: 'committed' }>;

/** A run that this test drives. */
export interface HeldRun extends Lease {
  readonly claim: Claim;
}

/** Short ways to bring a store where a test begins. Each fails the test when the store does not go along. */
export interface StoreScenario {
  /** Starts a run that must be new. */
  start(id: string, more?: Partial<NewRun>): Promise<Run>;
  claim(more?: Partial<ClaimQuery>): Promise<ClaimResult>;
  /** Takes this run, which must be claimable. */
  take(id: string, more?: Partial<ClaimQuery>): Promise<HeldRun>;
  /** Starts and takes a run. */
  running(id: string, more?: Partial<NewRun>): Promise<HeldRun>;
  /** A commit that must succeed. */
  commit(lease: Lease, more?: Partial<Commit>): Promise<Committed>;
  /** The same, for one that need not. */
  tryCommit(lease: Lease, more?: Partial<Commit>): Promise<CommitResult>;
  park(lease: Lease, wakeAt?: number | null, seen?: number): Promise<Committed>;
  end(lease: Lease, status?: FinalStatus): Promise<Committed>;
  signal(id: string, kind: SignalKind, signalKey?: string, body?: Signal['body']): Promise<SignalResult>;
  run(id: string): Promise<Run>;
  /** Types of the journal's entries, and the names of notes. */
  journal(id: string): Promise<readonly string[]>;
  inboxOf(id: string): Promise<readonly Signal[]>;
}

export const key = (run: string, tenant: string = TENANT): RunKey => ({ tenant, run });

export function newRun(id: string, more: Partial<NewRun> = {}): NewRun {
  return {
    key: key(id),
    kind: 'workflow',
    definition: 'order',
    version: '1',
    input: { item: 'rope' },
    inputHash: 'sha256:rope',
    context: null,
    priority: 0,
    messages: [],
    root: id,
    depth: 0,
    ...more,
  };
}

export function newChild(id: string, parent: string, more: Partial<NewRun> = {}): NewRun {
  return newRun(id, { root: parent, parent: { run: parent, key: `child-${id}` }, depth: 1, ...more });
}

export const note = (name: string, data: Json = null): EntryBody => ({ type: 'note', name, data });

export const ending = (status: FinalStatus): Pick<Commit, 'entries' | 'transition'> => ({
  entries: [{ type: 'run-end', status }],
  transition: { type: 'end', status },
});

export function message(id: string, text: string = id): Message {
  return { v: 1, id, role: 'user', kind: 'user', content: [{ type: 'text', text }] };
}

export function newRequest(id: string, more: Partial<NewRequest> = {}): NewRequest {
  return { id, kind: 'question', stepKey: 'ask', body: { question: 'Which rope?' }, expiresAt: null, ...more };
}

export const NO_SUSPECTS: ClaimQuery['suspects'] = { room: 0, alone: 1 };

export const anyDefinition: ClaimQuery['definitions'] = [{ name: 'order', versions: ['1'] }];

export function storeScenario(store: Store): StoreScenario {
  const claim: StoreScenario['claim'] = (more = {}) =>
    store.claim({
      worker: 'worker-1',
      leaseMs: LEASE_MS,
      limit: 10,
      suspects: { room: 1, alone: 30 },
      definitions: anyDefinition,
      ...more,
    });
  const start: StoreScenario['start'] = async (id, more) => {
    const result = await store.start(newRun(id, more));
    assert.equal(result.outcome, 'created');
    return result.run;
  };
  const take: StoreScenario['take'] = async (id, more) => {
    const { claims } = await claim({ only: { run: key(id) }, limit: 1, ...more });
    const [taken] = claims;
    assert.ok(taken, `Run ${id} could not be claimed`);
    return { run: taken.run.key, epoch: taken.run.epoch, claim: taken };
  };
  const tryCommit: StoreScenario['tryCommit'] = ({ run, epoch }, more = {}) =>
    store.commit({ run, epoch, entries: [], progress: false, ...more });
  const commit: StoreScenario['commit'] = async (lease, more) => {
    const result = await tryCommit(lease, more);
    assert.equal(result.outcome, 'committed', JSON.stringify(result));
    return result as Committed;
  };

  return {
    start,
    claim,
    take,
    tryCommit,
    commit,
    async running(id, more) {
      await start(id, more);
      return take(id);
    },
    park: (lease, wakeAt = null, seen = 0) => commit(lease, { seen, transition: { type: 'park', wakeAt } }),
    end: (lease, status = 'completed') => commit(lease, ending(status)),
    signal: (id, kind, signalKey = kind, body = null) => store.signal({ run: key(id), kind, key: signalKey, body }),
    async run(id) {
      const run = await store.run(key(id));
      assert.ok(run, `Run ${id} is not there`);
      return run;
    },
    async journal(id) {
      const entries = await store.entries(key(id), { after: 0, limit: 1_000 });
      return entries.map((entry) => (entry.type === 'note' ? entry.name : entry.type));
    },
    inboxOf: (id) => store.inbox(key(id), { after: 0, limit: 1_000 }),
  };
}
