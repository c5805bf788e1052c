import { disposable, runKeyText, type Run } from '@prusik/core';

type OfTree = Pick<Run, 'key' | 'root'>;

/** Steps of this engine that wait for what others of their tree hold in reserve. */
export interface Room {
  /** Calls back once, when it is worth asking again. */
  wait(run: OfTree, on: () => void): Disposable;
  /** Something was settled, or somebody who waited got what it wanted and may have left some. Whoever waits the longest asks first; the next does when that one has got its own. */
  freed(run: OfTree): void;
}

export function createRoom(): Room {
  const waiting = new Map<string, Set<() => void>>();
  const treeOf = ({ key, root }: OfTree): string => runKeyText({ tenant: key.tenant, run: root });

  function leave(tree: string, on: () => void): void {
    const others = waiting.get(tree);
    others?.delete(on);
    if (others?.size === 0) waiting.delete(tree);
  }

  return {
    wait(run, on) {
      const tree = treeOf(run);
      const others = waiting.get(tree);
      if (others === undefined) waiting.set(tree, new Set([on]));
      else others.add(on);
      return disposable(() => leave(tree, on));
    },
    freed(run) {
      if (waiting.size === 0) return;
      const tree = treeOf(run);
      const [first] = waiting.get(tree) ?? [];
      if (first === undefined) return;
      leave(tree, first);
      first();
    },
  };
}
