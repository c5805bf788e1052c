// The same program on Prusik, with a store.
import { defineAgent, defineTool, type LanguageModelObject } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { memoryStore } from '@prusik/store-memory';
import { z } from 'zod';

declare const model: LanguageModelObject;

const weather = defineTool({
  name: 'weather',
  description: 'Tells the weather.',
  input: z.object({ city: z.string(), unit: z.enum(['C', 'F']).default('C') }),
  execute: ({ city, unit }) => ({ city, degrees: unit === 'C' ? 20 : 68 }),
});
const assistant = defineAgent({
  name: 'assistant',
  model,
  instructions: 'You are a helpful assistant.',
  tools: [weather],
  output: z.object({ answer: z.string() }),
});

const harness = defineHarness({ store: memoryStore(), agents: { assistant } });
const result = await harness.run('assistant', 'How warm is it in Rome?');
if (result.status === 'completed') console.log(result.output.answer);
