import { defineAgent, defineTool, type AgentDefinition } from '@prusik/agents';
import { z } from 'zod';

/** A tool that waits for a person. */
const publish = defineTool({
  name: 'publish',
  description: 'Publishes a text.',
  input: z.object({ text: z.string() }),
  approval: 'always',
  execute: ({ text }) => `published ${text}`,
});

/** An agent that publishes what it is given, when a person allows it. */
export const clerk: AgentDefinition = defineAgent({
  name: 'clerk',
  description: 'Publishes.',
  instructions: 'Publish.',
  model: 'fast',
  tools: [publish],
});
