import {
  isPrusikError,
  PrusikError,
  type Clock,
  type Commit,
  type CommitRefusal,
  type CommitResult,
  type Entry,
  type EntryBody,
  type Lease,
  type Message,
  type Store,
} from '@prusik/core';
import { combineParts, type Part } from './combine-parts.ts';
import { createRiders, ITEMS_A_COMMIT, type Riders } from './riders.ts';

type Refused = Extract<CommitResult, { outcome: 'refused' }>;

export type PartResult =
  | { readonly ok: true }
  /** `COMMIT_INVALID`: the store calls the commit a mistake of its caller's (`TypeError`). */
  | {
      readonly ok: false;
      readonly code: CommitRefusal | 'COMMIT_INVALID' | 'WRITE_TOO_LARGE';
      readonly noRoom?: Refused['noRoom'];
    };

export interface Committer {
  /** Resolves after the part is committed and {@link CommitterOptions.onCommitted} was told; never rejects, never settles once the run is lost. */
  stage(part: Part): Promise<PartResult>;
  /** Entries that ride with the next commit. */
  defer: Riders['add'];
  /** Rides with the next commit, in one entry with the others that do. */
  measure: Riders['measure'];
  /** More is about to be staged: what is staged from here on waits for {@link Committer.flush}, to share a commit with it. */
  gather(): void;
  /** Nothing more is about to be staged. */
  flush(): void;
  busy(): boolean;
  /** How much waits for the next commit to ride with it. */
  riding(): number;
  /** Commits are sent, or their answers awaited. */
  writing(): boolean;
  /** A part that ends the run was staged. */
  ending(): boolean;
}

export interface CommitterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly lease: Lease;
  /** Last entry and last message number before this drive. */
  readonly seq: number;
  readonly threadHead: number;
  /** How long a store that does not answer is asked again: past it the lease is gone anyway. */
  readonly patienceMs: number;
  /** Last signal that the drive has read. */
  readonly seen: () => number;
  readonly onCommitted: (
    entries: readonly Entry[],
    messages: readonly Message[],
    answer: Extract<CommitResult, { outcome: 'committed' }>,
    commit: Pick<Commit, 'progress' | 'ledger'>,
  ) => void;
  readonly onLost: (why: 'superseded' | 'unavailable', cause?: unknown) => void;
  /** Told of each answer of the store, before what it has for a consequence, with how long it took in milliseconds. */
  readonly onAnswered: ((outcome: CommitResult['outcome'], ms: number) => void) | undefined;
  /** Nothing is written, or about to be. */
  readonly onIdle: () => void;
}

interface InvalidCommit {
  readonly outcome: 'refused';
  readonly code: 'COMMIT_INVALID' | 'WRITE_TOO_LARGE';
  readonly cause: unknown;
}

interface Staged {
  readonly part: Part;
  readonly settle: (result: PartResult) => void;
}

/** One commit of a run at a time, in the order of staging; what is staged meanwhile goes together into the next. */
export function createCommitter(options: CommitterOptions): Committer {
  const { store, lease, clock } = options;
  let { seq, threadHead } = options;
  let staged: Staged[] = [];
  const riders = createRiders();
  let flushing = false;
  let gathering = false;
  let lost = false;
  let ending = false;

  function begin(): void {
    if (flushing || gathering || staged.length === 0) return;
    flushing = true;
    // Parts that are staged in the same microtask turn (a `Promise.all`) share a commit.
    void Promise.resolve().then(sendStaged);
  }

  async function sendStaged(): Promise<void> {
    while (staged.length > 0 && !gathering && !lost) {
      if (riders.commits() > 1) await sendRiders(1);
      await send(staged.splice(0, ITEMS_A_COMMIT));
    }
    flushing = false;
    options.onIdle();
  }

  /** What does not fit into so many commits goes ahead: it was asked for before what it rides with. */
  async function sendRiders(most: number): Promise<void> {
    for (let before = Infinity; riders.commits() > most && riders.count() < before && !lost;) {
      before = riders.count();
      await send([]);
    }
  }

  async function send(batch: readonly Staged[]): Promise<void> {
    const along = batch.some(({ part }) => part.alone) ? [] : riders.next();
    const parts = batch.map((item) => item.part);
    let commit: Commit;
    try {
      commit = combineParts({ lease, parts, riders: along, threadHead, seen: options.seen() });
    } catch {
      // A message of a step may be anything, and is looked at for the first time here.
      return refused(batch, along, { code: 'COMMIT_INVALID' });
    }
    const messages = commit.messages?.items ?? [];
    const started = clock.monotonic();
    let answer: CommitResult | InvalidCommit | undefined;
    try {
      answer = await store.commit(commit);
    } catch (cause) {
      answer = await findOut(commit, started, cause);
    }
    if (answer === undefined) return;
    options.onAnswered?.(answer.outcome, clock.monotonic() - started);
    if (answer.outcome === 'stale') {
      lost = true;
      options.onLost('superseded');
      return;
    }
    if (answer.outcome === 'refused') return refused(batch, along, answer);
    riders.sent(along);
    const first = answer.seq - commit.entries.length + 1;
    seq = answer.seq;
    threadHead += messages.length;
    const entries = commit.entries.map((body, index) => ({ ...body, seq: first + index, at: answer.at }));
    options.onCommitted(entries, messages, answer, commit);
    for (const item of batch) item.settle({ ok: true });
  }

  /** Nothing was written. Which part was at fault is found by sending them one by one; the innocent go through. */
  async function refused(
    batch: readonly Staged[],
    along: readonly EntryBody[],
    { code, noRoom }: Omit<Extract<PartResult, { ok: false }>, 'ok'>,
  ): Promise<void> {
    if (code === 'WRITE_TOO_LARGE' && batch.length > 0 && along.length > 0) {
      await sendRiders(0);
      if (riders.count() === 0) return send(batch);
    }
    if (batch.length > 1) for (const item of batch) await send([item]);
    else batch[0]?.settle({ ok: false, code, ...(noRoom === undefined ? {} : { noRoom }) });
  }

  /** A rejected commit is ambiguous: nobody but this drive writes under this epoch, so the journal's length tells what became of it. */
  async function findOut(
    commit: Commit,
    started: number,
    rejected: unknown,
  ): Promise<CommitResult | InvalidCommit | undefined> {
    let cause = rejected;
    for (let attempt = 0; ; attempt += 1) {
      // Not an outage: the same commit would be refused for ever.
      if (cause instanceof TypeError) return { outcome: 'refused', code: 'COMMIT_INVALID', cause };
      if (isPrusikError(cause, 'WRITE_TOO_LARGE')) return { outcome: 'refused', code: 'WRITE_TOO_LARGE', cause };
      if (clock.monotonic() - started > options.patienceMs) {
        lost = true;
        options.onLost('unavailable', cause);
        return undefined;
      }
      await new Promise<void>((resolve) => clock.after(Math.min(1_000, 10 * 2 ** attempt), resolve));
      try {
        return (await foundWritten(commit)) ?? (await store.commit(commit));
      } catch (again) {
        cause = again;
      }
    }
  }

  async function foundWritten({ entries, transition }: Commit): Promise<CommitResult | undefined> {
    const run = await store.run(lease.run);
    if (run === undefined || run.epoch !== lease.epoch || run.seq !== seq + entries.length) return undefined;
    // Without entries all that can be seen of it is that the run was let go of. The rest is done again, which is harmless.
    if (entries.length === 0 && (transition === undefined || run.status === 'running')) return undefined;
    return {
      outcome: 'committed',
      seq: run.seq,
      at: await lastEntryTime(run.seq),
      inbox: run.inbox,
      cancelRequested: run.cancelRequested,
    };
  }

  async function lastEntryTime(last: number): Promise<number> {
    const [entry] = await store.entries(lease.run, { after: last - 1, limit: 1 });
    if (entry === undefined) throw new PrusikError('STORE_CORRUPT', `Entry ${last} of run ${lease.run.run} is missing`);
    return entry.at;
  }

  return {
    busy: () => flushing || staged.length > 0,
    riding: riders.count,
    writing: () => flushing,
    ending: () => ending,
    defer: riders.add,
    measure: riders.measure,
    gather() {
      gathering = true;
    },
    flush() {
      gathering = false;
      begin();
    },
    stage(part) {
      return new Promise((settle) => {
        if (lost) return;
        ending ||= part.transition?.type === 'end';
        staged.push({ part, settle });
        begin();
      });
    },
  };
}
