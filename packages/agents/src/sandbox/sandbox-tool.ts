import type { SandboxSession } from '@prusik/core';
import type { ModelSchema } from '../json-schema.ts';
import type { ToolContent } from '../tool-content.ts';
import { toolInput, type Fields, type ToolInputOf } from './tool-input.ts';
import { advised } from './workspace-path.ts';

/** The tools that there are for a sandbox. */
export type SandboxToolName = 'read' | 'write' | 'edit' | 'list' | 'glob' | 'grep' | 'bash';

/** What a model has seen of files: the hash of the content that a file had then, by its path. */
export interface SeenFiles {
  get(path: string): Promise<string | undefined>;
  set(path: string, hash: string): Promise<void>;
}

/** Where a tool works. */
export interface SandboxPlace {
  readonly session: SandboxSession;
  readonly seen: SeenFiles;
  readonly signal: AbortSignal | undefined;
  /** The longest that a command may take, in milliseconds. */
  readonly maxCommandMs: number;
}

/** A tool over the port, whoever calls it. */
export interface SandboxTool {
  readonly description: string;
  readonly input: ModelSchema<Record<string, unknown>>;
  /** Whether it leaves the workspace as it is. */
  readonly reads: boolean;
  /** What it may have an effect on: with `sandbox`, whatever that lets a command reach. */
  readonly reach: 'workspace' | 'sandbox';
  /** Takes what its schema gave; what it throws tells the model what to do. */
  run(input: Record<string, unknown>, place: SandboxPlace): Promise<string | ToolContent>;
}

/** A tool by its fields: its code gets them typed, whoever calls it need not know them. */
export function sandboxTool<const F extends Fields>(tool: {
  readonly description: string;
  readonly fields: F;
  readonly reads: boolean;
  readonly reach?: 'sandbox';
  readonly run: (input: ToolInputOf<F>, place: SandboxPlace) => Promise<string | ToolContent>;
}): SandboxTool {
  const { description, fields, reads, reach = 'workspace' } = tool;
  return {
    description,
    input: toolInput(fields),
    reads,
    reach,
    async run(input, place) {
      try {
        // The schema has made it what the fields say.
        return await tool.run(input as ToolInputOf<F>, place);
      } catch (thrown) {
        throw advised(thrown);
      }
    },
  };
}
