import { appendFileSync, chmodSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
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
import { programServer } from './program-server.ts';

/** A whole server by hand. It tells how often it was called in its process, and what it was answered. */
const serverCode = `
  const { appendFileSync } = require('node:fs');
  const form = { message: 'Which hut?', requestedSchema: { type: 'object', properties: { hut: { type: 'string' } }, required: ['hut'] } };
  const info = { capabilities: { tools: {} }, serverInfo: { name: 'huts', version: '1' } };
  const tools = [{ name: 'book', description: 'Books a hut.', inputSchema: { type: 'object' } }];
  const write = (message) => console.log(JSON.stringify({ jsonrpc: '2.0', ...message }));
  let calls = 0, open;
  const methods = {
    initialize: ({ id }) => write({ id, result: { protocolVersion: '2025-11-25', ...info } }),
    'tools/list': ({ id }) => write({ id, result: { tools } }),
    'tools/call': ({ id }) => {
      calls += 1;
      appendFileSync(process.argv[1], 'x');
      open = id;
      write({ id: 'ask', method: 'elicitation/create', params: form });
    },
  };
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const message = JSON.parse(line);
    if (message.id === undefined) return;
    if (message.id === 'ask') write({ id: open, result: { content: [{ type: 'text', text: 'call ' + calls + ': ' + JSON.stringify(message.result) }] } });
    else if (methods[message.method]) methods[message.method](message);
    else write({ id: message.id, error: { code: -32601, message: 'none' } });
  });
`;

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'prusik-mcp-questions-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Everything that a process has: a second one has the same files and nothing else in common. */
function newProcess(name: string, effect: 'once' | 'repeatable' = 'once') {
  const call = { call: 'huts_book', input: { day: 'friday' }, callId: 'c' };
  const log = join(root, `${name}.calls`);
  appendFileSync(log, '');
  // Commands run as somebody else where this is root.
  chmodSync(log, 0o666);
  const sandbox = createLocalSandbox({ root: join(root, 'sandbox'), isolation: 'none' });
  const runner = mcpRunner({
    sandbox,
    servers: {
      huts: { ...programServer(root, serverCode, log), effects: { book: effect } },
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

describe('a question of an MCP server of 2025-11-25, in the middle of a call', () => {
  it('MCP-2, I4: whose process is gone is in doubt, and is not made again', async () => {
    {
      await using one = newProcess('gone');
      await one.harness.run('guide', 'Go', { id: 'r' });
    }
    await using two = newProcess('gone');
    await two.harness.answer('r', (await two.request()).id, { hut: 'Oberwalder' });

    await two.harness.drive('r');
    expect(two.shown()).toContain('STEP_IN_DOUBT');
    expect(two.calls()).toBe(1);
  });

  it('MCP-2, I4: whose process is gone is called from the start if that is safe, and has its answer already', async () => {
    {
      await using one = newProcess('again', 'repeatable');
      await one.harness.run('guide', 'Go', { id: 'r' });
    }
    await using two = newProcess('again', 'repeatable');
    await two.harness.answer('r', (await two.request()).id, { hut: 'Oberwalder' });

    await two.harness.drive('r');
    expect(two.shown()).toContain('call 1: {\\"action\\":\\"accept\\"');
    expect((await two.harness.requests()).items).toEqual([]);
    expect(two.calls()).toBe(2);
  });

  it('REQ-6: that nobody will answer is told to the server at once', async () => {
    await using one = newProcess('unattended');
    const result = await one.harness.run('guide', 'Go', { id: 'r', attended: false });

    expect(result).toMatchObject({ status: 'completed' });
    expect(one.shown()).toContain('call 1: {\\"action\\":\\"cancel\\"}');
  });
});
