import { addAmounts, addUsage, NO_AMOUNT, type Amount, type Usage } from '@prusik/core';

/** What executions of a step told that they used. */
export interface Spent {
  readonly usage?: Usage;
  /** Missing where it is not known of one of them. */
  readonly costMicros?: number;
}

/** Of several executions. One that told nothing adds nothing. */
export function addSpent(a: Spent, b: Spent): Spent {
  if (a.usage === undefined || b.usage === undefined) return a.usage === undefined ? b : a;
  const known = a.costMicros !== undefined && b.costMicros !== undefined;
  return {
    usage: addUsage(a.usage, b.usage),
    ...(known ? { costMicros: (a.costMicros ?? 0) + (b.costMicros ?? 0) } : {}),
  };
}

/** What a reservation is settled with. Unknown is what was reserved, never zero. */
export function usedOf({ usage, costMicros }: Spent, reserved: Amount): Amount {
  const tokens =
    usage?.inputTokens === undefined || usage.outputTokens === undefined
      ? reserved.tokens
      : usage.inputTokens + usage.outputTokens;
  const cost = costMicros ?? reserved.costMicros;
  return {
    ...(reserved.calls === undefined ? {} : { calls: reserved.calls }),
    ...(tokens === undefined ? {} : { tokens }),
    ...(cost === undefined ? {} : { costMicros: cost }),
  };
}

/** What an execution says that it used, where it says so. */
export function toldBy({ usage, costMicros }: Spent): Amount {
  const tokens = (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0);
  return { tokens, ...(costMicros === undefined ? {} : { costMicros }) };
}

/** The sum, or nothing where it is nothing. */
export function amounts(a: Amount | undefined, b: Amount | undefined): Amount | undefined {
  const sum = addAmounts(a ?? NO_AMOUNT, b ?? NO_AMOUNT);
  const all = Object.entries(sum).filter(([, value]) => value > 0);
  return all.length === 0 ? undefined : Object.fromEntries(all);
}
