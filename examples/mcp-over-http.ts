// An MCP server over HTTP that asks how many beds it is to book: a person answers, in whichever process.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { memoryStore } from '@prusik/store-memory';
import { scriptedModel } from '@prusik/testing-contracts';

const token = 'of-the-hut';
const complete = { resultType: 'complete', ttlMs: 60_000, cacheScope: 'private' };
const inputSchema = { type: 'object', properties: { day: { type: 'string' } }, required: ['day'] };
const requestedSchema = { type: 'object', properties: { beds: { type: 'integer', minimum: 1 } }, required: ['beds'] };
const question = { mode: 'form', message: 'How many beds?', requestedSchema };

interface Call {
  readonly arguments: { readonly day: string };
  readonly inputResponses?: { readonly beds: { readonly content: { readonly beds: number } } };
}
/** A whole server, by hand, so that nothing has to be installed. */
const methods: Readonly<Record<string, (params: Call) => object>> = {
  'server/discover': () => ({ supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ...complete }),
  'tools/list': () => ({ tools: [{ name: 'book', description: 'Books a day.', inputSchema }], ...complete }),
  'tools/call': ({ arguments: { day }, inputResponses }) =>
    inputResponses === undefined
      ? { resultType: 'input_required', inputRequests: { beds: { method: 'elicitation/create', params: question } } }
      : { content: [{ type: 'text', text: `${day}: ${inputResponses.beds.content.beds} beds` }], ...complete },
};
async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { id, method, params } = (await json(request)) as { id: unknown; method: string; params: Call };
  const result = methods[method]?.(params);
  const answer = result === undefined ? { error: { code: -32601, message: 'none' } } : { result };
  response.setHeader('content-type', 'application/json').end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }));
}
const server = createServer((request, response) => {
  if (request.headers.authorization === `Bearer ${token}`) void respond(request, response);
  else response.writeHead(401).end();
});
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
const model = scriptedModel([{ call: 'hut_book', input: { day: 'Monday' } }, 'It is booked.']);
// #region http
import { mcpRunner } from '@prusik/mcp-runner';

const runner = mcpRunner({
  servers: {
    hut: {
      transport: 'http',
      url,
      network: 'private', // it is on this machine; by default it has to be in the public internet, with TLS
      auth: { type: 'bearer', token: () => token }, // asked when it is needed, and not kept
      approval: 'never',
    },
  },
});
// #endregion http
import { defineAgent } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';

const guide = defineAgent({ name: 'guide', instructions: 'You plan tours.', model, sources: [runner.source()] });
const harness = defineHarness({ store: memoryStore(), ephemeral: true, agents: { guide } });
// #region answer
await harness.run('guide', 'Book Monday', { id: 'tour-1' }); // parks: the server asks how many beds

const [asked] = (await harness.requests({ kind: ['question'] })).items;
console.log(asked?.body, asked?.schema); // { mode: 'form', text: 'How many beds?', server: 'hut', … } and what an answer has to be
if (asked) await harness.answer(asked.run, asked.id, { beds: 4 }, { by: 'ada' }); // or harness.reject()
const result = await harness.drive('tour-1');
// #endregion answer
assert.equal(result.status === 'completed' && result.output, 'It is booked.');
assert.match(JSON.stringify(model.requests[1]?.prompt), /Monday: 4 beds/);
await harness[Symbol.asyncDispose]();
await runner[Symbol.asyncDispose]();
await new Promise((resolve) => server.close(resolve));
