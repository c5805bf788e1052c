import { fileURLToPath } from 'node:url';
import { systemClock } from '@prusik/core';
import { describe, expect, it } from 'vitest';
import type { Connection } from '../src/connection.ts';
import { createEraVerdicts } from '../src/era-verdicts.ts';
import { DEFAULT_LIMITS } from '../src/limits.ts';
import type { StdioServer } from '../src/options.ts';
import { startServer } from '../src/start-server.ts';
import { callText } from './call-text.ts';
import { plainSession } from './plain-session.ts';

const script = fileURLToPath(new URL('./fixtures/both-revisions.ts', import.meta.url));

async function start(
  protocol: StdioServer['protocol'],
  args: readonly string[] = [],
  changed: (what: string) => void = () => {},
): Promise<Connection & AsyncDisposable> {
  const connection = await startServer({
    name: 'sdk',
    server: {
      transport: 'stdio',
      command: process.execPath,
      args: [script, ...args],
      ...(protocol ? { protocol } : {}),
    },
    limits: DEFAULT_LIMITS,
    verdicts: createEraVerdicts(systemClock),
    clock: systemClock,
    session: plainSession,
    signal: new AbortController().signal,
    events: { listChanged: changed, oddity: () => {} },
    setup: { capabilities: {}, prepare() {} },
  });
  return { ...connection, [Symbol.asyncDispose]: () => connection.close() };
}

describe('MCP-5: the revision of the protocol', () => {
  it.each([
    { protocol: undefined, args: [], spoken: { version: '2026-07-28', era: 'modern' } },
    { protocol: undefined, args: ['modern'], spoken: { version: '2026-07-28', era: 'modern' } },
    { protocol: '2026-07-28', args: [], spoken: { version: '2026-07-28', era: 'modern' } },
    { protocol: '2025-11-25', args: [], spoken: { version: '2025-11-25', era: 'legacy' } },
  ] as const)('of $protocol with a server of both ($args) is $spoken.version', async ({ protocol, args, spoken }) => {
    await using connection = await start(protocol, args);

    expect(connection.protocol).toEqual(spoken);
    expect(connection.server).toMatchObject({ name: 'sdk' });
    expect(connection.instructions).toBe('Be brief.');
    expect(await callText(connection, 'echo', { text: 'hello' })).toBe('hello');
  });

  it('that is asked for and not spoken keeps the server from starting', async () => {
    await expect(start('2025-11-25', ['modern'])).rejects.toMatchObject({ code: 'MCP_START_FAILED', retryable: false });
  });

  it.each(['2025-11-25', '2026-07-28'] as const)('%s tells of changed lists', async (protocol) => {
    const changes: string[] = [];
    await using connection = await start(protocol, [], (what) => changes.push(what));

    await callText(connection, 'adds-a-tool');

    await expect.poll(() => changes).toContain('tools');
  });
});
