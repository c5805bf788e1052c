import { defineTool } from '@prusik/agents';
import { z } from 'zod';
import { checkPublished, publishNotes, type Receipt } from './publish-notes.ts';

export const publishInputSchema = z.object({
  markdown: z.string().min(1).max(2_000_000),
  /** The folder, absolute: part of what is approved. */
  out: z.string(),
  /** SHA-256 of the file that it replaces. */
  replaces: z.string().nullable(),
});

export type PublishInput = z.infer<typeof publishInputSchema>;

/** The only tool with an effect outside of the sandbox: once, and never unasked. */
export const publishNotesTool = defineTool({
  name: 'publish_notes',
  description: 'Writes the notes into RELEASE_NOTES.md of the folder that the person chose.',
  input: publishInputSchema,
  effect: 'once',
  approval: 'always',
  execute: (input, { idempotencyKey }): Promise<Receipt> => publishNotes(input.out, input, idempotencyKey),
  check: (input, { idempotencyKey }) => checkPublished(input.out, input, idempotencyKey),
});
