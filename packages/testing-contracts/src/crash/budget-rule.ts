import type { Amount, Entry, StepPause } from '@prusik/core';
import type { RunRecord } from './record.ts';
import type { Found, Rule } from './rule.ts';

const DIMENSIONS = ['calls', 'tokens', 'costMicros'] as const;

/**
 * Each ledger has what the journals of its run and of all below it say, and holds nothing. What was reserved was settled by its outcome or charged in
 * full, what was told was used, and each run below was counted once.
 */
export const BUDGET_RULE: Rule = {
  name: 'budget-unsettled',
  *broken(found) {
    for (const { run, ledger } of found.runs) {
      if (ledger === undefined) continue;
      const { reserved, used, limits } = ledger;
      const says = (message: string) => ({ run: run.key.run, message: `its ledger ${message}` });
      if (Object.values(reserved).some((amount) => amount !== 0))
        yield says(`still reserves ${JSON.stringify(reserved)}`);
      const tree = treeOf(found, run.key.run);
      const below = tree.length - 1;
      if (used.runs !== below) yield says(`has ${used.runs} runs, and ${below} are below it`);
      const executions = tree.flatMap(({ entries }) => executionsIn(entries));
      const granted = (dimension: keyof Amount, some = executions): number =>
        some.reduce((sum, { reserved: amount }) => sum + (amount[dimension] ?? 0), 0);
      const told = toldIn(tree);
      for (const dimension of DIMENSIONS) {
        const least =
          dimension === 'calls'
            ? granted(
                'calls',
                executions.filter(({ charged }) => charged),
              )
            : told[dimension];
        if (used[dimension] < least) yield says(`has ${used[dimension]} ${dimension}, and at least ${least} were used`);
        const most = granted(dimension) + (dimension === 'calls' ? 0 : told[dimension]);
        // Where only runs are limited nothing is reserved.
        if (limits[dimension] !== undefined && used[dimension] > most)
          yield says(`has ${used[dimension]} ${dimension}, and at most ${most} were used`);
      }
    }
  },
};

/** The run and all below it. */
function treeOf({ runs }: Found, top: string): readonly RunRecord[] {
  const inside = new Set([top]);
  for (let before = 0; before < inside.size;) {
    before = inside.size;
    for (const { run } of runs) if (run.parent !== undefined && inside.has(run.parent.run)) inside.add(run.key.run);
  }
  return runs.filter(({ run }) => inside.has(run.key.run));
}

/** One that reserved something; `charged` where it counts as a call for certain: it was not refused, and is not known not to have happened. */
interface ReservedExecution {
  readonly reserved: Amount;
  readonly charged: boolean;
}

function executionsIn(entries: readonly Entry[]): readonly ReservedExecution[] {
  const last = new Map<string, StepPause>();
  return entries.flatMap((entry, index): ReservedExecution[] => {
    if (entry.type === 'step-pause') last.set(entry.key, entry);
    if (entry.type !== 'step-intent' || entry.reserved === undefined) return [];
    const failures = last.get(entry.key)?.failures ?? 0;
    const next = entries.slice(index + 1).find((one) => 'key' in one && one.key === entry.key);
    const refused = next?.type === 'step-pause' && next.failures === failures;
    const happened = next?.type === 'step-end' && next.outcome.ok;
    return [{ reserved: entry.reserved, charged: happened || (entry.effect !== 'once' && !refused) }];
  });
}

function toldIn(tree: readonly RunRecord[]): { readonly tokens: number; readonly costMicros: number } {
  const ends = tree.flatMap(({ entries }) => entries.flatMap((entry) => (entry.type === 'step-end' ? [entry] : [])));
  return {
    tokens: ends.reduce((sum, { usage }) => sum + (usage?.inputTokens ?? 0) + (usage?.outputTokens ?? 0), 0),
    costMicros: ends.reduce((sum, { costMicros = 0 }) => sum + costMicros, 0),
  };
}
