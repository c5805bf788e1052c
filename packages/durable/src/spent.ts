import { PrusikError, type Amount, type Budget, type LedgerChange, type Spent, type StepOptions } from '@prusik/core';
import type { StepSpec } from './step-spec.ts';

/** What a step reserves: nothing where nobody limits what calls use. */
export function reservationOf({ reserve }: StepOptions, budget: Budget | undefined): Amount | undefined {
  const { runs: _, ...limits } = budget ?? {};
  return Object.keys(limits).length === 0 || reserve === undefined ? undefined : inWholeUnits(reserve);
}

/** As ledgers count: of a part of a unit it is the whole, and of more than can be counted exactly it is the most. */
function inWholeUnits({ calls, tokens, costMicros, ...unknown }: Amount): Amount {
  const whole = (value: number): number => Math.min(Math.ceil(value), Number.MAX_SAFE_INTEGER);
  return {
    // For the store to refuse.
    ...unknown,
    ...(calls === undefined ? {} : { calls: whole(calls) }),
    ...(tokens === undefined ? {} : { tokens: whole(tokens) }),
    ...(costMicros === undefined ? {} : { costMicros: whole(costMicros) }),
  };
}

/** Nobody can hold a tree to a limit of what a call does not say that it may take. */
export function unreserved({ key, options }: StepSpec, budget: Budget = {}): PrusikError | undefined {
  const { kind, name = '', reserve } = options;
  if (kind !== 'model') return undefined;
  const { runs: _, ...limits } = budget;
  const missing = Object.keys(limits).find((dimension) => reserve?.[dimension as keyof Amount] === undefined);
  if (missing === undefined) return undefined;
  if (missing === 'costMicros' && reserve !== undefined)
    return new PrusikError(
      'BUDGET_COST_UNKNOWN',
      `Step ${key} calls a model whose cost is not known, and a budget limits it: give the model its prices`,
      { meta: { model: name } },
    );
  return new PrusikError(
    'BUDGET_NOT_RESERVED',
    `Step ${key} calls a model and does not say how many ${missing} it may take, which a budget limits: give it reserve.${missing}`,
    { meta: { model: name, dimension: missing } },
  );
}

/** What an execution is charged that was made with this reservation, or would have been. Unknown is what was reserved, never zero. */
export function useOf(execution: Spent, reserve: Amount | undefined): Amount {
  if (reserve === undefined) return toldBy(execution);
  const { usage, costMicros } = execution;
  const told = tokensOf(execution);
  const isTold = usage?.inputTokens !== undefined && usage.outputTokens !== undefined;
  const tokens = isTold ? told : Math.max(told, reserve.tokens ?? 0);
  const cost = costMicros ?? reserve.costMicros;
  return inWholeUnits({
    tokens,
    ...(reserve.calls === undefined ? {} : { calls: reserve.calls }),
    ...(cost === undefined ? {} : { costMicros: cost }),
  });
}

/** What an execution says that it used, where it says so. */
export function toldBy(execution: Spent): Amount {
  const { costMicros } = execution;
  return inWholeUnits({ tokens: tokensOf(execution), ...(costMicros === undefined ? {} : { costMicros }) });
}

const tokensOf = ({ usage }: Spent): number => (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0);

/** Of an execution whose end is not known: nobody knows what it used. */
export const chargedInFull = (reserved: Amount): LedgerChange => ({ release: reserved, use: reserved });

/** The change of the ledgers that returns a reservation and charges what was used, where there is either. */
export function settlement(reserved: Amount | undefined, used: Amount | undefined): LedgerChange | undefined {
  const use = used && someOf(used);
  if (reserved === undefined && use === undefined) return undefined;
  return { ...(reserved ? { release: reserved } : {}), ...(use ? { use } : {}) };
}

/** The amount, or nothing where it is nothing. */
export function someOf(amount: Amount): Amount | undefined {
  const some = Object.entries(amount).filter(([, value]) => value > 0);
  return some.length === 0 ? undefined : Object.fromEntries(some);
}
