import {
  addAmounts,
  blobsOf,
  sparse,
  type Commit,
  type EntryBody,
  type Lease,
  type LedgerChange,
  type Message,
  type NewNote,
  type NewRequest,
  type NewRun,
  type SlotChange,
  type Transition,
} from '@prusik/core';
import { someOf } from './spent.ts';

/** What one step or wait wants written; parts that come together share a commit. */
export interface Part {
  readonly entries: readonly EntryBody[];
  readonly progress?: boolean;
  readonly messages?: readonly Message[];
  /** Runs whose messages are among these. */
  readonly absorb?: readonly string[];
  readonly notes?: readonly NewNote[];
  readonly slots?: readonly SlotChange[];
  /** Hashes of blobs that the entries name; those of messages are found in them. */
  readonly blobs?: readonly string[];
  readonly children?: readonly NewRun[];
  readonly cancel?: NonNullable<Commit['cancel']>;
  readonly requests?: readonly NewRequest[];
  readonly closeRequests?: NonNullable<Commit['closeRequests']>;
  readonly claimRequest?: string;
  readonly ledger?: LedgerChange;
  readonly notBefore?: number;
  readonly transition?: Transition;
  /** What waits to ride along is let be: the drive is over with this part, and has nothing to say. */
  readonly alone?: boolean;
}

export interface PartsToCombine {
  readonly lease: Lease;
  readonly parts: readonly Part[];
  /** Entries that ride along, in front. */
  readonly riders: readonly EntryBody[];
  readonly threadHead: number;
  /** Last signal that the drive has read. */
  readonly seen: number;
}

/** One commit of all that the parts want written, in their order. */
export function combineParts({ lease, parts, riders, threadHead, seen }: PartsToCombine): Commit {
  const entries = [...riders];
  const messages: Message[] = [];
  const commit: { -readonly [Key in keyof Commit]: Commit[Key] | undefined } = {
    run: lease.run,
    epoch: lease.epoch,
    entries,
    progress: false,
    seen,
    messages: undefined,
    blobs: undefined,
  };
  for (const part of parts) {
    const range = part.messages?.length
      ? { from: threadHead + messages.length + 1, count: part.messages.length }
      : undefined;
    for (const entry of part.entries)
      entries.push(range !== undefined && entry.type === 'step-end' ? { ...entry, messages: range } : entry);
    if (part.messages) messages.push(...part.messages);
    if (part.absorb) commit.absorb = joined(commit.absorb, part.absorb);
    if (part.slots) commit.slots = joined(commit.slots, part.slots);
    if (part.notes) commit.notes = joined(commit.notes, part.notes);
    if (part.blobs) commit.blobs = joined(commit.blobs, part.blobs);
    if (part.progress) commit.progress = true;
    if (part.children) commit.children = joined(commit.children, part.children);
    if (part.cancel) commit.cancel = joined(commit.cancel, part.cancel);
    if (part.requests) commit.requests = joined(commit.requests, part.requests);
    if (part.closeRequests) commit.closeRequests = joined(commit.closeRequests, part.closeRequests);
    if (part.claimRequest !== undefined) commit.claimRequests = joined(commit.claimRequests, [part.claimRequest]);
    if (part.ledger) commit.ledger = sumOf(commit.ledger, part.ledger);
    if (part.notBefore !== undefined) commit.notBefore = Math.max(commit.notBefore ?? 0, part.notBefore);
    if (part.transition) commit.transition ??= part.transition;
  }
  if (messages.length > 0) {
    commit.messages = { from: threadHead + 1, items: messages };
    for (const message of messages) {
      const named = blobsOf(message);
      if (named.length > 0) commit.blobs = joined(commit.blobs, named);
    }
  }
  return sparse<Commit>(commit);
}

function joined<T>(list: readonly T[] | undefined, more: readonly T[]): readonly T[] {
  return list === undefined ? more : [...list, ...more];
}

function sumOf(one: LedgerChange | undefined, other: LedgerChange): LedgerChange {
  if (one === undefined) return other;
  const sum: { -readonly [Name in keyof LedgerChange]: LedgerChange[Name] } = {};
  for (const name of ['release', 'use', 'reserve'] as const) {
    const amount = someOf(addAmounts(one[name] ?? {}, other[name] ?? {}));
    if (amount !== undefined) sum[name] = amount;
  }
  return sum;
}
