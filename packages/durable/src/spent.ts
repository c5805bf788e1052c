import type { Amount, Spent } from '@prusik/core';

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

/** The amount, or nothing where it is nothing. */
export function someOf(amount: Amount): Amount | undefined {
  const some = Object.entries(amount).filter(([, value]) => value > 0);
  return some.length === 0 ? undefined : Object.fromEntries(some);
}
