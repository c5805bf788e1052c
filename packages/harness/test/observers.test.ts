import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineAgent } from '@prusik/agents';
import { defineHarness } from '@prusik/harness';
import { mcpRunner } from '@prusik/mcp-runner';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { memoryStore } from '@prusik/store-memory';
import { recordingObserver, scriptedModel } from '@prusik/testing-contracts';
import { expect, it, onTestFinished } from 'vitest';
import { programServer } from './program-server.ts';

/** A server whose one tool says what came with the call besides its arguments. */
const TELLS_META = `
  const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: '2.0', ...message }) + '\\n');
  const methods = {
    initialize: () => ({ protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'hut', version: '1' } }),
    'tools/list': () => ({ tools: [{ name: 'book', description: 'Books.', inputSchema: { type: 'object', properties: {} } }] }),
    'tools/call': ({ _meta: { traceparent, baggage } }) => ({ content: [{ type: 'text', text: JSON.stringify({ traceparent, baggage }) }] }),
  };
  require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method, params } = JSON.parse(line);
    if (id === undefined) return;
    const answer = methods[method];
    send(answer === undefined ? { id, error: { code: -32601, message: 'unknown' } } : { id, result: answer(params) });
  });
`;

it('TEL-2: a call of an MCP server carries where it stands in the trace of the run, from the observer of the harness', async () => {
  const path = mkdtempSync(join(tmpdir(), 'observed-'));
  const sandbox = createLocalSandbox({ root: path, isolation: 'none' });
  const runner = mcpRunner({ sandbox, servers: { hut: programServer(path, TELLS_META) } });
  const model = scriptedModel([{ call: 'hut_book', input: {}, callId: 'c1' }, 'Booked.']);
  const guide = defineAgent({ name: 'guide', instructions: '', model, sources: [runner.source()] });
  const observer = recordingObserver({ traces: true });
  const harness = defineHarness({
    store: memoryStore(),
    agents: { guide },
    ephemeral: true,
    observers: [observer],
    owns: [runner, sandbox],
  });
  onTestFinished(async () => {
    await harness[Symbol.asyncDispose]();
    rmSync(path, { recursive: true, force: true });
  });

  const result = await harness.run('guide', 'Book', { id: 'r' });

  expect(result).toMatchObject({ status: 'completed', output: 'Booked.' });
  const [called] = observer.calls.flatMap((call) => (call.type === 'step' && call.step.kind === 'tool' ? [call] : []));
  expect(called?.trace).toBeDefined();
  expect(JSON.stringify(model.requests[1]?.prompt)).toContain(called?.trace?.traceparent);
  expect(JSON.stringify(model.requests[1]?.prompt)).not.toContain('baggage');
});

it('TEL-1: the observers of a harness are told of the runs of its sessions, also of one that is started again', async () => {
  const model = scriptedModel(['One.', 'Two.']);
  const guide = defineAgent({ name: 'guide', instructions: '', model });
  const observer = recordingObserver({ traces: true });
  const harness = defineHarness({ store: memoryStore(), agents: { guide }, ephemeral: true, observers: [observer] });
  onTestFinished(() => harness[Symbol.asyncDispose]());
  const session = await harness.sessions.open('s');
  await session.run(guide, 'Go', { id: 'r1' });

  const again = await session.regenerate({ id: 'r2' });
  await harness.drive('r2');

  expect(again.key.run).toBe('r2');
  const drives = observer.calls.flatMap((call) => (call.type === 'drive' ? [call] : []));
  const callers = observer.calls.flatMap((call) => (call.type === 'caller' ? [call.trace] : []));
  expect(drives.map(({ run, of, drive }) => [run, of.session, drive.caller])).toEqual([
    ['r1', 's', callers[0]],
    ['r2', 's', callers[1]],
  ]);
});
