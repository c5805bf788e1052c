import type { CallResult, JsonObject, RunInfo, Sandbox, Slot, StepSlots, ToolSource } from '@prusik/core';
import { toolCallScope } from '@prusik/testing-contracts';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { mcpRunner, type McpRunner, type StdioServer } from '../src/index.ts';
import { temporarySandbox } from './contract.ts';
import { realServers, type RealServer, type RealServers } from './real-servers.ts';

vi.setConfig({ testTimeout: 60_000 });

let sandbox: Sandbox;
let servers: RealServers;
beforeAll(async () => {
  sandbox = await temporarySandbox('bubblewrap');
  servers = realServers();
});
afterAll(async () => {
  await sandbox[Symbol.asyncDispose]();
  servers[Symbol.dispose]();
});

const server = (name: RealServer, args: readonly string[] = [], more: Partial<StdioServer> = {}): StdioServer => ({
  transport: 'stdio',
  command: servers.node,
  args: [servers.program(name), ...args],
  mounts: servers.mounts,
  approval: 'never',
  ...more,
});

/** A run that keeps its slots in memory. */
function runOf(source: ToolSource, run: Partial<RunInfo> = {}) {
  const kept = new Map<string, unknown>();
  const slots: StepSlots = {
    get: async <Value>(slot: Slot<Value>) => (kept.has(slot.name) ? (kept.get(slot.name) as Value) : slot.initial),
    async set(slot, value) {
      kept.set(slot.name, value);
    },
    async update(slot, change) {
      const value = change(await this.get(slot));
      kept.set(slot.name, value);
      return value;
    },
  };
  const progress: string[] = [];
  const plain = toolCallScope({ slots, progress: (text) => progress.push(text) });
  const scope = { ...plain, run: { ...plain.run, ...run } };
  return {
    progress,
    list: () => source.list(scope),
    async call(name: string, input: JsonObject): Promise<CallResult> {
      const { tools, withheld } = await source.list(scope);
      const tool = tools.find((one) => one.name === name);
      if (tool === undefined)
        throw new Error(`${name} is not offered: ${JSON.stringify({ tools: tools.map((one) => one.name), withheld })}`);
      return source.call({ name, hash: tool.hash, callId: 'call', input }, scope);
    },
  };
}

const texts = (result: CallResult): string =>
  result.type === 'outcome' ? result.parts.filter((part) => typeof part === 'string').join('\n') : '';
const opened = async <T>(runner: McpRunner, work: (run: ReturnType<typeof runOf>) => Promise<T>): Promise<T> => {
  try {
    return await work(runOf(runner.source()));
  } finally {
    await runner[Symbol.asyncDispose]();
  }
};

it('MCP-1: server-filesystem works on a workspace of its own, and on nothing else', async () => {
  await opened(mcpRunner({ sandbox, servers: { files: server('filesystem', ['/workspace']) } }), async (run) => {
    const listing = await run.list();
    await run.call('files_write_file', { path: '/workspace/note.txt', content: 'tied with a prusik' });
    const read = await run.call('files_read_text_file', { path: '/workspace/note.txt' });
    const outside = await run.call('files_read_text_file', { path: '/etc/passwd' });

    expect(listing.withheld).toEqual([]);
    expect(listing.tools).toHaveLength(14);
    expect(JSON.stringify(read)).toContain('tied with a prusik');
    expect(outside).toMatchObject({ failed: 'MCP_TOOL_ERROR' });
  });
});

it('MCP-1: server-filesystem works on the workspace of the run that calls', async () => {
  const runner = mcpRunner({
    sandbox,
    servers: {
      files: server('filesystem', ['/workspace'], { workspace: 'run', effects: { read_text_file: 'repeatable' } }),
    },
  });
  try {
    await sandbox.workspaces.create({ id: 'of-run' });
    const run = runOf(runner.source(), { workspace: 'of-run' });

    await run.call('files_write_file', { path: '/workspace/note.txt', content: 'of the run' });
    const read = await run.call('files_read_text_file', { path: '/workspace/note.txt' });

    expect(JSON.stringify(read)).toContain('of the run');
    const session = await sandbox.open({ workspace: 'of-run' });
    expect(await session.readTextFile({ path: 'note.txt' })).toBe('of the run');
    await session[Symbol.asyncDispose]();
  } finally {
    await runner[Symbol.asyncDispose]();
  }
});

it('MCP-1: server-memory finds in its workspace what it kept there before it was stopped', async () => {
  const memory = () =>
    mcpRunner({
      sandbox,
      servers: { memory: server('memory', [], { env: { MEMORY_FILE_PATH: '/workspace/memory.jsonl' } }) },
    });
  await opened(memory(), (run) =>
    run.call('memory_create_entities', { entities: [{ name: 'rope', entityType: 'thing', observations: ['holds'] }] }),
  );

  const graph = await opened(memory(), (run) => run.call('memory_read_graph', {}));

  expect(graph).toMatchObject({ value: { entities: [{ name: 'rope', observations: ['holds'] }] } });
});

it('MCP-5: server-everything gives structured content, an image and progress', async () => {
  await opened(mcpRunner({ sandbox, servers: { all: server('everything') } }), async (run) => {
    const structured = await run.call('all_get-structured-content', { location: 'Chicago' });
    const image = await run.call('all_get-tiny-image', {});
    const long = await run.call('all_trigger-long-running-operation', { duration: 1, steps: 4 });

    expect(structured).toMatchObject({ type: 'outcome', value: { temperature: 36, humidity: 82 } });
    expect(image).toMatchObject({
      parts: expect.arrayContaining([expect.objectContaining({ type: 'file', mediaType: 'image/png' })]),
    });
    expect(texts(long)).toContain('completed');
    expect(run.progress.length).toBeGreaterThan(0);
  });
});

it('MCP-4: no variable of the host reaches server-everything', async () => {
  process.env['PRUSIK_REAL_SECRET'] = 'of-the-host';
  try {
    await opened(
      mcpRunner({ sandbox, servers: { all: server('everything', [], { env: { GIVEN: 'to-the-server' } }) } }),
      async (run) => {
        const said = texts(await run.call('all_get-env', {}));

        expect(said).toContain('to-the-server');
        expect(said).not.toContain('of-the-host');
        for (const name of Object.keys(process.env).filter(
          (one) => !['HOME', 'PATH', 'PWD', 'LANG', 'TERM', 'TMPDIR', 'SHLVL', '_'].includes(one),
        ))
          expect(said).not.toContain(`"${name}"`);
      },
    );
  } finally {
    delete process.env['PRUSIK_REAL_SECRET'];
  }
});

it('MCP-3: tools that server-everything adds once it knows its client are listed as soon as it says so', async () => {
  await opened(
    mcpRunner({ sandbox, servers: { all: server('everything', [], { sampling: { model: 'any', maxTokens: 10 } }) } }),
    async (run) => {
      for (;;) {
        const { tools } = await run.list();
        if (tools.some(({ name }) => name === 'all_trigger-elicitation-request')) break;
        await run.call('all_echo', { message: 'turn' });
      }

      expect((await run.list()).withheld).toEqual([]);
    },
  );
});
