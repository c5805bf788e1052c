import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineAgent, modelRegistry } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { mcpRunner, type McpRunnerOptions } from '@prusik/mcp-runner';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { sqliteStore } from '@prusik/store-sqlite';
import { scriptedModel, type ScriptedReply } from '@prusik/testing-contracts';
import { describe, expect, it, onTestFinished } from 'vitest';
import { programServer } from './program-server.ts';

const form = {
  message: 'How many beds?',
  requestedSchema: { type: 'object', properties: { beds: { type: 'integer', minimum: 1 } }, required: ['beds'] },
};
const prompt = { maxTokens: 50, messages: [{ role: 'user', content: { type: 'text', text: 'One word for it?' } }] };
const tool = { name: 'book', description: 'Books the hut.', inputSchema: { type: 'object', properties: {} } };

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'mcp-needs-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** One process: a harness with a runner of its own, on a store that others may share. */
function processOn(path: string, options: McpRunnerOptions, script: readonly ScriptedReply[]) {
  const runner = mcpRunner(options);
  const main = scriptedModel(script);
  const small = scriptedModel(['cosy']);
  const guide = defineAgent({
    name: 'guide',
    instructions: '',
    model: 'main',
    sources: [runner.source()],
    sampling: { models: ['small'] },
  });
  const harness = defineHarness({
    store: sqliteStore({ path: join(path, 'runs.db'), pollMs: 5 }),
    agents: { guide },
    models: modelRegistry({ main, small }),
    limits: { parkAfterMs: 0 },
  });
  const end = async (): Promise<void> => {
    await harness[Symbol.asyncDispose]();
    await runner[Symbol.asyncDispose]();
  };
  onTestFinished(end);
  return { harness, main, small, end };
}

const book: ScriptedReply = { call: 'hut_book', input: {}, callId: 'c1' };

/** A server over stdio that is the program `code`. */
function serverOf(path: string, code: string): McpRunnerOptions {
  const sandbox = createLocalSandbox({ root: path, isolation: 'none' });
  onTestFinished(() => sandbox[Symbol.asyncDispose]());
  return {
    sandbox,
    servers: { hut: { ...programServer(path, code), sampling: { model: 'small', maxTokens: 20 } } },
  };
}

describe('MCP-5, REQ-6, AGT-2: a server that asks a model beside a person', () => {
  it('2026-07-28: asks both at once; a reply that is on record is not asked for again by the process that goes on', async () => {
    const path = folder();
    const options = serverOf(path, MODERN);
    const first = processOn(path, options, [book]);
    expect(await first.harness.run('guide', 'Book', { id: 'r' })).toMatchObject({ status: 'waiting' });
    await first.end();

    const second = processOn(path, options, ['Booked.']);
    const [question] = (await second.harness.requests()).items;
    expect(question).toMatchObject({
      kind: 'question',
      body: { text: 'How many beds?', tool: 'hut_book', callId: 'c1' },
      schema: { properties: { beds: { type: 'integer' } } },
    });
    await second.harness.answer('r', question?.id ?? '', { beds: 3 });

    expect(await second.harness.drive('r')).toMatchObject({ status: 'completed', output: 'Booked.' });
    expect(toldTo(second.main)).toMatchObject({
      requestState: 'opaque',
      inputResponses: {
        'how many?': { action: 'accept', content: { beds: 3 } },
        word: { role: 'assistant', content: { type: 'text', text: 'cosy' } },
      },
    });
    first.small.assertFinished();
    expect(second.small.requests).toEqual([]);
  });

  it('2025-11-25: asks one after the other while its call stays open', async () => {
    const path = folder();
    const { harness, main, small } = processOn(path, serverOf(path, LEGACY), [book, 'Booked.']);
    expect(await harness.run('guide', 'Book', { id: 'r' })).toMatchObject({ status: 'waiting' });
    const [question] = (await harness.requests()).items;
    await harness.answer('r', question?.id ?? '', { beds: 3 });

    expect(await harness.drive('r')).toMatchObject({ status: 'completed', output: 'Booked.' });
    expect(toldTo(main)).toMatchObject({
      beds: { action: 'accept', content: { beds: 3 } },
      word: { content: { text: 'cosy' } },
    });
    small.assertFinished();
  });
});

/** What the server's tool returned, as the model was told. */
function toldTo(model: ReturnType<typeof scriptedModel>): unknown {
  const [part] = (model.requests.at(-1)?.prompt.at(-1)?.content ?? []) as readonly {
    readonly output?: { readonly value?: string };
  }[];
  return JSON.parse(part?.output?.value ?? 'null');
}

/** Reads requests, and answers them by hand. */
const READING = `
  const send = (message) => console.log(JSON.stringify({ jsonrpc: '2.0', ...message }));
  const open = new Map();
  require('node:readline').createInterface({ input: process.stdin }).on('line', async (line) => {
    const { id, method, params, result, error } = JSON.parse(line);
    if (method === undefined) return open.get(id)?.(result ?? error);
    if (id === undefined) return;
    send({ id, ...(methods[method] ? { result: await methods[method](params) } : { error: { code: -32601, message: 'none' } }) });
  });
`;

/** It keeps nothing between two requests. */
const MODERN = `
  const said = { resultType: 'complete', ttlMs: 0, cacheScope: 'private' };
  const methods = {
    'server/discover': () => ({ ...said, supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, serverInfo: { name: 'hut', version: '1' } }),
    'tools/list': () => ({ ...said, tools: [${JSON.stringify(tool)}] }),
    'tools/call': ({ inputResponses, requestState }) => requestState === undefined
      ? {
          resultType: 'input_required',
          inputRequests: {
            'how many?': { method: 'elicitation/create', params: ${JSON.stringify(form)} },
            word: { method: 'sampling/createMessage', params: ${JSON.stringify(prompt)} },
          },
          requestState: 'opaque',
        }
      : { resultType: 'complete', content: [{ type: 'text', text: JSON.stringify({ inputResponses, requestState }) }] },
  };
  ${READING}
`;

/** It asks while the call is open. */
const LEGACY = `
  const ask = (id, method, params) => new Promise((resolve) => { open.set(id, resolve); send({ id, method, params }); });
  const methods = {
    initialize: () => ({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'hut', version: '1' } }),
    'tools/list': () => ({ tools: [${JSON.stringify(tool)}] }),
    'tools/call': async () => {
      const beds = await ask('a', 'elicitation/create', ${JSON.stringify(form)});
      const word = await ask('b', 'sampling/createMessage', ${JSON.stringify(prompt)});
      return { content: [{ type: 'text', text: JSON.stringify({ beds, word }) }] };
    },
  };
  ${READING}
`;
