import { chmodSync, copyFileSync, existsSync, linkSync } from 'node:fs';
import { join } from 'node:path';
import type { StdioServer } from '@prusik/mcp-runner';

/**
 * A program of Node.js as an MCP server that nothing contains. Commands of somebody who is root run as somebody else, who reaches the folder and perhaps not
 * this Node.js.
 */
export function programServer(folder: string, code: string, ...args: readonly string[]): StdioServer {
  chmodSync(folder, 0o755);
  const command = join(folder, 'node');
  if (!existsSync(command)) linkOrCopy(process.execPath, command);
  return {
    transport: 'stdio',
    command,
    args: ['-e', code, ...args],
    require: { files: 'none', processes: 'none' },
    approval: 'never',
  };
}

function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
