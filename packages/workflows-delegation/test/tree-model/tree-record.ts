import { PrusikError, type Entry, type Ledger, type Run, type RunOutcome, type SerializedError } from '@prusik/core';
import { wordFor } from './tree-functions.ts';
import { ROOT, type TreeLife } from './tree-life.ts';
import { nodesOf, type NodeSpec, type TreeSpec } from './tree-spec.ts';

/** One run of the tree with all that is on record of it. */
export interface Played {
  readonly node: NodeSpec;
  readonly run: Run;
  readonly entries: readonly Entry[];
  readonly ledger: Ledger | undefined;
}

export async function playedOf(tree: TreeSpec, { store }: TreeLife): Promise<readonly Played[]> {
  const byName = new Map(nodesOf(tree.root).map((node) => [node.name, node]));
  const { items } = await store.listRuns({ tenant: ROOT.tenant, limit: 1_000 });
  return Promise.all(
    items.flatMap((run) => {
      const node = byName.get(run.definition);
      return node === undefined
        ? []
        : [
            (async () => ({
              node,
              run: (await store.run(run.key)) as Run,
              entries: await store.entries(run.key, { after: 0, limit: 1_000 }),
              ledger: await store.ledger(run.key),
            }))(),
          ];
    }),
  );
}

/** How a run ended, in the model's word. */
export function endOf({ status, error, partial }: Pick<RunOutcome, 'error' | 'partial'> & Pick<Run, 'status'>): string {
  if (status === 'completed') return partial === undefined ? 'completed' : 'partial';
  return status === 'failed' && error !== undefined ? wordFor(thrown(error)) : status;
}

const thrown = ({ code, message, meta }: SerializedError): PrusikError =>
  new PrusikError(code, message, meta === undefined ? {} : { meta });
