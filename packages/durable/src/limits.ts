import type { EngineLimits } from './engine-types.ts';

export const DEFAULT_LIMITS: EngineLimits = {
  leaseMs: 30_000,
  heartbeatMs: 10_000,
  parkAfterMs: 1_000,
  divergedAfterMs: 10_000,
  slots: 16,
  maxLostLeases: 5,
  cancelGraceMs: 10_000,
  maxOutcomeBytes: 262_144,
  capacityWaitMs: 3_600_000,
};

const MAY_BE_ZERO: ReadonlySet<string> = new Set(['parkAfterMs', 'cancelGraceMs', 'capacityWaitMs']);

/** @throws {TypeError} naming the limit that cannot be one. */
export function completeLimits(given: Partial<EngineLimits> = {}): EngineLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    const least = MAY_BE_ZERO.has(name) ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least)
      throw new TypeError(`limits.${name} must be a whole number of at least ${least}, not ${value}`);
  }
  if (limits.heartbeatMs * 2 > limits.leaseMs) {
    throw new TypeError(
      `limits.heartbeatMs (${limits.heartbeatMs}) must be at most half of limits.leaseMs (${limits.leaseMs}), so that one late heartbeat loses nothing`,
    );
  }
  return limits;
}
