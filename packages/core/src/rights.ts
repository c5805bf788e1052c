import type { DelegationPolicy } from './delegation-policy.ts';

/** What a run may do, said once, when it is started. A child's are never wider than its parent's. */
export interface Rights {
  /** Levels of children below it: at 0 it has none. @default as deep as the engine lets */
  readonly levels?: number;
  /** When it ends with `RUN_DEADLINE`: milliseconds since the epoch, by the store's clock. @default never */
  readonly deadlineAt?: number;
}

/** The same with what its definition may hand on, as it was declared when the run was started: a later build does not decide otherwise about calls that were made. */
export interface RunRights extends Rights {
  /** `null`: delegation is off. Missing where the definition calls nobody. */
  readonly delegation?: DelegationPolicy | null;
}

/** Those of a child: the narrower of what its parent hands on and what its call says. */
export function rightsOfChild(parent: Rights = {}, call: Rights = {}): Rights {
  // Who has no level is told so by whoever starts children; there is no less than none.
  const handedOn = parent.levels === undefined ? undefined : Math.max(0, parent.levels - 1);
  const levels = narrower(handedOn, call.levels);
  const deadlineAt = narrower(parent.deadlineAt, call.deadlineAt);
  return {
    ...(levels === undefined ? {} : { levels }),
    ...(deadlineAt === undefined ? {} : { deadlineAt }),
  };
}

/** With a deadline so long after `now`, unless there is an earlier one. */
export function withTimeout(rights: RunRights | undefined, timeoutMs: number | undefined, now: number): RunRights {
  if (timeoutMs === undefined) return rights ?? {};
  return { ...rights, deadlineAt: Math.min(rights?.deadlineAt ?? Infinity, Math.ceil(now + timeoutMs)) };
}

function narrower(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
