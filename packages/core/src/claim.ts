import type { RunKey } from './ids.ts';
import type { Budget } from './ledger.ts';
import type { Run } from './run.ts';

/** The right to drive a run. */
export interface Lease {
  readonly run: RunKey;
  readonly epoch: number;
}

/** Also says what the holder should know at once. */
export interface RenewedLease extends Lease {
  readonly inbox: number;
  readonly cancelRequested: boolean;
}

/** What a worker can take. */
export interface ClaimQuery {
  /** A name of the worker's own, for people; the epoch is what tells holders apart. */
  readonly worker: string;
  /** How long each lease holds without renewal, in milliseconds. */
  readonly leaseMs: number;
  /** Runs, at most. */
  readonly limit: number;
  readonly suspects: SuspectRoom;
  /**
   * Leases that this worker still drives, although they may be past: it was stopped for longer than they last. While nobody else took them, it must not take
   * them from itself.
   */
  readonly except?: readonly Lease[];
  /** What this worker can drive. A run that is asked to cancel is taken whatever its definition. */
  readonly definitions: readonly { readonly name: string; readonly versions: readonly string[] }[];
  /** Only this run, or only runs of the trees with these roots, at most {@link PAGE_LIMIT} of them. */
  readonly only?: { readonly run: RunKey } | { readonly roots: readonly RunKey[] };
}

/**
 * How many suspects a claim may take: runs that lost a worker since their last committed step, each of which may be what killed it.
 * They are taken in the claim's order until one does not fit, so that a heavy one is not passed over for ever. See {@link suspectShare}.
 */
export interface SuspectRoom {
  /** What is left, from 0 to 1. */
  readonly room: number;
  /** From so many losses on a suspect takes all the room, and half as much for each loss fewer. */
  readonly alone: number;
}

/** What a run that lost `lost` workers (with this claim) takes of the room for suspects: the likelier it is the killer, the fewer are beside it. */
export function suspectShare(lost: number, alone: number): number {
  return 2 ** Math.min(0, lost - alone);
}

/** A run that the worker holds from now on. */
export interface Claim {
  /** As it is after the claim: `running`, under its new epoch. */
  readonly run: Run;
  /** Leases lost since the last committed step; 0 for a healthy run. */
  readonly lost: number;
  /** Number of the last message of its thread. */
  readonly threadHead: number;
  /** In each dimension the narrowest limit of the ledgers that it spends from; missing where there is none. */
  readonly budget?: Budget;
}

/** What a claim took, and when it is worth asking again. */
export interface ClaimResult {
  readonly claims: readonly Claim[];
  /** The store's clock. */
  readonly now: number;
  /** When the next timer or lease that this query could take runs out, later than `now`; `null` when there is none. */
  readonly nextAt: number | null;
}
