import type { Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { sqliteStore } from '@prusik/store-sqlite';
import { childrenOf, timeTrees, type TreeShape } from '../answerers.ts';
import { alternate, atMostTimes, toRow, type Result } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';

export const tree: Scenario = {
  name: 'tree',
  about: 'workflows that call workflows that call agents, 10 × 10 × 10; floor: a child of trees of 10 × 10',
  async run(bench: Bench) {
    const width = Math.max(2, bench.count(10));
    return [
      ...(await rows(bench, 'store-memory', width, memoryStore)),
      ...(await rows(bench, 'store-sqlite, NORMAL', width, () =>
        sqliteStore({ path: bench.newPath(), synchronous: 'normal' }),
      )),
    ];
  },
};

/** Both do about as much in a sample: the small trees are as many as the large one has parts, each in a store of its own. */
async function rows(bench: Bench, where: string, width: number, open: () => Store): Promise<readonly Result[]> {
  const large: TreeShape = { width, levels: 3 };
  const small: TreeShape = { width, levels: 2 };
  const perChild = async (shape: TreeShape, trees: number): Promise<number> => {
    let ms = 0;
    for (let n = 0; n < trees; n += 1) ms += await timeTrees(open, shape, 1);
    return (ms * 1_000) / (trees * childrenOf(shape));
  };
  // One small tree warms up as much as a fan-out does.
  for (let round = 0; round < bench.warmUp; round += 1) {
    bench.signal.throwIfAborted();
    await perChild(small, 1);
  }
  const samples = await alternate(bench, {
    small: () => perChild(small, width),
    large: () => perChild(large, 1),
  });
  const subject = `${childrenOf(large)} against ${childrenOf(small)} children, ${where}`;
  const name = { scenario: 'tree', subject, unit: 'µs/child' };
  return [{ row: toRow(name, samples.large, samples.small), goal: atMostTimes(1.2) }];
}
