import { checkMessage } from '@prusik/core';
import { fakeClock } from '@prusik/testing-contracts';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS, type McpLimits } from '../src/limits.ts';
import { createPrompts } from '../src/prompts.ts';
import { callResourceTool, RESOURCE_TOOLS } from '../src/resource-tools.ts';
import { createResources, type ReadServerOptions } from '../src/resources.ts';
import { scriptedServer, type Answer, type ScriptedServer } from './scripted-server.ts';

const INITIALIZE: Answer = () => ({
  protocolVersion: '2025-11-25',
  capabilities: { resources: {}, prompts: {} },
  serverInfo: { name: 'scripted', version: '1' },
});

const readerOf = ({ connection }: ScriptedServer, limits: Partial<McpLimits> = {}): ReadServerOptions => ({
  server: 'docs',
  limits: { ...DEFAULT_LIMITS, ...limits },
  clock: fakeClock(),
  use: (work) => work(connection),
});

const resourcesOf = async (answers: Readonly<Record<string, Answer>>, limits: Partial<McpLimits> = {}) => {
  const server = await scriptedServer({ initialize: INITIALIZE, ...answers });
  return { server, resources: createResources(readerOf(server, limits)) };
};

const promptsOf = async (answers: Readonly<Record<string, Answer>>, limits: Partial<McpLimits> = {}) => {
  const server = await scriptedServer({ initialize: INITIALIZE, ...answers });
  let n = 0;
  return createPrompts({ ...readerOf(server, limits), newId: () => `m${(n += 1)}` });
};

describe('resources', () => {
  it('MCP-5: are listed over all pages, without what is no resource, and shown as a person sees it', async () => {
    const { resources } = await resourcesOf({
      'resources/list': ({ cursor }) =>
        cursor === undefined
          ? {
              resources: [{ uri: 'docs://1', name: 'one', mimeType: 'text/plain', size: 3 }, { name: 'no uri' }, null],
              nextCursor: 'b',
            }
          : {
              resources: [{ uri: 'docs://2', name: 'two', title: 'T\u202ewo', description: 'd', mimeType: '<script>' }],
            },
    });

    expect(await resources.list()).toEqual([
      { uri: 'docs://1', name: 'one', mediaType: 'text/plain', size: 3 },
      { uri: 'docs://2', name: 'two', title: 'Two', description: 'd', mediaType: 'application/octet-stream' },
    ]);
  });

  it('MCP-5: a server that says it has none is not asked', async () => {
    const server = await scriptedServer({});
    const resources = createResources(readerOf(server));

    expect(await resources.list()).toEqual([]);
    expect(server.asked).toEqual([]);
  });

  it('MCP-5, I9: pages without end are refused', async () => {
    const { resources } = await resourcesOf(
      { 'resources/list': ({ cursor }) => ({ resources: [], nextCursor: `${cursor ?? ''}x` }) },
      { pages: 3 },
    );

    await expect(resources.list()).rejects.toMatchObject({ code: 'MCP_LIST_TOO_LARGE' });
  });

  it('MCP-5: are read as text or bytes, from the server alone', async () => {
    const { resources, server } = await resourcesOf({
      'resources/read': ({ uri }) => ({
        contents: [
          { uri: uri ?? '', text: 'belay\u001b[2J on' },
          { uri: 'docs://b', mimeType: 'image/PNG; q=1', blob: 'AAEC' },
        ],
      }),
    });

    expect(await resources.read('https://elsewhere.test/1')).toEqual([
      { uri: 'https://elsewhere.test/1', mediaType: 'text/plain', text: 'belay on' },
      { uri: 'docs://b', mediaType: 'image/png', bytes: Buffer.from([0, 1, 2]) },
    ]);
    expect(server.asked).toEqual(['resources/read']);
  });

  it('MCP-2, I9: one that is too large, or is nothing, is refused with a code', async () => {
    const { resources } = await resourcesOf(
      {
        'resources/read': ({ uri }) =>
          uri === 'large' ? { contents: [{ uri, text: 'x'.repeat(101) }] } : { contents: [{ uri: 'x', blob: '?' }] },
      },
      { resultBytes: 100 },
    );

    await expect(resources.read('large')).rejects.toMatchObject({ code: 'MCP_RESULT_TOO_LARGE' });
    await expect(resources.read('broken')).rejects.toMatchObject({ code: 'MCP_PROTOCOL_ERROR' });
    await expect(resources.read('')).rejects.toThrow(TypeError);
  });

  it('MCP-2: a server that is silent costs the reader callMs, and may be asked again', async () => {
    const clock = fakeClock();
    const server = await scriptedServer({ initialize: INITIALIZE });
    const resources = createResources({ ...readerOf(server), clock });
    const read = resources.read('docs://1').catch((error: unknown) => error);
    await Promise.resolve();
    clock.advance(DEFAULT_LIMITS.callMs);

    expect(await read).toMatchObject({ code: 'MCP_UNAVAILABLE', retryable: true });
  });

  it('MCP-5: as tools, a model lists them with their patterns, and reads one', async () => {
    const { resources } = await resourcesOf({
      'resources/list': () => ({ resources: [{ uri: 'docs://1', name: 'one', mimeType: 'text/plain', size: 3 }] }),
      'resources/templates/list': () => ({ resourceTemplates: [{ uriTemplate: 'docs://{n}', name: 'any' }] }),
      'resources/read': ({ uri }) => ({ contents: [{ uri: uri ?? '', text: 'belay' }] }),
    });
    const { signal } = new AbortController();

    expect(RESOURCE_TOOLS.map(({ name }) => name)).toEqual(['list_resources', 'read_resource']);
    expect(await callResourceTool(resources, { name: 'list_resources', input: {}, signal })).toEqual({
      type: 'outcome',
      parts: ['- one, docs://1, text/plain, 3 bytes\n- any, docs://{n}'],
    });
    expect(await callResourceTool(resources, { name: 'read_resource', input: { uri: 'docs://7' }, signal })).toEqual({
      type: 'outcome',
      parts: ['[resource: docs://7]\nbelay'],
    });
  });
});

describe('prompts', () => {
  it('MCP-5: are listed with what they can be filled in with', async () => {
    const prompts = await promptsOf({
      'prompts/list': () => ({
        prompts: [
          {
            name: 'plan',
            title: 'Plan',
            arguments: [
              { name: 'route', required: true },
              { name: 'day', description: 'When' },
            ],
          },
          { title: 'no name' },
        ],
      }),
    });

    expect(await prompts.list()).toEqual([
      {
        name: 'plan',
        title: 'Plan',
        arguments: [
          { name: 'route', required: true },
          { name: 'day', description: 'When', required: false },
        ],
      },
    ]);
  });

  it('MCP-5: become messages that a conversation can hold', async () => {
    const prompts = await promptsOf({
      'prompts/get': ({ name, arguments: given }) => ({
        messages: [
          { role: 'user', content: { type: 'text', text: `${String(name)} ${JSON.stringify(given)}` } },
          { role: 'assistant', content: { type: 'text', text: 'Gladly.' } },
          { role: 'user', content: { type: 'image', mimeType: 'image/png', data: 'AAEC' } },
        ],
      }),
    });
    const messages = await prompts.get('plan', { route: 'north' });
    for (const message of messages) checkMessage(message);

    expect(messages).toEqual([
      { v: 1, id: 'm1', role: 'user', kind: 'context', content: [{ type: 'text', text: 'plan {"route":"north"}' }] },
      { v: 1, id: 'm2', role: 'assistant', kind: 'assistant', content: [{ type: 'text', text: 'Gladly.' }] },
      {
        v: 1,
        id: 'm3',
        role: 'user',
        kind: 'context',
        content: [{ type: 'file', mediaType: 'image/png', data: { base64: 'AAEC' } }],
      },
    ]);
  });

  it('MCP-2, I9: one that is too large, or has a message of nobody, is refused with a code', async () => {
    const prompts = await promptsOf(
      {
        'prompts/get': ({ name }) => ({
          messages: [
            {
              role: name === 'large' ? 'user' : 'system',
              content: { type: 'text', text: 'x'.repeat(name === 'large' ? 101 : 1) },
            },
          ],
        }),
      },
      { resultBytes: 100 },
    );

    await expect(prompts.get('large')).rejects.toMatchObject({ code: 'MCP_RESULT_TOO_LARGE' });
    await expect(prompts.get('wrong')).rejects.toMatchObject({ code: 'MCP_PROTOCOL_ERROR' });
  });
});
