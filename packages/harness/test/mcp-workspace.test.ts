import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineAgent } from '@prusik/agents';
import { workspaceOf } from '@prusik/core';
import { mcpRunner } from '@prusik/mcp-runner';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { sqliteStore } from '@prusik/store-sqlite';
import { scriptedModel } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { defineHarness } from '../src/index.ts';
import { programServer } from './program-server.ts';

/** Writes a file where it is started, and says what is there. */
const SERVER = `
  const fs = require('node:fs');
  const tool = (name) => ({ name, inputSchema: { type: 'object' } });
  const methods = {
    initialize: () => ({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'files', version: '1' } }),
    'tools/list': () => ({ tools: [tool('list'), tool('write')] }),
    'tools/call': ({ name }) => {
      if (name === 'write') fs.writeFileSync('route.txt', 'north');
      return { content: [{ type: 'text', text: fs.readdirSync('.').join() + ' ' + process.pid }] };
    },
  };
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    const result = methods[method]?.(params);
    if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, ...(result ? { result } : { error: { code: -32601, message: 'none' } }) }));
  });
`;

describe('MCP-1, AGT-16: a server in the workspace of the run that calls it', () => {
  it('MCP-1: works on its files, which are kept with the step, by a process for each call', async () => {
    const root = mkdtempSync(join(tmpdir(), 'mcp-workspace-'));
    const sandbox = createLocalSandbox({ root: join(root, 'sandbox'), isolation: 'none' });
    const runner = mcpRunner({
      sandbox,
      servers: {
        files: { ...programServer(root, SERVER), workspace: 'run', effects: { list: 'repeatable' } },
      },
    });
    const model = scriptedModel([{ call: 'files_write', input: {} }, { call: 'files_list', input: {} }, 'Done.']);
    const agent = defineAgent({ name: 'agent', instructions: '', model, sources: [runner.source()] });
    const harness = defineHarness({ store: sqliteStore({ path: join(root, 'runs.db') }), sandbox, agents: { agent } });
    try {
      const result = await harness.run('agent', 'Go.', { id: 'r-1' });

      expect(result).toMatchObject({ status: 'completed', output: 'Done.' });
      const told = JSON.stringify(model.requests[2]?.prompt);
      const pids = [...told.matchAll(/route\.txt (\d+)/g)].map(([, pid]) => pid);
      expect(new Set(pids).size).toBe(2);
      const session = await sandbox.open({ workspace: workspaceOf({ tenant: 'default', run: 'r-1' }) });
      expect(await session.readTextFile({ path: 'route.txt' })).toBe('north');
    } finally {
      await runner[Symbol.asyncDispose]();
      await harness[Symbol.asyncDispose]();
      rmSync(root, { recursive: true, force: true });
    }
  });
});
