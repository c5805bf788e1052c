import type { NodeSpec, TreeSpec, Work } from './tree-spec.ts';

/** The tree with as much left out as can be for `fails` to say yes, within so many tries. */
export async function shrink(
  tree: TreeSpec,
  fails: (smaller: TreeSpec) => Promise<boolean>,
  tries = 300,
): Promise<TreeSpec> {
  let left = tries;
  let smallest = tree;
  for (let found = true; found;) {
    found = false;
    for (const smaller of smallerTrees(smallest)) {
      if (left <= 0) return smallest;
      left -= 1;
      if (!(await fails(smaller))) continue;
      smallest = smaller;
      found = true;
      break;
    }
  }
  return smallest;
}

/** By one thing less; whole subtrees first. */
function* smallerTrees(tree: TreeSpec): Iterable<TreeSpec> {
  for (const index of tree.acts.keys()) yield { ...tree, acts: without(tree.acts, index) };
  for (const root of smallerNodes(tree.root)) yield { ...tree, root };
}

function* smallerNodes(node: NodeSpec): Iterable<NodeSpec> {
  for (const index of node.works.keys()) yield { ...node, works: without(node.works, index) };
  for (const [index, work] of node.works.entries())
    for (const smaller of smallerWorks(work)) yield { ...node, works: node.works.with(index, smaller) };
  const { budget: _, ...unlimited } = node;
  if (node.budget !== undefined) yield unlimited;
  const { timeoutMs: __, answers: ___, ...untimed } = node;
  if (node.timeoutMs !== undefined && !node.works.some(({ does }) => does === 'wait')) yield untimed;
  if (node.end !== 'returns' && node.end !== 'throws') yield { ...node, end: 'returns' };
}

function* smallerWorks(work: Work): Iterable<Work> {
  if (work.does === 'call') for (const child of smallerNodes(work.child)) yield { ...work, child };
  if (!('children' in work)) return;
  // The last one of a race ends by itself.
  if (work.children.length > 1)
    for (const index of work.children.keys())
      if (index < work.children.length - 1) yield { ...work, children: without(work.children, index) };
  for (const [index, child] of work.children.entries())
    for (const smaller of smallerNodes(child)) yield { ...work, children: work.children.with(index, smaller) };
}

const without = <T>(list: readonly T[], index: number): readonly T[] => list.filter((_, at) => at !== index);
