import { checkBudget, narrowerBudget, type AnyDefinition, type Budget } from '@prusik/core';

/**
 * What a run may spend: by whoever calls it and by its definition, the narrower of both. A value of its own, since what the store
 * looks at only when it writes could say something else then.
 *
 * @throws {TypeError} for what is no budget.
 */
export function budgetOf(called: Budget | undefined, { budget }: Pick<AnyDefinition, 'budget'>): Budget | undefined {
  return narrowerBudget(own(called), own(budget));
}

function own(given: Budget | undefined): Budget | undefined {
  // Before it is narrowed, which would drop what it does not know.
  checkBudget(given);
  if (given === undefined) return undefined;
  const budget = { ...given };
  checkBudget(budget);
  return budget;
}
