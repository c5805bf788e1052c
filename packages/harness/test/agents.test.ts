import { defineAgent, defineTool, modelRegistry } from '@prusik/agents';
import type { PrusikError } from '@prusik/core';
import { defineHarness } from '@prusik/harness';
import { memoryStore } from '@prusik/store-memory';
import { fakeClock, scriptedModel } from '@prusik/testing-contracts';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';

const published: string[] = [];
const publish = defineTool({
  name: 'publish',
  description: 'Publishes a text.',
  input: z.object({ text: z.string() }),
  approval: 'always',
  execute: ({ text }, { deps }: { readonly deps: unknown }) => {
    published.push(`${text} on ${String(deps)}`);
    return 'published';
  },
});
const writer = defineAgent({ name: 'writer', instructions: 'Write.', model: 'fast' });
const editor = defineAgent({ name: 'editor', instructions: 'Publish.', model: 'careful', tools: [publish] });
const release = defineWorkflow({
  name: 'release',
  input: z.object({ areas: z.array(z.string()) }),
  agents: { writer, editor },
  delegation: { parallel: 1 },
  run: async (ctx, { areas }) => {
    const parts = await ctx.fanOut(areas, (area, { key }) => ctx.agents.writer.run(`write ${key}`, area));
    return ctx.agents.editor.run('edit', parts.join('\n'));
  },
});

describe('a harness with agents', () => {
  it('WFL-1, REQ-7: a workflow drafts with agents, and a person approves at the root what one of them does', async () => {
    const fast = scriptedModel(['draft one', 'draft two']);
    const careful = scriptedModel([{ call: 'publish', input: { text: 'both' } }, 'All published.']);
    const harness = defineHarness({
      store: memoryStore(),
      ephemeral: true,
      workflows: { release },
      models: modelRegistry({ fast, careful }),
      deps: () => 'paper',
      limits: { parkAfterMs: 0 },
    });
    onTestFinished(() => Promise.resolve(harness[Symbol.asyncDispose]()));

    const waiting = await harness.run('release', { areas: ['core', 'docs'] }, { id: 'release-1' });
    expect(waiting).toMatchObject({ status: 'waiting' });
    const { items } = await harness.requests({ kind: ['approval'] });
    expect(items).toMatchObject([{ root: 'release-1', definition: 'editor', body: { tool: 'publish' } }]);
    expect(published).toEqual([]);

    await harness.approve('release-1', items[0]!.id, { by: 'ada' });

    expect(await harness.drive('release-1')).toMatchObject({ status: 'completed', output: 'All published.' });
    expect(published).toEqual(['both on paper']);
    fast.assertFinished();
    careful.assertFinished();
  });

  it('WFL-2: a call may ask for another model that its policy lists, and for no other', async () => {
    const models = { fast: scriptedModel(['by fast']), large: scriptedModel(['by large']), tiny: scriptedModel([]) };
    const pick = defineWorkflow({
      name: 'pick',
      input: z.null(),
      agents: { writer },
      delegation: { models: ['tiny'], agentModels: { writer: ['large'] } },
      run: async (ctx) => [
        await ctx.agents.writer.run('own', 'a'),
        await ctx.agents.writer.run('other', 'a', { model: 'large' }),
        await ctx.agents.writer
          .run('none', 'a', { model: 'tiny' })
          .catch((error: PrusikError) => String(error.meta['reason'])),
      ],
    });
    const harness = defineHarness({
      store: memoryStore(),
      ephemeral: true,
      workflows: { pick },
      models: modelRegistry(models),
    });
    onTestFinished(() => Promise.resolve(harness[Symbol.asyncDispose]()));

    expect(await harness.run('pick', null, { id: 'one' })).toMatchObject({
      output: ['by fast', 'by large', 'model_not_allowed'],
    });
    const { items } = await harness.engine.store.listRuns({ tenant: 'default', parent: 'one', limit: 10 });
    expect(items.map((run) => run.definition).toSorted()).toEqual(['writer', 'writer@large']);
    expect(harness.inspect().definitions.map((definition) => definition.name)).toEqual(['pick', 'writer']);
  });

  it('DEF-6: two harnesses share an agent, and each gives it its own model', async () => {
    const assembled = (reply: string) =>
      defineHarness({
        store: memoryStore(),
        agents: { writer },
        models: modelRegistry({ fast: scriptedModel([reply]) }),
      });
    const [one, two] = [assembled('from one'), assembled('from two')];
    onTestFinished(() => Promise.resolve(one[Symbol.asyncDispose]()));
    onTestFinished(() => Promise.resolve(two[Symbol.asyncDispose]()));

    expect(await one.run('writer', 'a')).toMatchObject({ output: 'from one' });
    expect(await two.run('writer', 'a')).toMatchObject({ output: 'from two' });
  });

  it('DEF-1, DEF-6: the clock and the ids of the harness reach the agents in it, save those that an agent names itself', async () => {
    const clock = fakeClock();
    const model = scriptedModel([['Half', { stallMs: 1_000_000 }]], { clock });
    const limits = { modelStallMs: 20_000, modelAttempts: 1 };
    const slow = defineAgent({ name: 'slow', instructions: '', model, limits });
    const own = defineAgent({ name: 'own', instructions: '', model: 'fast', newId: () => 'named-by-itself' });
    let made = 0;
    const harness = defineHarness({
      store: memoryStore({ clock }),
      agents: { slow, own },
      models: modelRegistry({ fast: scriptedModel(['Yes.']) }),
      clock,
      newId: () => `id-${(made += 1)}`,
    });
    onTestFinished(() => Promise.resolve(harness[Symbol.asyncDispose]()));

    const stalled = harness.run('slow', 'Go', { id: 'slow-1' });
    void (async () => {
      for await (const event of harness.events('slow-1'))
        if (event.live && event.event.type === 'step-delta') clock.advance(20_000);
    })();
    expect(await stalled).toMatchObject({ status: 'failed', error: { code: 'MODEL_STALLED' } });
    await harness.run('own', 'Go', { id: 'own-1' });

    const opening = async (id: string) =>
      (await harness.engine.store.messages({ tenant: 'default', of: 'run', id }, { after: 0, limit: 1 }))[0]?.message
        .id;
    expect(await opening('slow-1')).toMatch(/^id-\d+$/);
    expect(await opening('own-1')).toBe('named-by-itself');
  });

  it('DEF-3, DEF-4: aliases, tools and approvals are known before anything runs', () => {
    const models = modelRegistry({ fast: scriptedModel([]), careful: scriptedModel([]) });
    const define = (ephemeral: boolean) =>
      defineHarness({ store: memoryStore(), agents: { editor }, models, ephemeral });

    expect(() => define(false)).toThrow('editor: approvals of publish would be lost with the process');
    expect(define(true).inspect()).toMatchObject({
      models: [
        { alias: 'fast', asked: [{ provider: 'scripted', modelId: 'scripted' }] },
        { alias: 'careful', asked: [{ provider: 'scripted', modelId: 'scripted' }] },
      ],
      definitions: [
        {
          name: 'editor',
          model: 'careful',
          tools: [
            { name: 'publish', effect: 'once', approval: 'always', timeoutMs: 120_000, parallel: true, requires: [] },
          ],
          limits: { steps: 16, toolCalls: 64, tokens: null },
        },
      ],
    });
    const own = defineAgent({
      name: 'own',
      instructions: '',
      model: scriptedModel([], { provider: 'p', modelId: 'm' }),
    });
    expect(defineHarness({ store: memoryStore(), agents: { own } }).inspect().definitions).toMatchObject([
      { name: 'own', model: { provider: 'p', modelId: 'm' } },
    ]);
    const weak = modelRegistry({
      fast: scriptedModel([]),
      careful: { model: scriptedModel([]), fallbacks: ['weak'] },
      weak: { model: scriptedModel([], { provider: 'p', modelId: 'm' }), capabilities: { tools: false } },
    });
    expect(() => defineHarness({ store: memoryStore(), agents: { editor }, models: weak, ephemeral: true })).toThrow(
      'editor: it has tools, and its model careful may be p/m, which calls none: use another model',
    );
    const long = defineAgent({
      name: 'long',
      instructions: '',
      model: scriptedModel([]),
      context: { summaryModel: 'cheap' },
    });
    expect(() => defineHarness({ store: memoryStore(), agents: { long }, models })).toThrow(
      'long: context.summaryModel names the model cheap, which is not known: the registry has fast, careful',
    );
    // A registry from a program without types does not know better.
    const untyped: object = { store: memoryStore(), agents: { editor }, models: modelRegistry({}), ephemeral: true };
    expect(() => defineHarness(untyped as Parameters<typeof defineHarness>[0])).toThrow(
      'editor: model names the model careful, which is not known: give the harness models',
    );
  });
});

describe('AGT-7: a run of an agent with another model', () => {
  it('is started by name with an alias of the registry, in any process, and the record says which', async () => {
    const store = memoryStore();
    const careful = scriptedModel(['carefully']);
    const open = () => {
      const models = modelRegistry({ fast: scriptedModel([]), careful });
      const harness = defineHarness({ store, ephemeral: true, agents: { writer }, models, keepOpen: ['store'] });
      onTestFinished(() => Promise.resolve(harness[Symbol.asyncDispose]()));
      return harness;
    };

    await open().start('writer', 'Go', { id: 'r', model: 'careful' });
    const result = await open().drive('r');

    expect(result).toMatchObject({ status: 'completed', output: 'carefully' });
    expect(await store.run({ tenant: 'default', run: 'r' })).toMatchObject({ definition: 'writer@careful' });
    careful.assertFinished();
  });

  it('is refused for an alias that is not registered, for a workflow, and for names that are too long', async () => {
    const long = defineAgent({ name: 'x'.repeat(60), instructions: '', model: 'fast' });
    const harness = defineHarness({
      store: memoryStore(),
      ephemeral: true,
      agents: { writer, [long.name]: long },
      workflows: { release },
      models: modelRegistry({ fast: scriptedModel([]), careful: scriptedModel([]) }),
      deps: () => 'paper',
    });
    onTestFinished(() => Promise.resolve(harness[Symbol.asyncDispose]()));

    await expect(harness.run('writer', 'Go', { model: 'other' as never })).rejects.toMatchObject({
      code: 'MODEL_UNKNOWN',
    });
    await expect(harness.run('release', { areas: [] }, { model: 'fast' })).rejects.toThrow(/release is no agent/);
    await expect(harness.run(long.name as never, 'Go' as never, { model: 'fast' })).rejects.toThrow(/too long/);
  });
});
