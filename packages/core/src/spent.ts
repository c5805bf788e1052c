import { addUsage, type Usage } from './message.ts';

/** What calls of models told that they used. */
export interface Spent {
  readonly usage?: Usage;
  /** Missing where it is not known of one of them. */
  readonly costMicros?: number;
}

/** Of several. One that told nothing adds nothing. */
export function addSpent(a: Spent, b: Spent): Spent {
  if (a.usage === undefined || b.usage === undefined) return a.usage === undefined ? b : a;
  const known = a.costMicros !== undefined && b.costMicros !== undefined;
  return {
    usage: addUsage(a.usage, b.usage),
    ...(known ? { costMicros: (a.costMicros ?? 0) + (b.costMicros ?? 0) } : {}),
  };
}
