// A workflow calls an agent for each item, a few at a time, and cannot spend more than its policy says.
import assert from 'node:assert/strict';
import type { DurableContext } from '@prusik/core';
import { memoryStore } from '@prusik/store-memory';

const store = memoryStore();
// An agent of @prusik/agents fits here too: whatever is a durable function can be called.
const writer = {
  name: 'writer',
  kind: 'function',
  version: '1',
  run: (ctx: DurableContext, { area }: { area: string }) => ctx.step('write', () => `## ${area}`),
} as const;
// #region usage
import { withChildren } from '@prusik/core';
import { createEngine } from '@prusik/durable';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { z } from 'zod';

const release = defineWorkflow({
  name: 'release',
  input: z.object({ areas: z.array(z.string()) }),
  agents: { writer },
  delegation: { calls: 20, parallel: 4 },
  run: async (ctx, { areas }) => {
    // Killed in the middle, it goes on with the areas that are not written yet.
    const parts = await ctx.fanOut(areas, (area, { key }) => ctx.agents.writer.run(`write ${key}`, { area }));
    return parts.join('\n');
  },
});

const engine = createEngine({ store, definitions: withChildren(release) });
const result = await engine.run('release', { areas: ['core', 'docs'] }, { id: 'release-1' });
// #endregion usage
assert.equal(result.status === 'completed' && result.output, '## core\n## docs');
await engine[Symbol.asyncDispose]();
