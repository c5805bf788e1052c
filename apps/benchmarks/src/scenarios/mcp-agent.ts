import { defineAgent, defineTool } from '@prusik/agents';
import { createEngine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { z } from 'zod';
import { withoutReader } from '../adder.ts';
import { instantModel } from '../instant-model.ts';
import { ISOLATIONS, withMcpPlace, type CallTool } from '../mcp-place.ts';
import { alternate, timed, toRow } from '../measure.ts';
import type { Scenario } from '../scenario.ts';

const scenario = 'mcp-agent';
const CALLS = 10;
const REVISION = '2026-07-28';

/** The tool as a program would write it by hand around whatever calls the server. */
const plainTool = (call: CallTool) =>
  defineTool({
    name: 'add',
    description: 'Adds two numbers.',
    input: z.object({ a: z.number(), b: z.number() }),
    effect: 'repeatable',
    execute: (input) => call('add', input),
  });

export const mcpAgent: Scenario = {
  name: scenario,
  about:
    'a tool call of an agent that has an MCP server as a source, store-memory; floor: the same agent with a plain tool',
  run: (bench) =>
    withMcpPlace(bench, async (place) => {
      const turns = bench.count(20);
      const runners = ISOLATIONS.map((isolation) => place.runner(REVISION, isolation));
      const common = { name: 'adder', instructions: 'You add numbers.' };
      const withTool = (call: CallTool) =>
        defineAgent({ ...common, model: instantModel(CALLS), tools: [plainTool(call)] });
      const [none, bubblewrap] = runners.map((runner) =>
        defineAgent({ ...common, model: instantModel(CALLS, 'bench_add'), sources: [runner.source()] }),
      );
      if (none === undefined || bubblewrap === undefined) throw new Error('A runner is missing');
      const agents = {
        // oxlint-disable-next-line require-await -- as a tool that has nothing to wait for
        plain: withTool(async (_tool, { a = 0, b = 0 }) => `${a + b}`),
        sdk: withTool(await place.sdk(REVISION)),
        none,
        bubblewrap,
      };
      const perCall = async (agent: (typeof agents)[keyof typeof agents]): Promise<number> => {
        const store = memoryStore();
        const engine = createEngine({ store, definitions: [agent] });
        try {
          const ms = await timed(async () => {
            for (let n = 0; n < turns; n += 1) await withoutReader(engine, `turn-${n}`);
          });
          return (ms * 1_000) / (turns * CALLS);
        } finally {
          await engine[Symbol.asyncDispose]();
          await store[Symbol.asyncDispose]();
        }
      };
      const subjects = {
        plain: () => perCall(agents.plain),
        sdk: () => perCall(agents.sdk),
        none: () => perCall(agents.none),
        bubblewrap: () => perCall(agents.bubblewrap),
      };
      try {
        for (let round = 0; round < bench.warmUp; round += 1) {
          bench.signal.throwIfAborted();
          for (const work of Object.values(subjects)) await work();
        }
        const samples = await alternate(bench, subjects);
        return ISOLATIONS.flatMap((isolation) => [
          {
            row: toRow(
              { scenario, subject: `${place.called(isolation)}, against a tool that only adds`, unit: 'µs/call' },
              samples[isolation],
              samples.plain,
            ),
          },
          {
            row: toRow(
              {
                scenario,
                subject: `${place.called(isolation)}, against a tool that calls by the SDK`,
                unit: 'µs/call',
              },
              samples[isolation],
              samples.sdk,
            ),
          },
        ]);
      } finally {
        for (const runner of runners) await runner[Symbol.asyncDispose]();
      }
    }),
};
