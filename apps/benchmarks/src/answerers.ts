import { defineAgent } from '@prusik/agents';
import { PAGE_LIMIT, type AnyDefinition, type DurableDefinition, type RunKey, type Store } from '@prusik/core';
import { createEngine, type Engine } from '@prusik/durable';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { generateText } from 'ai';
import { z } from 'zod';
import { instantModel } from './instant-model.ts';
import { timed } from './measure.ts';
import { checkCompleted, keyOf } from './workload.ts';

/** Children of one parent that run at once, and calls of the floor. */
const AT_ONCE = 8;
const instructions = 'You answer.';
const prompt = 'Are you there?';

/** One model call, and no tool. */
const answerer = defineAgent({ name: 'answerer', instructions, model: instantModel(0) });

function checkAnswers(answers: readonly unknown[], count: number): void {
  if (answers.length !== count || answers.some((answer) => answer !== 'done'))
    throw new Error(`${count} children answered with ${JSON.stringify(answers)}`);
}

/** As many calls of the SDK, as many at a time, of which nothing is kept. */
export async function generateTexts(count: number): Promise<void> {
  const model = instantModel(0);
  const answers: string[] = [];
  const waiting = Array.from({ length: count }).keys();
  async function lane(): Promise<void> {
    for (const index of waiting) answers[index] = (await generateText({ model, instructions, prompt })).text;
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count) }, lane));
  checkAnswers(answers, count);
}

/** Workflows that call workflows that call agents, each as many as `width`. */
export interface TreeShape {
  readonly width: number;
  /** Levels of children: 1 is a workflow and its agents. */
  readonly levels: number;
}

/** Runs of a tree but for its root. */
export function childrenOf({ width, levels }: TreeShape): number {
  return Array.from({ length: levels }, (_, level) => width ** (level + 1)).reduce((sum, runs) => sum + runs, 0);
}

/** All definitions of a tree, its root first. The root gives the answers of all agents, in their order. */
function treeOf({ width, levels }: TreeShape): readonly DurableDefinition<never, unknown, never>[] {
  if (levels === 0) return [answerer];
  const below = treeOf({ width, levels: levels - 1 });
  const tree = defineWorkflow({
    name: `level-${levels}`,
    input: z.string(),
    agents: { below: below[0] as AnyDefinition },
    delegation: { calls: childrenOf({ width, levels }), parallel: AT_ONCE, depth: levels },
    async run(ctx, input) {
      const items = Array.from({ length: width }, (_, index) => index);
      return (await ctx.fanOut(items, (_, { key }) => ctx.agents.below.run(key, input as never))).flat();
    },
  });
  return [tree, ...below];
}

/**
 * Milliseconds that so many trees of this shape take in a new store, one after the other, without what opens and closes it. Fails unless each did all of
 * its work: every agent has answered, and every child is on record as completed.
 */
export async function timeTrees(open: () => Store, shape: TreeShape, trees: number): Promise<number> {
  const store = open();
  const engine = createEngine({ store, definitions: treeOf(shape) });
  const ids = Array.from({ length: trees }, (_, index) => `tree-${index}`);
  try {
    const ms = await timed(async () => {
      for (const id of ids) await runTree(engine, shape, id);
    });
    for (const id of ids) await checkChildren(store, keyOf(id), shape);
    return ms;
  } finally {
    await engine[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
  }
}

async function runTree(engine: Engine, { width, levels }: TreeShape, id: string): Promise<void> {
  const result = await engine.run(`level-${levels}`, prompt, { id });
  checkCompleted(result);
  checkAnswers(result.status === 'completed' ? (result.output as readonly unknown[]) : [], width ** levels);
}

/** Fails unless the tree of this root has as many children as its shape says, all of them completed. */
export async function checkChildren(store: Store, { tenant, run: root }: RunKey, shape: TreeShape): Promise<void> {
  const expected = 1 + childrenOf(shape);
  let runs = 0;
  let after: string | undefined;
  do {
    const page = { limit: PAGE_LIMIT, ...(after === undefined ? {} : { after }) };
    const found = await store.listRuns({ tenant, root, status: ['completed'], ...page });
    runs += found.items.length;
    after = found.next;
  } while (after !== undefined);
  if (runs !== expected) throw new Error(`${runs} runs of the tree completed, not ${expected}`);
}
