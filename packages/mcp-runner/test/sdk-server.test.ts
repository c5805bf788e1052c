import { InMemoryTransport } from '@modelcontextprotocol/client';
import { inputRequired, McpServer, type Transport } from '@modelcontextprotocol/server';
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import type { CallAnswer, CallResult } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { callsOver, watcher, type CallsOver, type CallsOverOptions } from './calls-over.ts';

const HUT = {
  type: 'object' as const,
  properties: {
    hut: { type: 'string' as const },
    nights: { type: 'integer' as const, default: 2 },
  },
  required: ['hut', 'nights'],
};

/** The server of the SDK: the same tools for both revisions, each in its revision's way. */
function makeServer(era: 'legacy' | 'modern'): McpServer {
  const server = new McpServer({ name: 'huts', version: '1' }, { capabilities: { tools: {} } });
  server.registerTool(
    'height',
    { inputSchema: z.object({ of: z.string() }), outputSchema: z.object({ metres: z.number() }) },
    ({ of }) => {
      const structuredContent = { metres: of.length * 1_000 };
      return { structuredContent, content: [{ type: 'text', text: JSON.stringify(structuredContent) }] };
    },
  );
  server.registerTool('fall', { inputSchema: z.object({}) }, () => {
    throw new Error('the rope broke');
  });
  server.registerTool('climb', { inputSchema: z.object({}) }, async (_, ctx) => {
    // oxlint-disable-next-line no-underscore-dangle -- the name is the protocol's
    const progressToken = ctx.mcpReq._meta?.progressToken ?? 'none';
    await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: 1, total: 2 } });
    return { content: [{ type: 'text', text: 'up' }] };
  });
  server.registerTool('book', { inputSchema: z.object({}) }, async (_, ctx) => {
    const params = { message: 'Which hut?', requestedSchema: HUT };
    if (era === 'legacy') {
      const result = await ctx.mcpReq.elicitInput(params);
      return { content: [{ type: 'text', text: JSON.stringify(result) }] };
    }
    const given = ctx.mcpReq.inputResponses?.['hut'];
    if (given === undefined) return inputRequired({ inputRequests: { hut: inputRequired.elicit(params) } });
    return { content: [{ type: 'text', text: JSON.stringify(given) }] };
  });
  return server;
}

async function serve(era: 'legacy' | 'modern', options: CallsOverOptions = {}): Promise<CallsOver> {
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  serveStdio(() => makeServer(era), { transport: serverSide as Transport });
  return callsOver(clientSide, { ...options, era });
}

const named = (name: string, outputSchema = {}) => ({
  name,
  tool: () => Promise.resolve({ name, inputSchema: { type: 'object' }, outputSchema }),
});

async function answerAll(calls: CallsOver, result: CallResult, answer: CallAnswer): Promise<CallResult> {
  if (result.type !== 'needs') return result;
  const answers = Object.fromEntries(Object.keys(result.needs).map((key) => [key, answer]));
  return calls.call({ ...named('book'), input: {}, continues: { state: result.state, answers } });
}

describe.each(['legacy', 'modern'] as const)('the server of the SDK, %s', (era) => {
  it('MCP-5: returns data, which is the value, and texts', async () => {
    const calls = await serve(era);

    expect(await calls.call({ ...named('height'), input: { of: 'Eiger' } })).toMatchObject({
      type: 'outcome',
      value: { metres: 5_000 },
    });
  });

  it('MCP-3: fails by `isError`, and with an error for a tool that it does not have', async () => {
    const calls = await serve(era);

    expect(await calls.call({ ...named('fall'), input: {} })).toEqual({
      type: 'outcome',
      failed: 'MCP_TOOL_ERROR',
      parts: ['the rope broke'],
    });
    await expect(calls.call({ ...named('fly'), input: {} })).rejects.toMatchObject({
      code: 'MCP_SERVER_ERROR',
      meta: { rpcCode: -32_602 },
    });
  });

  it('MCP-5: tells its progress', async () => {
    const calls = await serve(era);
    const watching = watcher();
    await calls.call({ ...named('climb'), input: {} }, watching);

    expect(watching.progressed).toEqual(['1/2']);
  });

  it('MCP-5, REQ-6: asks a person, and is told the answer, filled in with its defaults, or that there is none', async () => {
    const calls = await serve(era);
    const book = (): Promise<CallResult> => calls.call({ ...named('book'), input: {} });
    const told: unknown[] = [];
    for (const answer of [
      { status: 'answered', value: { hut: 'Oberwalder' } },
      { status: 'rejected' },
      { status: 'unavailable' },
    ] as const) {
      const result = await answerAll(calls, await book(), answer);
      told.push(
        result.type === 'outcome' && typeof result.parts[0] === 'string' ? JSON.parse(result.parts[0]) : result,
      );
    }

    expect(told).toEqual([
      { action: 'accept', content: { hut: 'Oberwalder', nights: 2 } },
      { action: 'decline' },
      { action: 'cancel' },
    ]);
    expect(calls.oddities).toEqual([]);
  });
});
