import { appendFileSync, chmodSync, readFileSync } from 'node:fs';
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineAgent } from '@prusik/agents';
import type { Request } from '@prusik/core';
import { mcpRunner } from '@prusik/mcp-runner';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { sqliteStore } from '@prusik/store-sqlite';
import { scriptedModel } from '@prusik/testing-contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defineHarness } from '../src/index.ts';

/** A whole server by hand, of one revision. It tells how often it was called in each process, and what it was answered. */
const serverCode = `
  const modern = process.argv[1] === 'modern';
  const schema = { type: 'object', properties: { day: { type: 'string' } } };
  const form = { message: 'Which hut?', requestedSchema: { type: 'object', properties: { hut: { type: 'string' }, nights: { type: 'integer', default: 2 } }, required: ['hut', 'nights'] } };
  const info = { capabilities: { tools: {} }, serverInfo: { name: 'huts', version: '1' } };
  const tools = [{ name: 'book', description: 'Books a hut.', inputSchema: schema }];
  const write = (message) => console.log(JSON.stringify({ jsonrpc: '2.0', ...message }));
  const done = (id, told) => write({ id, result: { resultType: 'complete', content: [{ type: 'text', text: 'call ' + calls + ': ' + JSON.stringify(told) }] } });
  let calls = 0, open;
  const methods = {
    initialize: ({ id }) => modern ? write({ id, error: { code: -32601, message: 'none' } }) : write({ id, result: { protocolVersion: '2025-11-25', ...info } }),
    'server/discover': ({ id }) => modern ? write({ id, result: { resultType: 'complete', supportedVersions: ['2026-07-28'], ttlMs: 0, cacheScope: 'private', ...info } }) : write({ id, error: { code: -32601, message: 'none' } }),
    'tools/list': ({ id }) => write({ id, result: { resultType: 'complete', tools, ttlMs: 0, cacheScope: 'private' } }),
    'tools/call': ({ id, params }) => {
      calls += 1;
      require('node:fs').appendFileSync(process.argv[2], 'x');
      if (!modern) { open = id; return write({ id: 'ask', method: 'elicitation/create', params: form }); }
      if (params.inputResponses) return done(id, { ...params.inputResponses.hut, state: params.requestState });
      write({ id, result: { resultType: 'input_required', inputRequests: { hut: { method: 'elicitation/create', params: form } }, requestState: 'opaque' } });
    },
  };
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const message = JSON.parse(line);
    if (message.id === 'ask') return done(open, message.result);
    if (message.id !== undefined) methods[message.method]?.(message);
  });
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'prusik-mcp-questions-'));
  await chmod(root, 0o755);
  // Whoever runs commands of a sandbox may not reach wherever this Node.js is.
  await copyFile(process.execPath, join(root, 'node'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Everything that a process has: a second one has the same files and nothing else in common. */
function newProcess(name: string, revision: 'modern' | 'legacy', effect: 'once' | 'repeatable' = 'once') {
  const call = { call: 'huts_book', input: { day: 'friday' }, callId: 'c' };
  const log = join(root, `${name}.calls`);
  appendFileSync(log, '');
  // Commands run as somebody else where this is root.
  chmodSync(log, 0o666);
  const sandbox = createLocalSandbox({ root: join(root, 'sandbox'), isolation: 'none' });
  const runner = mcpRunner({
    sandbox,
    servers: {
      huts: {
        transport: 'stdio',
        command: join(root, 'node'),
        args: ['-e', serverCode, revision, log],
        require: { files: 'none', processes: 'none' },
        approval: 'never',
        effects: { book: effect },
      },
    },
  });
  const next = ({ prompt }: { readonly prompt: unknown }) =>
    JSON.stringify(prompt).includes('tool-result') ? 'Booked.' : call;
  const model = scriptedModel([next, next]);
  const guide = defineAgent({ name: 'guide', instructions: '', model, sources: [runner.source()] });
  const harness = defineHarness({
    store: sqliteStore({ path: join(root, `${name}.db`) }),
    agents: { guide },
    limits: { parkAfterMs: 0 },
  });
  return {
    harness,
    async request(): Promise<Request> {
      const [request] = (await harness.requests()).items;
      if (request === undefined) throw new Error('Nobody is asked');
      return request;
    },
    /** Of all processes. */
    calls: () => readFileSync(log, 'utf8').length,
    shown: () => JSON.stringify(model.requests.at(-1)?.prompt.at(-1)),
    async [Symbol.asyncDispose]() {
      await harness[Symbol.asyncDispose]();
      await runner[Symbol.asyncDispose]();
      await sandbox[Symbol.asyncDispose]();
    },
  };
}

describe('a question of an MCP server', () => {
  it('MCP-5, REQ-6: of 2025-11-25 parks the run, and the answer goes on with the call that is open', async () => {
    await using one = newProcess('open', 'legacy');
    expect(await one.harness.run('guide', 'Go', { id: 'r' })).toMatchObject({ status: 'waiting' });
    const request = await one.request();
    expect(request).toMatchObject({
      kind: 'question',
      body: { text: 'Which hut?', server: 'huts', mode: 'form', tool: 'huts_book', callId: 'c' },
    });

    await expect(one.harness.answer('r', request.id, { hut: 7 })).rejects.toMatchObject({ code: 'DECISION_INVALID' });
    await one.harness.answer('r', request.id, { hut: 'Oberwalder' });
    expect(await one.harness.drive('r')).toMatchObject({ status: 'completed', output: 'Booked.' });
    expect(one.shown()).toContain(
      'call 1: {\\"action\\":\\"accept\\",\\"content\\":{\\"nights\\":2,\\"hut\\":\\"Oberwalder\\"}}',
    );
  });

  it('MCP-2, I4: of 2025-11-25 whose process is gone is in doubt, and is not made again', async () => {
    {
      await using one = newProcess('gone', 'legacy');
      await one.harness.run('guide', 'Go', { id: 'r' });
    }
    await using two = newProcess('gone', 'legacy');
    await two.harness.answer('r', (await two.request()).id, { hut: 'Oberwalder' });

    await two.harness.drive('r');
    expect(two.shown()).toContain('STEP_IN_DOUBT');
    expect(two.calls()).toBe(1);
  });

  it('MCP-2, I4: of 2025-11-25 whose process is gone is called from the start if that is safe, and has its answer already', async () => {
    {
      await using one = newProcess('again', 'legacy', 'repeatable');
      await one.harness.run('guide', 'Go', { id: 'r' });
    }
    await using two = newProcess('again', 'legacy', 'repeatable');
    await two.harness.answer('r', (await two.request()).id, { hut: 'Oberwalder' });

    await two.harness.drive('r');
    expect(two.shown()).toContain('call 1: {\\"action\\":\\"accept\\"');
    expect((await two.harness.requests()).items).toEqual([]);
    expect(two.calls()).toBe(2);
  });

  it('MCP-5, REQ-6: of 2026-07-28 is gone on with in any process, with the state of the server', async () => {
    {
      await using one = newProcess('modern', 'modern');
      expect(await one.harness.run('guide', 'Go', { id: 'r' })).toMatchObject({ status: 'waiting' });
    }
    await using two = newProcess('modern', 'modern');
    await two.harness.answer('r', (await two.request()).id, { hut: 'Oberwalder' });

    await two.harness.drive('r');
    expect(two.shown()).toContain('\\"action\\":\\"accept\\"');
    expect(two.shown()).toContain('\\"state\\":\\"opaque\\"');
  });

  it('REQ-6: that nobody will answer is told to the server at once', async () => {
    await using one = newProcess('unattended', 'legacy');
    const result = await one.harness.run('guide', 'Go', { id: 'r', attended: false });

    expect(result).toMatchObject({ status: 'completed' });
    expect(one.shown()).toContain('call 1: {\\"action\\":\\"cancel\\"}');
  });
});
