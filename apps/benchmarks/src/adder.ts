import { defineAgent, defineTool } from '@prusik/agents';
import type { Engine } from '@prusik/durable';
import {
  experimental_streamLanguageModelCall,
  isStepCount,
  jsonSchema,
  tool,
  ToolLoopAgent,
  type ModelMessage,
  type ToolSet,
} from 'ai';
import { z } from 'zod';
import { instantModel } from './instant-model.ts';
import type { RawJournal } from './raw-sqlite.ts';
import { checkCompleted } from './workload.ts';

/** Tool calls of one turn. The last of its model calls, one more, says that it is done. */
const STEPS = 10;
const MODEL_CALLS = STEPS + 1;
const instructions = 'You add numbers.';
const prompt = 'Add them up.';
const description = 'Adds two numbers.';
const input = z.object({ a: z.number(), b: z.number() });
const add = async ({ a, b }: z.infer<typeof input>): Promise<{ sum: number }> => ({ sum: a + b });

/** The same turn of an agent, as others and as we make it. */
export type Turn = () => Promise<void>;
export type DurableTurn = (engine: Engine, id: string) => Promise<void>;

function checkDone(text: unknown): void {
  if (text !== 'done') throw new Error(`The turn ended with ${JSON.stringify(text)}`);
}

const sdkAgent = new ToolLoopAgent({
  model: instantModel(STEPS),
  instructions,
  tools: { add: tool({ description, inputSchema: input, execute: add }) },
  stopWhen: isStepCount(MODEL_CALLS),
});

export const sdkStream: Turn = async () => {
  const result = await sdkAgent.stream({ prompt });
  let text = '';
  for await (const part of result.stream) if (part.type === 'text-delta') text += part.text;
  checkDone(text);
};

/**
 * The SDK's loop by somebody who keeps by hand what a turn has come to: a transaction when it begins, before and after each call, and when it ends, with the
 * messages of ours, two entries fewer and no rule of a store. Nothing takes such a turn up again; it is what the disk costs.
 */
export function keptStream(journal: RawJournal): (run: number) => Promise<void> {
  let run = 0;
  let seq = 0;
  const write = (entry: object, message: object): void => {
    seq += 1;
    journal.insertEntry(run, seq, JSON.stringify(entry));
    journal.insertMessage(run, seq, JSON.stringify(message));
  };
  const keep = (entry: object, message: object): void => journal.inTransaction(() => write(entry, message));
  const agent = new ToolLoopAgent({
    model: instantModel(STEPS),
    instructions,
    tools: {
      add: tool({
        description,
        inputSchema: input,
        async execute(given, { toolCallId }) {
          const call = { toolCallId, toolName: 'add' };
          keep({ type: 'reply', calls: [call] }, { role: 'assistant', content: [{ ...call, input: given }] });
          const output = await add(given);
          keep({ type: 'result', call }, { role: 'tool', content: [{ ...call, output }] });
          return output;
        },
      }),
    },
    stopWhen: isStepCount(MODEL_CALLS),
  });
  return async (number) => {
    run = number;
    seq = 0;
    journal.inTransaction(() => {
      journal.insertRun(run, prompt);
      write({ type: 'start' }, { role: 'user', content: prompt });
    });
    const result = await agent.stream({ prompt });
    let text = '';
    for await (const part of result.stream) if (part.type === 'text-delta') text += part.text;
    journal.inTransaction(() => {
      write({ type: 'end' }, { role: 'assistant', content: text });
      journal.endRun(run);
    });
    checkDone(text);
  };
}

export const sdkGenerate: Turn = async () => {
  checkDone((await sdkAgent.generate({ prompt })).text);
};

const bareModel = instantModel(STEPS);
// Without a check of the SDK's: the loop makes its own, as ours does.
const bareTools: ToolSet = { add: { description, inputSchema: jsonSchema(z.toJSONSchema(input) as object) } };

/** What is left of a loop without all that one is for: it keeps nothing, checks the input of a call and nothing else, and fails as a whole. */
export const bareLoop: Turn = async () => {
  const messages: ModelMessage[] = [{ role: 'user', content: prompt }];
  for (let step = 0; step < MODEL_CALLS; step += 1) {
    const { stream } = await experimental_streamLanguageModelCall({
      model: bareModel,
      instructions,
      messages,
      tools: bareTools,
      _internal: { collectContent: false },
    });
    let text = '';
    const calls: { toolCallId: string; toolName: string; input: unknown }[] = [];
    for await (const part of stream) {
      if (part.type === 'text-delta') text += part.text;
      else if (part.type === 'tool-call') calls.push(part);
    }
    if (calls.length === 0) return checkDone(text);
    messages.push({
      role: 'assistant',
      content: calls.map(({ toolCallId, toolName, input: given }) => ({
        type: 'tool-call' as const,
        toolCallId,
        toolName,
        input: given,
      })),
    });
    for (const { toolCallId, toolName, input: given } of calls) {
      const value = await add(input.parse(given));
      messages.push({
        role: 'tool',
        content: [{ type: 'tool-result', toolCallId, toolName, output: { type: 'json', value } }],
      });
    }
  }
};

export const adder = (effect: 'repeatable' | 'once') =>
  defineAgent({
    name: 'adder',
    instructions,
    model: instantModel(STEPS),
    tools: [defineTool({ name: 'add', description, input, effect, execute: add })],
  });

/** Somebody reads all that happens, as somebody reads the SDK's stream. */
export const withReader: DurableTurn = async (engine, id) => {
  const { key } = await engine.start('adder', prompt, { id });
  let text = '';
  const read = async (): Promise<void> => {
    for await (const event of engine.events(key))
      if (event.live && event.event.type === 'step-delta') text += event.event.text;
  };
  const [result] = await Promise.all([engine.drive(key), read()]);
  checkCompleted(result);
  checkDone(text);
};

export const withoutReader: DurableTurn = async (engine, id) => {
  const result = await engine.run('adder', prompt, { id });
  checkCompleted(result);
  checkDone(result.status === 'completed' && result.output);
};
