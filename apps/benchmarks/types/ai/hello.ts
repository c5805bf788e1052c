// The smallest program that is worth something, on the AI SDK alone: a model, a tool, an answer by a schema.
import { Output, tool, ToolLoopAgent, type LanguageModel } from 'ai';
import { z } from 'zod';

declare const model: Exclude<LanguageModel, string>;

const weather = tool({
  description: 'Tells the weather.',
  inputSchema: z.object({ city: z.string(), unit: z.enum(['C', 'F']).default('C') }),
  execute: ({ city, unit }) => ({ city, degrees: unit === 'C' ? 20 : 68 }),
});
const assistant = new ToolLoopAgent({
  model,
  instructions: 'You are a helpful assistant.',
  tools: { weather },
  output: Output.object({ schema: z.object({ answer: z.string() }) }),
});

const { output } = await assistant.generate({ prompt: 'How warm is it in Rome?' });
console.log(output.answer);
