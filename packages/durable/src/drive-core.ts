import type { AnnouncedSteps } from './announced-steps.ts';
import type { Claim, Json, NewRequest, Run } from '@prusik/core';
import type { Committer } from './committer.ts';
import type { Delivery } from './delivery.ts';
import type { DriveEnd, DriveEnv } from './drive-env.ts';
import type { Inbox } from './inbox.ts';
import type { ObservedDrive } from './observed-drive.ts';
import type { Steering } from './steering.ts';
import type { PutBlob } from './put-blob.ts';
import type { StepValues } from './step-value.ts';
import type { JournalState } from './journal-state.ts';

/** Why a drive stops before its function does. */
export type Halt =
  | { readonly type: 'release' }
  | {
      readonly type: 'block';
      readonly code: string;
      readonly message: string;
      readonly key?: string;
      readonly details?: Json;
    };

/** What the parts of one drive share. */
export interface DriveCore {
  readonly env: DriveEnv;
  readonly claim: Claim;
  readonly run: Run;
  readonly state: JournalState;
  readonly delivery: Delivery;
  readonly committer: Committer;
  readonly inbox: Inbox;
  readonly values: StepValues;
  readonly steering: Steering;
  readonly announced: AnnouncedSteps;
  readonly putBlob: PutBlob;
  /** Where somebody observes the engine, from when the journal is loaded. */
  observed(): ObservedDrive | undefined;
  /** The store's clock, as far as this process can tell: its last answer and the time that has passed since. */
  storeNow(): number;
  /** When the time of the run is up, by the store's clock; null where it has no deadline, or it was met already. */
  deadline(): number | null;
  halt(halt: Halt): void;
  /** The drive is cancelled, halted or lost, or the time of its run is up: begin nothing. */
  stopping(): boolean;
  /** Parked, ended or lost: nothing may be written any more. */
  over(): boolean;
  /** The function waits for this step and nothing else, nothing else is on record as open, and nothing was said of how the run ends. */
  isLast(step: string): boolean;
  /** The drive is over in this way; `reason` is what signals say. */
  finish(end: DriveEnd, reason: 'parked' | 'blocked' | 'released' | 'ended' | 'superseded'): DriveEnd;
  wake(): void;
}

/** The request that a blocked run puts to a person. */
export function interventionFor(halt: Extract<Halt, { type: 'block' }>, run: Run, blocks: number): NewRequest {
  return {
    id: `intervention-${blocks + 1}`,
    kind: 'intervention',
    stepKey: halt.key ?? '',
    body: {
      code: halt.code,
      message: halt.message,
      definition: run.definition,
      choices: halt.key === undefined ? ['retry', 'fail'] : ['happened', 'retry', 'fail'],
      ...(halt.details === undefined ? {} : { details: halt.details }),
    },
    expiresAt: null,
  };
}
