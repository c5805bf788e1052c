import { bashTool } from './bash-tool.ts';
import { editTool } from './edit-tool.ts';
import { globTool } from './glob-tool.ts';
import { grepTool } from './grep-tool.ts';
import { listTool } from './list-tool.ts';
import { readTool } from './read-tool.ts';
import type { SandboxTool, SandboxToolName } from './sandbox-tool.ts';
import { writeTool } from './write-tool.ts';

export const SANDBOX_TOOLS: Readonly<Record<SandboxToolName, SandboxTool>> = {
  read: readTool,
  write: writeTool,
  edit: editTool,
  list: listTool,
  glob: globTool,
  grep: grepTool,
  bash: bashTool,
};

/** The longest that a command may take, unless somebody says otherwise. */
export const MAX_COMMAND_MS = 120_000;

export const isSandboxToolName = (name: unknown): name is SandboxToolName =>
  typeof name === 'string' && Object.hasOwn(SANDBOX_TOOLS, name);
