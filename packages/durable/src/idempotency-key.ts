import { derivedUuid, type RunKey } from '@prusik/core';

/** The same on every attempt of one step; another run's, a fork's too, has another. */
export function idempotencyKeyOf(run: RunKey, stepKey: string): string {
  return derivedUuid('idempotency', run.tenant, run.run, stepKey);
}
