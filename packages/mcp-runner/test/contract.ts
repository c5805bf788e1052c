import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sandbox } from '@prusik/core';
import { createLocalSandbox } from '@prusik/sandbox-local';
import type { McpRunnerOrder, McpRunnerUnderTest, McpServerOrder } from '@prusik/testing-contracts';
import { mcpRunner, type McpServer } from '../src/index.ts';

export type Isolation = 'none' | 'bubblewrap';

/** Our own runner, as the contract suite asks for one. */
export function contractRunner(
  sandbox: Sandbox,
  isolation: Isolation,
  { servers }: McpRunnerOrder,
): McpRunnerUnderTest {
  const runner = mcpRunner({
    sandbox,
    servers: { bad: contractServer(servers.bad, isolation), well: contractServer(servers.well, isolation) },
  });
  return { source: runner.source(), [Symbol.asyncDispose]: () => runner[Symbol.asyncDispose]() };
}

export function contractServer(order: McpServerOrder, isolation: Isolation): McpServer {
  if (order.transport === 'http')
    return { transport: 'http', url: order.url, network: 'private', approval: 'never', limits: order.limits };
  const { command, args, mounts, limits } = order;
  const require = isolation === 'none' ? ({ files: 'none', processes: 'none' } as const) : {};
  return { transport: 'stdio', command, args, mounts, limits, require, approval: 'never' };
}

/** A sandbox with a root of its own, which goes with it. */
export async function temporarySandbox(isolation: Isolation): Promise<Sandbox> {
  const root = await mkdtemp(join(tmpdir(), 'prusik-mcp-'));
  // Whoever the sandbox runs as passes through it.
  await chmod(root, 0o755);
  const sandbox = createLocalSandbox({ root, isolation });
  // What it opens once and keeps is open before anybody counts.
  await sandbox.level();
  return {
    ...sandbox,
    async [Symbol.asyncDispose]() {
      await sandbox[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}
