import { defineAgent, defineTool } from '@prusik/agents';
import { createEngine, type Engine } from '@prusik/durable';
import { memoryStore } from '@prusik/store-memory';
import { isStepCount, tool, ToolLoopAgent } from 'ai';
import { z } from 'zod';
import { instantModel } from '../instant-model.ts';
import { alternate, atMostTimes, timed, toRow } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { checkCompleted } from '../workload.ts';

const STEPS = 10;
/** One model call more than tools: the last one says that it is done. */
const MODEL_CALLS = STEPS + 1;
const instructions = 'You add numbers.';
const prompt = 'Add them up.';
const description = 'Adds two numbers.';
const input = z.object({ a: z.number(), b: z.number() });
const add = async ({ a, b }: z.infer<typeof input>): Promise<{ sum: number }> => ({ sum: a + b });

const sdkAgent = new ToolLoopAgent({
  model: instantModel(STEPS),
  instructions,
  tools: { add: tool({ description, inputSchema: input, execute: add }) },
  stopWhen: isStepCount(MODEL_CALLS),
});

const agentOf = (effect: 'repeatable' | 'once') =>
  defineAgent({
    name: 'adder',
    instructions,
    model: instantModel(STEPS),
    tools: [defineTool({ name: 'add', description, input, effect, execute: add })],
  });

function checkDone(text: unknown): void {
  if (text !== 'done') throw new Error(`The turn ended with ${JSON.stringify(text)}`);
}

async function sdkStream(): Promise<void> {
  const result = await sdkAgent.stream({ prompt });
  let text = '';
  for await (const part of result.stream) if (part.type === 'text-delta') text += part.text;
  checkDone(text);
}

async function sdkGenerate(): Promise<void> {
  checkDone((await sdkAgent.generate({ prompt })).text);
}

/** Somebody reads all that happens, as somebody reads the SDK's stream. */
async function withReader(engine: Engine, id: string): Promise<void> {
  const { key } = await engine.start('adder', prompt, { id });
  let text = '';
  const read = async (): Promise<void> => {
    for await (const event of engine.events(key))
      if (event.live && event.event.type === 'step-delta') text += event.event.text;
  };
  const [result] = await Promise.all([engine.drive(key), read()]);
  checkCompleted(result);
  checkDone(text);
}

async function withoutReader(engine: Engine, id: string): Promise<void> {
  const result = await engine.run('adder', prompt, { id });
  checkCompleted(result);
  checkDone(result.status === 'completed' && result.output);
}

type Turn = (engine: Engine, id: string) => Promise<void>;

const scenario = 'agent-loop';

export const agentLoop: Scenario = {
  name: scenario,
  about: 'turns of 10 tool calls with a model that takes no time, store-memory; floor: ToolLoopAgent of ai',
  async run(bench: Bench) {
    const turns = bench.count(100);
    const perTurn = async (turn: (id: string) => Promise<void>): Promise<number> => {
      const ms = await timed(async () => {
        for (let n = 0; n < turns; n += 1) await turn(`turn-${n}`);
      });
      return (ms * 1_000) / turns;
    };
    const ours = (effect: 'repeatable' | 'once', turn: Turn) => async (): Promise<number> => {
      const store = memoryStore();
      const engine = createEngine({ store, definitions: [agentOf(effect)] });
      try {
        return await perTurn((id) => turn(engine, id));
      } finally {
        await engine[Symbol.asyncDispose]();
        await store[Symbol.asyncDispose]();
      }
    };
    const samples = await alternate(bench, {
      stream: () => perTurn(sdkStream),
      generate: () => perTurn(sdkGenerate),
      read: ours('repeatable', withReader),
      unread: ours('repeatable', withoutReader),
      once: ours('once', withReader),
    });
    const { stream, generate, read, unread, once } = samples;
    const row = (subject: string, of: readonly number[], floor: readonly number[]) =>
      toRow({ scenario, subject, unit: 'µs/turn' }, of, floor);
    return [
      { row: row('events read, against stream', read, stream), goal: atMostTimes(0.5) },
      { row: row('result only, against generate', unread, generate), goal: atMostTimes(1.2) },
      { row: row('once tools, events read, against stream', once, stream) },
    ];
  },
};
