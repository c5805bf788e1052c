import type { Store } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';
import { expect, it } from 'vitest';
import { checkChildren, childrenOf, timeTrees } from '../src/answerers.ts';
import { keyOf } from '../src/workload.ts';

/** A store that is read after its benchmark has closed it. */
const staysOpen = (store: Store): Store => ({ ...store, [Symbol.asyncDispose]: async () => {} });

it('a fan-out of 100 has 100 children, each with one model call and its answer', async () => {
  await using store = memoryStore();
  const shape = { width: 100, levels: 1 };

  await timeTrees(() => staysOpen(store), shape, 1);

  const parent = await store.run(keyOf('tree-0'));
  expect(parent?.output).toEqual(Array.from({ length: 100 }, () => 'done'));
  const { items } = await store.listRuns({ tenant: 'default', parent: 'tree-0', limit: 1_000 });
  expect(items).toHaveLength(100);
  for (const { key } of items) {
    expect(await store.run(key)).toMatchObject({ definition: 'answerer', output: 'done' });
    const entries = await store.entries(key, { after: 0, limit: 100 });
    expect(entries.filter((entry) => entry.type === 'step-end' && entry.kind === 'model')).toHaveLength(1);
  }
});

it('a tree of three levels has the children of all of them, and the answers of the lowest', async () => {
  await using store = memoryStore();
  const shape = { width: 3, levels: 3 };

  await timeTrees(() => staysOpen(store), shape, 2);

  expect(childrenOf(shape)).toBe(3 + 9 + 27);
  for (const id of ['tree-0', 'tree-1']) {
    expect((await store.run(keyOf(id)))?.output).toEqual(Array.from({ length: 27 }, () => 'done'));
    const { items } = await store.listRuns({ tenant: 'default', root: id, limit: 1_000 });
    expect(items.map(({ depth }) => depth).toSorted()).toEqual(
      [0, 1, 2, 3].flatMap((depth) => Array.from({ length: 3 ** depth }, () => depth)),
    );
  }
});

it('a tree with fewer children than its shape says does not count', async () => {
  await using store = memoryStore();
  await timeTrees(() => staysOpen(store), { width: 3, levels: 1 }, 1);

  await expect(checkChildren(store, keyOf('tree-0'), { width: 4, levels: 1 })).rejects.toThrow(
    '4 runs of the tree completed, not 5',
  );
});
