import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  misbehavingMcpServers,
  type McpServerKind,
  type McpServerSpeaks,
  type MisbehavingMcpServers,
} from '../src/index.ts';
import { converse } from './mcp-conversation.ts';

let servers: MisbehavingMcpServers;
beforeEach(() => {
  servers = misbehavingMcpServers({ place: 'host' });
});
afterEach(() => servers[Symbol.asyncDispose]());

const open = (kind: McpServerKind, speaks: McpServerSpeaks = 'both') => converse(servers.program(kind, { speaks }));
const act = (text: string) => ({ name: 'act', arguments: { text } });
const MODERN = { _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28' } };

it('TST-2: the control speaks 2025-11-25, has its effect, and ends with its input', async () => {
  const server = open('well', '2025-11-25');

  server.request('server/discover');
  server.request('initialize');
  server.request('tools/list');
  server.request('tools/call', act('one'));
  const answers = [await server.message(), await server.message(), await server.message(), await server.message()];
  server.end();

  expect(answers).toMatchObject([
    { id: 1, error: { code: -32_601 } },
    { id: 2, result: { protocolVersion: '2025-11-25' } },
    { id: 3, result: { tools: [{ name: 'act' }, { name: 'echo' }] } },
    { id: 4, result: { content: [{ type: 'text', text: 'done' }] } },
  ]);
  expect(answers[3]?.result).not.toHaveProperty('resultType');
  expect(servers.effects()).toEqual(['one']);
  expect(await server.exit).toEqual([0, null]);
});

it('TST-2: the control speaks 2026-07-28', async () => {
  const server = open('well', '2026-07-28');

  server.request('initialize');
  server.request('server/discover');
  server.request('tools/call', { ...act('one'), ...MODERN });
  const answers = [await server.message(), await server.message(), await server.message()];
  server.end();

  expect(answers).toMatchObject([
    { error: { code: -32_601 } },
    { result: { resultType: 'complete', supportedVersions: ['2026-07-28'] } },
    { result: { resultType: 'complete', content: [{ text: 'done' }] } },
  ]);
  await server.exit;
});

it('TST-2: servers are found by what they carry, with what they have started, and disposing ends them', async () => {
  const server = open('grandchild-in-own-session');
  server.request('ping');
  await server.message();

  // Its shell forks for a moment now and then.
  await expect.poll(() => servers.processes()).toHaveLength(2);
  expect(servers.processes()).toContain(server.pid);
  await servers[Symbol.asyncDispose]();

  expect(await server.exit).toEqual([null, 'SIGKILL']);
  await expect.poll(() => servers.processes()).toEqual([]);
  servers = misbehavingMcpServers({ place: 'host' });
});

it('TST-2: one that ignores its end outlives its input and SIGTERM', async () => {
  const server = open('ignores-end');
  server.request('ping');
  await server.message();
  server.end();
  server.kill('SIGTERM');
  server.kill('SIGKILL');

  expect(await server.exit).toEqual([null, 'SIGKILL']);
});

it.each([
  ['crash-at-start', [7, null], /settings/],
  ['exit-in-handshake', [3, null], /^$/],
] as const)('TST-2: %s exits as it says', async (kind, exit, stderr) => {
  const server = open(kind);
  server.request('initialize');

  expect(await server.exit).toEqual(exit);
  expect(await server.stderr).toMatch(stderr);
});

it.each([
  ['crash-before-effect', []],
  ['crash-after-effect', ['one']],
] as const)('TST-2: %s has that effect, and dies without an answer', async (kind, effects) => {
  const server = open(kind);
  server.request('tools/call', act('one'));

  expect(await server.line()).toBeUndefined();
  expect(await server.exit).toEqual([9, null]);
  expect(servers.effects()).toEqual(effects);
});

it.each(['progress-flood', 'log-flood', 'list-changed-flood', 'garbage-in-call'] as const)(
  'TST-2: %s writes more than 10,000 lines, if somebody reads them',
  async (kind) => {
    const server = open(kind);
    server.request('tools/call', { ...act('one'), _meta: { progressToken: 1 } });

    let last: string | undefined;
    for (let count = 0; count < 10_000; count += 1) last = await server.line();
    expect(last).toBeDefined();
    server.kill('SIGKILL');
    await server.exit;
  },
);

it('TST-2: a flood of requests is 500 of them before an answer', async () => {
  const server = open('request-flood');
  server.request('tools/call', act('one'));

  const methods = new Set<unknown>();
  for (let count = 0; count < 500; count += 1) methods.add((await server.message()).method);
  expect([...methods].toSorted()).toEqual(['ping', 'roots/list']);
  expect(await server.message()).toMatchObject({ id: 1, result: { content: [{ text: 'done' }] } });
  server.kill('SIGKILL');
  await server.exit;
});

it('TST-2: two answers, stray ones and late ones are written', async () => {
  const twice = open('two-answers');
  twice.request('tools/call', act('one'));
  const stray = open('stray-answers');
  stray.request('tools/call', act('one'));
  const late = open('late-answer');
  late.request('tools/call', act('one'));
  late.notify('notifications/cancelled', { requestId: 1 });

  expect([(await twice.message()).id, (await twice.message()).id]).toEqual([1, 1]);
  expect((await stray.message()).id).toBe('1');
  expect(await late.message()).toMatchObject({ id: 1, result: { content: [{ text: 'late' }] } });
  for (const server of [twice, stray, late]) {
    server.end();
    await server.exit;
  }
});

it('TST-2: changed tools are told of, and are others afterwards', async () => {
  const server = open('changed-description', '2025-11-25');
  server.request('tools/list');
  server.request('tools/call', act('one'));
  server.request('tools/list');

  const [before, changed, , after] = [
    await server.message(),
    await server.message(),
    await server.message(),
    await server.message(),
  ];
  server.end();

  expect(changed?.method).toBe('notifications/tools/list_changed');
  expect(after?.result).not.toEqual(before?.result);
  await server.exit;
});

it('TST-2: over HTTP a call is a stream of events, and one that ends without an answer has none', async () => {
  const call = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: act('one') };
  const post = async (kind: McpServerKind) => {
    const { url } = await servers.listen(kind, { speaks: '2025-11-25' });
    return (await fetch(url, { method: 'POST', body: JSON.stringify(call) })).text();
  };

  expect(await post('well')).toMatch(/^data: .*"done"/);
  expect(await post('ends-without-answer')).toBe('');
  expect(servers.effects()).toEqual(['one', 'one']);
});

it('TST-2: a kind that there is not is refused', async () => {
  const { command, args } = servers.program('well');
  const server = converse({ command, args: args.map((arg) => (arg === 'well' ? 'unwell' : arg)), mounts: [] });

  expect(await server.stderr).toMatch(/There is no server of the kind "unwell"/);
  expect(await server.exit).toEqual([1, null]);
});
