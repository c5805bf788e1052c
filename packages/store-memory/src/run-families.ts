import { createKeyed } from './keyed.ts';
import type { Claimable } from './run-index.ts';
import { createSortedIndex, type SortedIndex } from './sorted-index.ts';

/** Which runs make up a tree, and in which order roots have ended: what a removal goes by. */
export interface RunFamilies<Run extends Claimable> {
  add(run: Run): void;
  /** Once, when its state says so. */
  ended(run: Run): void;
  remove(run: Run): void;
  treeOf(tenant: string, root: string): Iterable<Run>;
  endedRoots(tenant: string): Iterable<Run>;
}

export function createRunFamilies<Run extends Claimable>(): RunFamilies<Run> {
  const trees = createKeyed<Set<Run>>();
  const ended = new Map<string, SortedIndex<Run>>();

  return {
    add(run) {
      const { key, root } = run.state;
      const tree = trees.get(key.tenant, root);
      if (tree === undefined) trees.set(key.tenant, root, new Set([run]));
      else tree.add(run);
    },
    ended(run) {
      if (run.state.parent !== undefined) return;
      const { tenant } = run.state.key;
      const roots =
        ended.get(tenant) ??
        createSortedIndex<Run>(
          ({ state: a }, { state: b }) => Number(a.endedAt) - Number(b.endedAt) || a.number - b.number,
        );
      ended.set(tenant, roots);
      roots.add(run);
    },
    remove(run) {
      const { key, root } = run.state;
      const tree = trees.get(key.tenant, root);
      if (tree?.delete(run) === true && tree.size === 0) trees.delete(key.tenant, root);
      ended.get(key.tenant)?.remove(run);
    },
    treeOf: (tenant, root) => trees.get(tenant, root) ?? [],
    endedRoots: (tenant) => ended.get(tenant) ?? [],
  };
}
