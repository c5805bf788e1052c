import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { misbehavingMcpServers, type McpServerKind, type MisbehavingMcpServers } from '@prusik/testing-contracts';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { contractServer, type Isolation } from './contract.ts';

vi.setConfig({ testTimeout: 60_000 });

const SCRIPT = fileURLToPath(new URL('./fixtures/holds-runner.ts', import.meta.url));
const LIMITS = {
  startMs: 50_000,
  callMs: 50_000,
  totalMs: 50_000,
  messageBytes: 100_000,
  pages: 5,
  tools: 5,
  garbageLines: 5,
  stderrBytes: 1_000,
};

let root: string;
let servers: MisbehavingMcpServers;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'prusik-mcp-'));
  await chmod(root, 0o755);
});
afterEach(async () => {
  await servers[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

/** A program that holds a runner, as far as it is to come. */
async function holding(kind: McpServerKind, isolation: Isolation, until: 'starts' | 'idle', call?: string) {
  servers = misbehavingMcpServers({ place: isolation === 'none' ? 'host' : 'sandbox' });
  const server = contractServer({ ...servers.program(kind), transport: 'stdio', limits: LIMITS }, isolation);
  const program = spawn(process.execPath, ['--conditions=@prusik/source', SCRIPT], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ROOT: root,
      ISOLATION: isolation,
      SERVER: JSON.stringify(server),
      ...(call === undefined ? {} : { CALL: call }),
    },
  });
  const lines = createInterface({ input: program.stdout });
  for await (const line of lines) if (line === until) break;
  return {
    async kill() {
      program.kill('SIGKILL');
      await once(program, 'exit');
    },
  };
}

const ISOLATIONS = ['bubblewrap', 'none'] as const;

it.each(ISOLATIONS)('I8: no server is left of a program that is killed while it starts one (%s)', async (isolation) => {
  const program = await holding('hang-at-start', isolation, 'starts');
  await expect.poll(() => servers.processes().length, { timeout: 20_000 }).toBeGreaterThan(0);

  await program.kill();

  await expect.poll(() => servers.processes(), { timeout: 5_000 }).toEqual([]);
});

it.each([
  ['ignores-end', 'bubblewrap'],
  ['ignores-end', 'none'],
  ['grandchild', 'bubblewrap'],
  ['grandchild-holds-output', 'bubblewrap'],
  ['grandchild-in-own-session', 'bubblewrap'],
] as const)('I8: nothing of a server is left when an idle program is killed (%s, %s)', async (kind, isolation) => {
  const program = await holding(kind, isolation, 'idle');
  expect(servers.processes().length).toBeGreaterThan(0);

  await program.kill();

  await expect.poll(() => servers.processes(), { timeout: 5_000 }).toEqual([]);
});

it.each(ISOLATIONS)(
  'I8, I4: no server is left of a program that is killed in a call, which has happened once (%s)',
  async (isolation) => {
    const program = await holding('hang-in-call', isolation, 'idle', 'one');
    await expect.poll(() => servers.effects(), { timeout: 20_000 }).toEqual(['one']);

    await program.kill();

    await expect.poll(() => servers.processes(), { timeout: 5_000 }).toEqual([]);
    expect(servers.effects()).toEqual(['one']);
  },
);
