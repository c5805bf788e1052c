import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Sandbox } from '@prusik/core';
import {
  leakCounter,
  misbehavingMcpServers,
  toolCallScope,
  type MisbehavingMcpServers,
} from '@prusik/testing-contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mcpRunner, type McpRunner, type McpServer } from '../src/index.ts';
import { temporarySandbox } from './contract.ts';

/** `SOAK_CYCLES=1000` for all of them: each takes half a second and more. */
const CYCLES = Number(process.env['SOAK_CYCLES'] ?? 25);
/** Until everything that is made once and kept has been made. */
const FIRST = 10;
const MOST_GROWTH_BYTES = 4 * 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

let sandbox: Sandbox;
let servers: MisbehavingMcpServers;
const warnings: string[] = [];
const warn = (warning: Error): void => void warnings.push(String(warning));
beforeAll(async () => {
  process.on('warning', warn);
  sandbox = await temporarySandbox('bubblewrap');
  servers = misbehavingMcpServers({ place: 'sandbox' });
});
afterAll(async () => {
  process.off('warning', warn);
  await servers[Symbol.asyncDispose]();
  await sandbox[Symbol.asyncDispose]();
});

const server = (limits: McpServer['limits'] = {}): McpServer => ({
  transport: 'stdio',
  ...servers.program('well'),
  approval: 'never',
  limits,
});

async function echoes(runner: McpRunner, text: string): Promise<void> {
  const source = runner.source();
  const { tools } = await source.list(toolCallScope());
  const tool = tools.find(({ name }) => name === 'well_echo');
  if (tool === undefined) throw new Error('There is no tool');
  const result = await source.call(
    { name: tool.name, hash: tool.hash, callId: text, input: { text } },
    toolCallScope(),
  );
  expect(result).toEqual({ type: 'outcome', parts: [text] });
}

function heapBytes(): number {
  collect();
  return process.memoryUsage().heapUsed;
}

const workspaces = async (): Promise<number> => (await sandbox.workspaces.list()).length;

/** Does something again and again, and looks at what there is more of afterwards. */
async function soak(cycle: (index: number) => Promise<void>) {
  for (let index = 0; index < FIRST; index += 1) await cycle(index);
  const before = { leaks: leakCounter(), heap: heapBytes(), workspaces: await workspaces() };
  for (let index = 0; index < CYCLES; index += 1) await cycle(index);
  return {
    leaks: await before.leaks.leaks(),
    processes: servers.processes(),
    workspaces: (await workspaces()) - before.workspaces,
    grown: heapBytes() - before.heap,
  };
}

const NOTHING = { leaks: [], processes: [], workspaces: 0 };

it(
  `I8: ${CYCLES} runners, each with a server that it starts, calls and stops, leave nothing`,
  { timeout: CYCLES * 3_000 },
  async () => {
    const { grown, ...left } = await soak(async (index) => {
      const runner = mcpRunner({ sandbox, servers: { well: server() } });
      await echoes(runner, `${index}`);
      await runner[Symbol.asyncDispose]();
    });

    expect(left).toEqual(NOTHING);
    expect(grown).toBeLessThan(MOST_GROWTH_BYTES);
    expect(warnings).toEqual([]);
  },
);

it(
  `MCP-1: a server that one runner stops when it is idle and starts when it is needed, ${CYCLES} times, leaves nothing`,
  { timeout: CYCLES * 3_000 },
  async () => {
    const runner = mcpRunner({ sandbox, servers: { well: server({ idleMs: 1 }) } });
    const { grown, ...left } = await soak(async (index) => {
      await echoes(runner, `${index}`);
      await expect.poll(() => servers.processes(), { timeout: 10_000, interval: 5 }).toEqual([]);
    });
    await runner[Symbol.asyncDispose]();

    expect(left).toEqual(NOTHING);
    expect(grown).toBeLessThan(MOST_GROWTH_BYTES);
    expect(warnings).toEqual([]);
  },
);
