import {
  checkOptions,
  type CompactedRows,
  type RemovedRows,
  type RunKey,
  type SessionKey,
  type Store,
  type SweptBlobs,
  type Workspaces,
} from '@prusik/core';
import { checkedWalk, type RetentionOptions } from './retention-options.ts';
import type { RetentionPolicy } from './retention-policy.ts';
import { sweepSnapshots } from './sweep-snapshots.ts';
import { ownerOfWorkspace, sweepWorkspaces } from './sweep-workspaces.ts';
import { walkRetention } from './walk-retention.ts';

/** How a policy is carried out. */
export interface PruneOptions extends RetentionOptions {
  /** Of the sandbox whose workspaces are runs' of this store, and of no other. Needed for a policy of workspaces or snapshots. */
  readonly workspaces?: Pick<Workspaces, 'list' | 'remove' | 'sweep'>;
  /** Whose a workspace is; what is nobody's is left alone. @default {@link ownerOfWorkspace} */
  readonly ownerOf?: (workspace: string) => RunKey | SessionKey | undefined;
  /** How long a blob that nobody uses is kept after its last put. @default 3_600_000 */
  readonly blobGraceMs?: number;
  /** Told after each portion what is gone so far. */
  readonly onProgress?: (soFar: PruneReport) => void;
}

/** What is gone. Of what several pruners do at once each is told its own. */
export interface PruneReport {
  /** Rows of trees and sessions that went whole. */
  readonly removed: RemovedRows;
  /** Rows of resume state, and the runs that they were of. */
  readonly compacted: CompactedRows;
  readonly blobs: Omit<SweptBlobs, 'next'>;
  readonly workspaces: number;
  readonly snapshots: number;
}

const OPTIONS = {
  names: {
    signal: true,
    clock: true,
    workspaces: true,
    ownerOf: true,
    blobGraceMs: true,
    onProgress: true,
  } satisfies Record<keyof PruneOptions, true>,
  // Passed over, it would be the opposite of what was asked for.
  elsewhere: { dryRun: 'planRetention()' },
};

/**
 * Lets go what a policy does not keep: closed sessions, records, resume state, then workspaces and snapshots, then the blobs that nobody uses any more. Never of
 * what is live, and never an open session. Workers and other pruners may be at work: each portion takes the store's write lock for some milliseconds and stands by itself, so
 * who is killed or aborted in the middle has let go less, and the same call goes on.
 *
 * @throws {TypeError} for a policy or options that are none; nothing is gone then.
 * @throws what the store or the sandbox rejects with; what is told until then is gone.
 */
export async function prune(store: Store, policy: RetentionPolicy, options: PruneOptions = {}): Promise<PruneReport> {
  checkOptions('prune', options, OPTIONS);
  const walk = await checkedWalk(store, policy, options, false);
  const { workspaces, ownerOf = ownerOfWorkspace, blobGraceMs, onProgress = () => {}, signal } = options;
  const needed = (['workspaces', 'snapshots'] as const).find((of) => policy[of] !== undefined);
  if (needed !== undefined && workspaces === undefined)
    throw new TypeError(`The policy has ${needed}: give the workspaces of the sandbox`);
  let report = NOTHING;
  const tell = (more: Partial<PruneReport>): void => {
    report = { ...report, ...more };
    onProgress(report);
  };
  for await (const page of walkRetention(store, policy, walk)) {
    if (page.of === 'resume') tell({ compacted: sum(report.compacted, page.rows) });
    else tell({ removed: sum(report.removed, page.rows) });
  }
  if (workspaces !== undefined && policy.workspaces !== undefined) {
    const endedBefore = walk.clock.now() - policy.workspaces.maxAgeMs;
    const gone = await sweepWorkspaces(store, workspaces, { ownerOf, endedBefore, signal });
    tell({ workspaces: gone.length });
  }
  if (workspaces !== undefined && policy.snapshots !== undefined) {
    signal?.throwIfAborted();
    const takenBefore = walk.clock.now() - policy.snapshots.maxAgeMs;
    tell({ snapshots: await sweepSnapshots(store, workspaces, { tenants: walk.tenants, takenBefore, signal }) });
  }
  let after: string | undefined;
  do {
    signal?.throwIfAborted();
    const grace = blobGraceMs === undefined ? {} : { graceMs: blobGraceMs };
    const swept = await store.sweepBlobs(after === undefined ? grace : { ...grace, after });
    const { blobs, bytes } = report.blobs;
    if (swept.blobs > 0) tell({ blobs: { blobs: blobs + swept.blobs, bytes: bytes + swept.bytes } });
    after = swept.next;
  } while (after !== undefined);
  return report;
}

const NO_ROWS = { runs: 0, entries: 0, messages: 0, notes: 0, slots: 0, signals: 0 } as const;
const NOTHING: PruneReport = {
  removed: { ...NO_ROWS, sessions: 0, requests: 0, ledgers: 0 },
  compacted: NO_ROWS,
  blobs: { blobs: 0, bytes: 0 },
  workspaces: 0,
  snapshots: 0,
};

/** Both have the same fields. */
function sum<Rows extends RemovedRows | CompactedRows>(a: Rows, b: Rows): Rows {
  const more = new Map(Object.entries(b));
  return Object.fromEntries(Object.entries(a).map(([name, rows]) => [name, rows + (more.get(name) ?? 0)])) as Rows;
}
