import type { RunState } from './tables.ts';

/** What nobody has done to a run that is written as it was lived: no worker has held it, and nothing has come to it. */
export const UNTOUCHED: Omit<
  RunState,
  | 'key'
  | 'number'
  | 'definition'
  | 'version'
  | 'inputHash'
  | 'session'
  | 'root'
  | 'parent'
  | 'depth'
  | 'priority'
  | 'status'
  | 'at'
> = {
  epoch: 0,
  seq: 0,
  inbox: 0,
  seen: 0,
  lost: 0,
  cancel: 'none',
  inQueue: false,
  steers: false,
  readyAt: null,
  wakeAt: null,
  leaseUntil: null,
  worker: null,
  endedAt: null,
  deadlineAt: null,
  blocked: null,
  compactedAt: null,
};
