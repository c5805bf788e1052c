import { memoryStore } from '@prusik/store-memory';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { defineHarness } from '../src/index.ts';

async function textOf(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all).toString();
}

it('REC-5: what a run and the runs that it calls have made is listed at the root, by id or key, and read', async () => {
  const draft = defineWorkflow({
    name: 'draft',
    input: z.object({ part: z.string() }),
    run: (ctx, { part }) =>
      ctx.step('write', async ({ artifact }) => {
        await artifact(`${part}.md`, `# ${part}`, { type: 'text/markdown' });
      }),
  });
  const report = defineWorkflow({
    name: 'report',
    input: z.object({}),
    agents: { draft },
    delegation: { agents: ['draft'], calls: 2, parallel: 1, depth: 1 },
    async run(ctx) {
      for (const part of ['one', 'two']) await ctx.agents.draft.run(part, { part });
    },
  });
  await using harness = defineHarness({ store: memoryStore(), workflows: { report, draft }, ephemeral: true });

  expect(await harness.run('report', {}, { id: 'r' })).toMatchObject({ status: 'completed' });

  const artifacts = await harness.artifacts('r');
  expect(artifacts.map(({ name }) => name).toSorted()).toEqual(['one.md', 'two.md']);
  expect(await harness.artifacts({ tenant: 'default', run: 'r' })).toEqual(artifacts);
  const texts = await Promise.all(artifacts.map((artifact) => textOf(harness.readArtifact(artifact))));
  expect(texts.toSorted()).toEqual(['# one', '# two']);
  await harness.engine.store.remove({ tenant: 'default', run: 'r' });
  expect(await harness.artifacts('r')).toEqual([]);
  await harness.engine.store.sweepBlobs({ graceMs: 0 });
  const [first] = artifacts;
  await expect(textOf(harness.readArtifact(first!))).rejects.toMatchObject({ code: 'BLOB_UNKNOWN' });
});
