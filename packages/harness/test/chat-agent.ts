import { defineAgent, defineTool, type AnyAgent } from '@prusik/agents';
import { z } from 'zod';

/** An agent with one tool, which waits for a person. */
export function chatAgent(model: unknown): AnyAgent {
  const publish = defineTool({
    name: 'publish',
    description: 'Publishes.',
    input: z.object({ q: z.string() }),
    approval: 'always',
    execute: ({ q }) => `published ${q}`,
  });
  type Model = Parameters<typeof defineAgent>[0]['model'];
  return defineAgent({ name: 'helper', instructions: '', model: model as Model, tools: [publish] });
}
