import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { copyFile, cp, link, mkdir, readdir, readFile, realpath } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join, posix } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { mcpRunner, type McpRunner, type McpRunnerOptions } from '@prusik/mcp-runner';
import { createLocalSandbox } from '@prusik/sandbox-local';
import type { Bench } from './scenario.ts';
import { withSandbox } from './scenarios/sandbox.ts';

export const REVISIONS = ['2025-11-25', '2026-07-28'] as const;
export type Revision = (typeof REVISIONS)[number];
/** Where a server runs: in no sandbox that isolates, or in bubblewrap. */
export const ISOLATIONS = ['none', 'bubblewrap'] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** One call of the server's tool `add` or `repeat`, and the text that it returned. */
export type CallTool = (tool: 'add' | 'repeat', input: Record<string, number>) => Promise<string>;

/** A server, the official SDK that calls it, and our runner that does, each by what it offers to everybody. */
export interface McpPlace {
  /** For a subject's name; where this machine cannot isolate, it says so. */
  readonly called: (isolation: Isolation) => string;
  /** The SDK's client with its own transport. Ended by the place. */
  sdk(revision: Revision): Promise<CallTool>;
  /** Our runner with one server, called `bench`. Whoever asks disposes it. */
  runner(revision: Revision, isolation: Isolation): McpRunner;
  /** Milliseconds until the server has told its tools, without any client: a plain process, spoken to in lines. */
  plainStart(revision: Revision): Promise<number>;
  /** How many processes of its servers are there now; only Linux tells. */
  processes(): Promise<number | undefined>;
}

const INSIDE = '/bench';
const PACKAGES = ['@modelcontextprotocol/server', '@modelcontextprotocol/core', 'zod'];

/** Nothing of a server lies where a user of a sandbox may not pass, or where bubblewrap shows nothing. */
async function copyServer(folder: string): Promise<{ readonly node: string; readonly script: string }> {
  await mkdir(folder, { mode: 0o755 });
  const server = fileURLToPath(new URL('./children/mcp-server.ts', import.meta.url));
  const [node, script] = [basename(process.execPath), basename(server)];
  await link(process.execPath, join(folder, node)).catch(() => copyFile(process.execPath, join(folder, node)));
  await copyFile(server, join(folder, script));
  let from = createRequire(import.meta.url);
  for (const name of PACKAGES) {
    const root = await packageRoot(from, name);
    await cp(root, join(folder, 'node_modules', name), { recursive: true });
    // What the server's package needs is found from there, as it finds it.
    if (name === PACKAGES[0]) from = createRequire(join(root, 'package.json'));
  }
  return { node, script };
}

async function packageRoot(from: NodeJS.Require, name: string): Promise<string> {
  for (const modules of from.resolve.paths(name) ?? []) {
    const root = await realpath(join(modules, name)).catch(() => undefined);
    if (root !== undefined) return root;
  }
  throw new Error(`The package ${name} is not installed`);
}

/** Makes a place for as long as `use` lasts. */
export function withMcpPlace<T>(bench: Bench, use: (place: McpPlace) => Promise<T>): Promise<T> {
  return withSandbox(bench, async (sandbox, folder, isolated) => {
    const files = join(folder, 'server');
    const { node, script } = await copyServer(files);
    const marker = `prusik-bench-${randomUUID()}`;
    const bare = createLocalSandbox({ root: join(folder, 'bare'), isolation: 'none' });
    const [command, args] = [join(files, node), [join(files, script), marker]];
    const clients: Client[] = [];

    const server = (isolation: Isolation) =>
      isolation === 'bubblewrap' && isolated
        ? {
            command: posix.join(INSIDE, node),
            args: [posix.join(INSIDE, script), marker],
            mounts: [{ source: files, target: INSIDE }],
          }
        : { command, args, require: { files: 'none', processes: 'none' } as const };

    const place: McpPlace = {
      called: (isolation) =>
        isolation === 'none' ? 'not isolated' : isolated ? 'bubblewrap' : 'bubblewrap, not isolated here',

      async sdk(revision) {
        const versionNegotiation = { mode: revision === '2025-11-25' ? 'legacy' : { pin: revision } } as const;
        const client = new Client({ name: 'bench', version: '1.0.0' }, { versionNegotiation });
        clients.push(client);
        await client.connect(new StdioClientTransport({ command, args, env: {}, stderr: 'ignore' }));
        await client.listTools();
        return async (name, input) => {
          const { content } = await client.callTool({ name, arguments: input });
          const [part] = content;
          return part?.type === 'text' ? part.text : '';
        };
      },

      runner(revision, isolation) {
        const options: McpRunnerOptions = {
          sandbox: isolation === 'none' ? bare : sandbox,
          servers: {
            bench: {
              transport: 'stdio',
              ...server(isolation),
              protocol: revision,
              approval: 'never',
              effects: { add: 'repeatable' },
            },
          },
        };
        return mcpRunner(options);
      },

      plainStart: (revision) => plainStart(command, args, revision),
      processes: () => processesWith(marker),
    };
    try {
      return await use(place);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
      await bare[Symbol.asyncDispose]();
    }
  });
}

/** Calls through the tools that a runner gives to the AI SDK. */
export async function toolsOf(runner: McpRunner): Promise<CallTool> {
  const tools = await runner.tools();
  return async (name, input) => {
    const output = await tools[`bench_${name}`]?.execute(input, { toolCallId: 'call' });
    return output?.text ?? '';
  };
}

const clientInfo = { name: 'bench', version: '1.0.0' };

/** What is said until the tools are told, in each revision; a request waits for the answer of the one before. */
const HANDSHAKES: Readonly<
  Record<Revision, readonly { readonly id?: number; readonly method: string; readonly params?: object }[]>
> = {
  '2025-11-25': [
    { id: 1, method: 'initialize', params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo } },
    { method: 'notifications/initialized' },
    { id: 2, method: 'tools/list' },
  ],
  '2026-07-28': [
    { id: 1, method: 'server/discover', params: { _meta: modernMeta() } },
    { id: 2, method: 'tools/list', params: { _meta: modernMeta() } },
  ],
};

function modernMeta(): object {
  return {
    'io.modelcontextprotocol/protocolVersion': '2026-07-28',
    'io.modelcontextprotocol/clientInfo': clientInfo,
    'io.modelcontextprotocol/clientCapabilities': {},
  };
}

async function plainStart(command: string, args: readonly string[], revision: Revision): Promise<number> {
  const begun = performance.now();
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'], env: {} });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  try {
    let last: unknown;
    for (const message of HANDSHAKES[revision]) {
      child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
      if (message.id !== undefined) last = (await lines.next()).value;
    }
    const ms = performance.now() - begun;
    if (!String(last).includes('"add"')) throw new Error(`The server answered ${String(last)}`);
    return ms;
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

async function processesWith(marker: string): Promise<number | undefined> {
  const ids = await readdir('/proc').catch(() => undefined);
  if (ids === undefined) return undefined;
  const lines = await Promise.all(
    ids.filter((id) => /^\d+$/.test(id)).map((id) => readFile(join('/proc', id, 'cmdline'), 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(marker)).length;
}
