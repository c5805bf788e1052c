import { z } from 'zod';
import { AREA_LIMIT } from './areas.ts';

/** Every bullet says which commits it comes from. */
export const bulletSchema = z.object({
  text: z.string().min(1).max(1_000).describe('One sentence for a user of the software; plain text, no Markdown'),
  commits: z.array(z.string()).min(1).max(500).describe('Short hashes of the commits that this sentence comes from'),
});

/** What a writer hands in about its area. */
export const draftSchema = z.object({
  summary: z.string().max(2_000).describe('One or two sentences about the area; only what the commits say'),
  highlights: z.array(bulletSchema).describe('New abilities, most important first'),
  breaking: z.array(bulletSchema).describe('What a user must change'),
  fixes: z.array(bulletSchema),
  other: z.array(bulletSchema).describe('Everything else, so that each commit is cited once'),
});

/** What the historian hands in. */
export const areasSchema = z.object({
  areas: z
    .array(
      z.object({
        name: z.string().min(1).max(200),
        folders: z
          .array(z.string().max(1_000))
          .min(1)
          .describe('Folders as listed; the empty string is the root itself'),
      }),
    )
    .min(1)
    .max(AREA_LIMIT),
});

export type Bullet = z.infer<typeof bulletSchema>;
export type Draft = z.infer<typeof draftSchema>;
export type Areas = z.infer<typeof areasSchema>;
