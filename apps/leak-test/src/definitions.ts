import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { askTool, defineAgent, defineTool, modelRegistry } from '@prusik/agents';
import { defineSandboxTools } from '@prusik/agents/sandbox-tools';
import { defineSlot, PrusikError, type Sandbox } from '@prusik/core';
import type { Harness } from '@prusik/harness';
import type { McpRunner } from '@prusik/mcp-runner';
import { defineWorkflow } from '@prusik/workflows-delegation';
import { z } from 'zod';
import type { Order } from './order.ts';
import type { Mistakes } from './mistakes.ts';

const memory = defineSlot({ name: 'memory', schema: z.object({ held: z.string() }), initial: { held: '' } });

/** Agents, tools and workflows that meet all words of `order`. */
export function createDefinitions({ words, provider }: Order, mcp: McpRunner, sandbox: Sandbox, mistakes: Mistakes) {
  const served = createOpenAICompatible({
    name: 'local',
    baseURL: `${provider}/v1`,
    apiKey: words.providerKey,
    headers: { 'x-tenant': words.providerHeader },
    queryParams: { account: words.providerQuery },
    includeUsage: true,
  });
  const lookUp = defineTool({
    name: 'look_up',
    description: 'Looks something up.',
    input: z.object({ question: z.string(), key: z.string() }),
    effect: 'repeatable',
    async execute({ question }, { artifact, note, metrics }) {
      mistakes.inTool(question);
      note('finding', { text: `${words.note} ${mistakes.recorded()}` });
      await artifact('report', `It says ${words.artifact}`, { type: 'text/plain', title: words.artifactTitle });
      metrics.add('desk.lookups');
      return `"${words.toolResult}" – ö`;
    },
  });
  const fails = defineTool({
    name: 'fails',
    description: 'Fails.',
    input: z.object({}),
    effect: 'repeatable',
    execute() {
      const error = Object.assign(new Error(`no "${words.toolError}" – ö`), { code: `E ${words.toolError}` });
      mistakes.ofTool(error);
      throw error;
    },
  });
  const remember = defineTool({
    name: 'remember',
    description: 'Remembers.',
    input: z.object({}),
    effect: 'repeatable',
    async execute(_, { slots }) {
      await slots.set(memory, { held: words.sessionState });
      return 'remembered';
    },
  });
  const publish = defineTool({
    name: 'publish',
    description: 'Publishes.',
    input: z.object({ text: z.string() }),
    approval: 'always',
    execute: () => 'published',
  });
  const limits = { steps: 24, modelAttempts: 1 };
  const desk = defineAgent({
    name: 'desk',
    instructions: `Mind "${words.instructions}" – ö`,
    model: 'desk',
    tools: [
      lookUp,
      fails,
      remember,
      publish,
      askTool(),
      ...defineSandboxTools({
        tools: ['read', 'write', 'bash'],
        sandbox,
        approval: { write: 'never', bash: 'never' },
      }),
    ],
    sources: [mcp.source()],
    limits,
  });
  const guide = defineAgent({
    name: 'guide',
    instructions: '',
    model: 'guide',
    tools: [lookUp, fails, publish, askTool()],
    limits,
  });
  const broken = defineAgent({ name: 'broken', instructions: '', model: 'broken', limits });
  const cut = defineAgent({ name: 'cut', instructions: '', model: 'cut', limits });
  const shaky = defineAgent({ name: 'shaky', instructions: '', model: 'shaky', limits });
  const plan = defineWorkflow({
    name: 'plan',
    input: z.object({ wish: z.string() }),
    agents: { shaky },
    delegation: { calls: 2 },
    async run(ctx, { wish }) {
      mistakes.inFunction(wish);
      ctx.log(words.logLine, { said: words.logLine });
      ctx.metrics.add('plan.wishes');
      await ctx.step(`step of ${words.stepKey}`, ({ metrics }) => metrics.record('plan.weight', 1));
      await ctx.agents.shaky.run('call', words.prompt);
      await ctx.receive('go');
      await ctx.sleep('pause', 1);
      return { made: `"${words.runOutput}" – ö` };
    },
  });
  const failing = defineWorkflow({
    name: 'failing',
    input: z.string(),
    async run(ctx) {
      const asked = ctx.step(
        `step of ${words.stepKey}`,
        () => {
          throw new Error(words.workflowError);
        },
        { retry: { attempts: 2, backoffMs: 1 } },
      );
      await asked.catch(() => {});
      throw Object.assign(new Error(`no "${words.workflowError}" – ö`), { name: words.workflowError });
    },
  });
  const miscoded = defineWorkflow({
    name: 'miscoded',
    input: z.object({}),
    async run(ctx) {
      const fail = (): never => {
        const meta = { detail: words.authorMeta, [words.authorMeta]: 1 };
        throw new PrusikError(`no ${words.authorCode}`, `It is ${words.authorCode}`, { meta });
      };
      await ctx.step('coded', fail, { retry: { attempts: 2, backoffMs: 1, retryable: () => true } }).catch(() => {});
      fail();
    },
  });
  const models = modelRegistry({
    desk: served('desk'),
    guide: served('guide'),
    broken: served('broken'),
    cut: served('cut'),
    shaky: { model: served('overloaded'), fallbacks: [served('shaky')] },
  });
  return { agents: { desk, guide, broken, cut, shaky }, workflows: { plan, failing, miscoded }, models };
}

export type Definitions = ReturnType<typeof createDefinitions>;
export type AppHarness = Harness<Definitions['agents'] & Definitions['workflows'], { readonly user: string }>;
