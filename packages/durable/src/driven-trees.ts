import { PAGE_LIMIT, runKeyText, type RunKey } from '@prusik/core';
import { startClaimLoop, type ClaimLoop, type Claiming } from './claim-loop.ts';
import type { DriveEnv } from './drive-env.ts';
import type { Driver } from './driver.ts';

/** The trees that callers of this engine want driven: one loop claims for all of them, since each of a thousand would wake for the others' news. */
export interface DrivenTrees {
  join(root: RunKey, member: TreeMember): JoinedTree;
}

/** Somebody who waits for a tree. */
export interface TreeMember {
  /** A drive of the tree is over, or the engine is closed. */
  onMoved(): void;
  /** Nothing of the tree can be claimed now. */
  onIdle(): void;
  /** The store refused a claim, and nothing of the tree is driven here. */
  onError(cause: unknown): void;
}

export interface JoinedTree {
  /** Has the store asked for runs of the tree. */
  ask(): void;
  /** Once. Resolves when no claim for a tree without members is under way. */
  leave(): Promise<void>;
  /** Gives back what is driven for the tree, unless others wait for it. Call it after leaving. */
  release(): Promise<void>;
}

/** Hardly any of those has something, so more of them are asked for at once than there are places; but one claim must not take long. */
const LOOKED_AT_A_CLAIM = 100;

interface Tree {
  readonly root: RunKey;
  readonly members: Set<TreeMember>;
}

export function createDrivenTrees(env: DriveEnv, driver: Driver): DrivenTrees {
  const trees = new Map<string, Tree>();
  /** Trees that the store has to be asked for, the longest waiting first. */
  const wanted = new Set<Tree>();
  /** Trees of which nothing was heard, and that are looked at all the same. */
  const around = new Set<Tree>();
  let claims: { readonly loop: ClaimLoop; readonly watches: readonly Disposable[] } | undefined;

  function want(tree: Tree): void {
    wanted.add(tree);
    claims?.loop.wake();
  }

  function next(places: number, due: boolean): Claiming | undefined {
    // Another process may have died, or a timer runs out, with a run of any tree, whether others of it are driven or not.
    if (due) for (const tree of trees.values()) around.add(tree);
    const looked = [...around].slice(0, LOOKED_AT_A_CLAIM);
    const asked = [...new Set([...[...wanted].slice(0, places), ...looked])].slice(0, PAGE_LIMIT);
    if (asked.length === 0) return undefined;
    for (const tree of asked) {
      wanted.delete(tree);
      around.delete(tree);
    }
    const of = new Map(asked.map((tree) => [runKeyText(tree.root), tree]));
    const nameOf = (run: { readonly key: RunKey; readonly root: string }): string =>
      runKeyText({ tenant: run.key.tenant, run: run.root });
    return {
      only: { roots: asked.map(({ root }) => root) },
      ownerOf: (run) => of.get(nameOf(run)) ?? run,
      onClaimed(taken, isAll) {
        for (const { run } of taken) of.delete(nameOf(run));
        if (isAll) for (const tree of of.values()) for (const member of tree.members) member.onIdle();
        // There may be more of them than there are places.
        else for (const tree of asked) if (tree.members.size > 0) wanted.add(tree);
        if (wanted.size > 0 || around.size > 0) claims?.loop.wake();
      },
      onError(cause) {
        for (const tree of asked) {
          if (tree.members.size === 0) continue;
          // Asked again with the next claim, after the pause that a failure takes.
          around.add(tree);
          // Whoever has something driven waits for that: its commits find out whether the store comes back.
          if (driver.active(tree.root) === 0) for (const member of tree.members) member.onError(cause);
        }
      },
    };
  }

  function start(): NonNullable<typeof claims> {
    const loop = startClaimLoop({ env, driver, next });
    const queue = env.store.watchQueue((root) => {
      const tree = root && trees.get(runKeyText(root));
      if (tree !== undefined) want(tree);
      else if (root === undefined) for (const any of trees.values()) want(any);
    });
    const drives = driver.watch((over, forSuspects) => {
      // Of these nothing is heard: they were runnable before, and there was no room.
      if (forSuspects) for (const tree of trees.values()) want(tree);
      const moved = over && trees.get(runKeyText({ tenant: over.key.tenant, run: over.root }));
      for (const tree of moved ? [moved] : driver.closed() ? trees.values() : [])
        for (const member of tree.members) member.onMoved();
    });
    return { loop, watches: [queue, drives] };
  }

  async function stopUnlessNeeded(): Promise<void> {
    if (trees.size > 0 || claims === undefined) return driver.inTurn(async () => {});
    const { loop, watches } = claims;
    claims = undefined;
    for (const watch of watches) watch[Symbol.dispose]();
    await loop[Symbol.asyncDispose]();
  }

  return {
    join(root, member) {
      const name = runKeyText(root);
      const tree = trees.get(name) ?? { root, members: new Set() };
      trees.set(name, tree);
      tree.members.add(member);
      claims ??= start();
      want(tree);
      return {
        ask: () => want(tree),
        async leave() {
          tree.members.delete(member);
          if (tree.members.size === 0) {
            wanted.delete(tree);
            around.delete(tree);
            if (trees.get(name) === tree) trees.delete(name);
          }
          await stopUnlessNeeded();
        },
        async release() {
          if (tree.members.size === 0) await driver.release(tree);
        },
      };
    },
  };
}
