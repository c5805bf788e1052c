import type { ClaimQuery, RunKey, RunState, StoreTables } from '@prusik/core';
import { createKeyed } from './keyed.ts';
import { createRunIndex, type Claimable, type RunIndex } from './run-index.ts';

/** Which runs a claim finds: among all, in trees that it names, or one alone. A run is taken out before its state changes, and put back after. */
export interface ClaimableRuns {
  readonly tables: Pick<StoreTables, 'ready' | 'timers' | 'leases' | 'deadlines'>;
  add(run: Claimable): void;
  remove(run: Claimable): void;
}

export function createClaimableRuns(find: (run: RunKey) => Claimable | undefined): ClaimableRuns {
  const everything = createRunIndex();
  const trees = createKeyed<RunIndex>();

  function* among(query: ClaimQuery, which: (index: RunIndex) => Iterable<Claimable>): Iterable<RunState> {
    for (const { state } of which(indexFor(query))) yield state;
  }

  function indexFor({ only }: ClaimQuery): RunIndex {
    if (only === undefined) return everything;
    const named = createRunIndex();
    if ('run' in only) {
      const found = find(only.run);
      if (found !== undefined) named.add(found);
      return named;
    }
    // A tree that is named twice is one tree.
    const found = new Set(only.roots.flatMap(({ tenant, run }) => trees.get(tenant, run) ?? []));
    const [first] = found;
    if (first !== undefined && found.size === 1) return first;
    for (const tree of found) for (const run of tree.all()) named.add(run);
    return named;
  }

  return {
    tables: {
      ready: (query) => among(query, (index) => index.ready),
      timers: (query) => among(query, (index) => index.timers),
      leases: (query) => among(query, (index) => index.leases),
      deadlines: (query) => among(query, (index) => index.deadlines),
    },
    add(run) {
      const { key, root } = run.state;
      const tree = trees.get(key.tenant, root) ?? createRunIndex();
      everything.add(run);
      tree.add(run);
      if (tree.isEmpty()) trees.delete(key.tenant, root);
      else trees.set(key.tenant, root, tree);
    },
    remove(run) {
      const { key, root } = run.state;
      everything.remove(run);
      trees.get(key.tenant, root)?.remove(run);
    },
  };
}
