import type { Budget } from '@prusik/core';

/** The budget that keeps both: the smaller limit of each dimension. */
export function narrowerBudget(a: Budget | undefined, b: Budget | undefined): Budget | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  const narrower: { -readonly [Dimension in keyof Budget]: Budget[Dimension] } = {};
  for (const dimension of ['calls', 'tokens', 'costMicros'] as const) {
    const limits = [a[dimension], b[dimension]].filter((limit) => limit !== undefined);
    if (limits.length > 0) narrower[dimension] = Math.min(...limits);
  }
  return narrower;
}
