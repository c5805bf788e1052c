import { checkOptions, WRITE_LIMIT } from '@prusik/core';
import type { EngineLimits } from './engine-types.ts';

/** What of a drive goes into one commit has to fit into one write of the store, with what rides along. */
const MOST_IN_A_COMMIT = [
  'maxInlineOutcomeBytes',
  'maxMessageBytes',
  'maxValueBytes',
  'maxResultBytes',
  'maxNoteBytes',
] as const;

/** The limits of an engine that is given none. */
export const DEFAULT_LIMITS: EngineLimits = {
  leaseMs: 30_000,
  heartbeatMs: 10_000,
  parkAfterMs: 1_000,
  divergedAfterMs: 10_000,
  slots: 16,
  maxLostLeases: 5,
  cancelGraceMs: 10_000,
  capacityWaitMs: 3_600_000,
  maxInlineOutcomeBytes: 262_144,
  maxOutcomeBytes: 64 * 1_048_576,
  maxMessageBytes: 8 * 1_048_576,
  maxValueBytes: 1_048_576,
  maxResultBytes: 262_144,
  maxNoteBytes: 65_536,
  maxDepth: 16,
};

const MAY_BE_ZERO: ReadonlySet<string> = new Set(['parkAfterMs', 'cancelGraceMs', 'capacityWaitMs', 'maxDepth']);

const KNOWN = {
  names: Object.fromEntries(Object.keys(DEFAULT_LIMITS).map((name) => [name, true] as const)),
};

/** @throws {TypeError} naming the limit that cannot be one. */
export function completeLimits(given: Partial<EngineLimits> = {}): EngineLimits {
  checkOptions('The engine: limits', given, KNOWN);
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    const least = MAY_BE_ZERO.has(name) ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least)
      throw new TypeError(`limits.${name} must be a whole number of at least ${least}, not ${value}`);
  }
  for (const name of MOST_IN_A_COMMIT) {
    if (limits[name] > WRITE_LIMIT / 2)
      throw new TypeError(`limits.${name} must be at most ${WRITE_LIMIT / 2}, half of what one write holds`);
  }
  if (limits.heartbeatMs * 2 > limits.leaseMs) {
    throw new TypeError(
      `limits.heartbeatMs (${limits.heartbeatMs}) must be at most half of limits.leaseMs (${limits.leaseMs}), so that one late heartbeat loses nothing`,
    );
  }
  return limits;
}
