import type { DelegationRequest, DelegationState } from './delegation-policy.ts';
import type { RunInfo } from './durable-function.ts';
import { isPrusikError } from './errors.ts';

/** What ledgers have refused for good to the children of a run, as far as its delivered outcomes tell. */
export interface Exhaustion {
  /** Learns from what a call failed with. */
  note(error: unknown, request: DelegationRequest): void;
  of(request: DelegationRequest): Pick<DelegationState, 'outOfCalls' | 'outOfTokens' | 'outOfMoney'>;
}

/**
 * What was refused to one agent is refused to it for good, since what is used only grows; another one may want less. What the ledger of a child, or of
 * something below it, has refused says nothing of the next call: that ledger is not the next one's.
 */
export function createExhaustion(run: Pick<RunInfo, 'key' | 'parent' | 'root'>): Exhaustion {
  const refused = new Set<string>();
  // Of those between its parent and the root nothing is known: what their ledgers refuse, the next child is told again.
  const ledgers: ReadonlySet<unknown> = new Set([run.key.run, run.parent?.run ?? run.root, run.root]);
  return {
    note(error, request) {
      if (!isPrusikError(error, 'BUDGET_EXCEEDED')) return;
      const { dimension, run: owner, held } = error.meta;
      // What others only hold will be free again.
      if (typeof dimension === 'string' && held !== true && ledgers.has(owner))
        refused.add(dimension === 'runs' ? 'runs' : keyOf(dimension, request));
    },
    of: (request) => ({
      outOfCalls: refused.has('runs') || refused.has(keyOf('calls', request)),
      outOfTokens: refused.has(keyOf('tokens', request)),
      outOfMoney: refused.has(keyOf('costMicros', request)),
    }),
  };
}

const keyOf = (dimension: string, { agent, model }: DelegationRequest): string =>
  JSON.stringify([dimension, agent, model ?? null]);
