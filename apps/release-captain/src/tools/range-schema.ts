import { z } from 'zod';
import type { Range } from '../git/range.ts';

const refSchema = z.object({ name: z.string(), hash: z.string() });

/** What every run below a release is told about it, as its context. */
export const releaseContextSchema: z.ZodType<{ readonly range: Range }> = z.object({
  range: z.object({ from: refSchema.nullable(), to: refSchema, commits: z.number(), merges: z.number() }),
});

export type ReleaseContext = z.infer<typeof releaseContextSchema>;
