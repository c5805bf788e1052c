import { PrusikError, type NoRoom } from '@prusik/core';

/** What wants room in a budget that has none; `run` is the run whose budget it is. */
export function noRoomError(
  what: string,
  wanted: number,
  { run, dimension, limit, held }: NoRoom & { readonly run: string },
): PrusikError {
  const room = held ? 'has no room before others have settled theirs' : 'has no room left';
  return new PrusikError(
    'BUDGET_EXCEEDED',
    `${what} may take ${wanted} ${dimension}, for which the budget of run ${run}, ${limit}, ${room}`,
    { meta: { dimension, wanted, limit, run, held } },
  );
}
