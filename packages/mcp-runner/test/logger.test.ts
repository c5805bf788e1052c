import type { LogFields, Logger } from '@prusik/core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mcpRunner } from '../src/index.ts';
import { newPlace, type Place } from './place.ts';

let place: Place;
beforeAll(async () => {
  place = await newPlace('none');
});
afterAll(() => place[Symbol.asyncDispose]());

function collected() {
  const lines: LogFields[] = [];
  const at = (level: string) => (fields: LogFields) => void lines.push({ level, ...fields });
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  return { lines, logger };
}

it('TEL-5: operators hear of MCP servers that start, stop, fail and wait, and that one does odd things, without its words', async () => {
  const { lines, logger } = collected();
  const servers = {
    good: await place.server('stdio-server', ['noisy']),
    bad: await place.server('stdio-server', ['exits'], { env: { KEY: 'a plain CANARY' } }),
  };
  const runner = mcpRunner({ servers, sandbox: place.sandbox, logger });

  await runner.tools({ partial: true });
  await runner[Symbol.asyncDispose]();

  expect(lines).toContainEqual({ level: 'info', event: 'mcp-start', server: 'good', ms: expect.any(Number) });
  expect(lines).toContainEqual({ level: 'info', event: 'mcp-stop', server: 'good' });
  expect(lines).toContainEqual({ level: 'warn', event: 'mcp-oddity', server: 'good', count: 1 });
  expect(lines).toContainEqual({
    level: 'warn',
    event: 'mcp-backoff',
    server: 'bad',
    code: 'MCP_START_FAILED',
    failures: 1,
    ms: expect.any(Number),
  });
  expect(JSON.stringify(lines)).not.toMatch(/CANARY|Listening|no configuration/);
});
