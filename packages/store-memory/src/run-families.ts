import { comparePlaces, isFinal, type EndedRoot, type EndedRootQuery, type Place } from '@prusik/core';
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
  endedRoots(query: EndedRootQuery): readonly EndedRoot[];
}

interface Placed extends Place {
  readonly root?: Claimable;
}

export function createRunFamilies<Run extends Claimable>(): RunFamilies<Run> {
  const trees = createKeyed<Set<Run>>();
  const ended = new Map<string, SortedIndex<Placed>>();

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
      const roots = ended.get(tenant) ?? createSortedIndex<Placed>(comparePlaces);
      ended.set(tenant, roots);
      roots.add(placeOf(run));
    },
    remove(run) {
      const { key, root } = run.state;
      const tree = trees.get(key.tenant, root);
      if (tree?.delete(run) === true && tree.size === 0) trees.delete(key.tenant, root);
      ended.get(key.tenant)?.remove(placeOf(run));
    },
    treeOf: (tenant, root) => trees.get(tenant, root) ?? [],
    endedRoots({ tenant, newestFirst, after, limit }) {
      const found: EndedRoot[] = [];
      const [oldest, newest] = [-Number.MAX_VALUE, Number.MAX_VALUE];
      const roots = ended.get(tenant);
      const placed = newestFirst
        ? roots?.backFrom(after ?? { at: newest, number: 0 })
        : roots?.from(after === undefined ? { at: oldest, number: 0 } : { ...after, number: after.number + 1 });
      for (const { root } of placed ?? []) {
        if (found.length === limit) break;
        if (root !== undefined) found.push(describeEnded(root));
      }
      return found;
    },
  };
}

const placeOf = (run: Claimable): Placed => ({
  at: Number(run.state.endedAt),
  number: run.state.number,
  root: run,
});

function describeEnded({ state }: Claimable): EndedRoot {
  const { key, number, definition, status, session, endedAt, compactedAt } = state;
  // It stands in the index because it has ended.
  if (endedAt === null || !isFinal(status)) throw new Error(`Run ${key.run} has not ended`);
  return {
    key,
    number,
    definition,
    status,
    at: endedAt,
    compacted: compactedAt !== null,
    ...(session === undefined ? {} : { session }),
  };
}
