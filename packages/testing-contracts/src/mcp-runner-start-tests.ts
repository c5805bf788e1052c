import assert from 'node:assert/strict';
import type { ToolListing } from '@prusik/core';
import type { McpRunnerTest, McpRunnerTestBed } from './mcp-runner-test.ts';

/** Nothing of the server is offered, and one code says why. */
async function unusable(bed: McpRunnerTestBed, code: string): Promise<string> {
  const listing = await bed.list();
  assert.deepEqual(offeredOfBad(listing), []);
  assert.deepEqual(
    listing.withheld.map((one) => [one.tool, one.code]),
    [[undefined, code]],
  );
  return listing.withheld[0]?.reason ?? '';
}

const offeredOfBad = ({ tools }: ToolListing): readonly string[] =>
  tools.map(({ name }) => name).filter((name) => name.startsWith('bad_'));

async function isWell(bed: McpRunnerTestBed): Promise<void> {
  assert.deepEqual(await bed.call('act', 'one'), { type: 'outcome', parts: ['done'] });
  assert.deepEqual(bed.effects(), ['one']);
}

/** With whom a conversation begins, and with whom not. */
export const MCP_START_TESTS: readonly McpRunnerTest[] = [
  { title: 'MCP-1: a well-behaved server is called, over stdio', kind: 'well', run: isWell },
  {
    title: 'MCP-1: a well-behaved server of 2025-11-25 is called, over stdio',
    kind: 'well',
    speaks: '2025-11-25',
    run: isWell,
  },
  {
    title: 'MCP-1: a well-behaved server of 2026-07-28 is called, over stdio',
    kind: 'well',
    speaks: '2026-07-28',
    run: isWell,
  },
  { title: 'MCP-1: a well-behaved server is called, over HTTP', kind: 'well', transport: 'http', run: isWell },
  {
    title: 'MCP-1: a well-behaved server of 2025-11-25 is called, over HTTP',
    kind: 'well',
    transport: 'http',
    speaks: '2025-11-25',
    run: isWell,
  },
  {
    title: 'MCP-1: a server is started when it is needed, once, however many need it at once',
    kind: 'well',
    async run(bed) {
      assert.deepEqual(bed.processes(), []);

      await Promise.all(Array.from({ length: 20 }, () => bed.list()));
      const started = bed.processes();
      await Promise.all(Array.from({ length: 20 }, (_, index) => bed.call('echo', `${index}`)));

      assert.ok(started.length > 0);
      assert.deepEqual(bed.processes(), started);
    },
  },
  {
    title: 'MCP-2: of a server that dies at its start the exit code and the end of its stderr are told',
    kind: 'crash-at-start',
    async run(bed) {
      const reason = await unusable(bed, 'MCP_START_FAILED');

      assert.match(reason, /\b7\b/);
      assert.match(reason, /settings\.json could not be read/);
    },
  },
  {
    title: 'MCP-2: a server that exits at the first message costs its tools, with MCP_START_FAILED',
    kind: 'exit-in-handshake',
    async run(bed) {
      assert.match(await unusable(bed, 'MCP_START_FAILED'), /\b3\b/);
    },
  },
  {
    title:
      'MCP-2: a server that exits because it does not know the question of the newer revision is started again without it',
    kind: 'exit-on-probe',
    speaks: '2025-11-25',
    run: isWell,
  },
  {
    title: 'MCP-2: a server that does not answer the question of the newer revision is asked as the older one does',
    kind: 'silent-on-probe',
    speaks: '2025-11-25',
    limits: { startMs: 6_000 },
    run: isWell,
  },
  {
    title: 'MCP-2: a server that answers nothing is given up at startMs, with MCP_START_TIMEOUT',
    kind: 'hang-at-start',
    limits: { startMs: 500 },
    withinMs: 8_000,
    async run(bed) {
      await unusable(bed, 'MCP_START_TIMEOUT');
    },
  },
  {
    title: 'MCP-2: a server over HTTP that answers nothing is given up at startMs, with MCP_START_TIMEOUT',
    kind: 'hang-at-start',
    transport: 'http',
    limits: { startMs: 500 },
    withinMs: 8_000,
    async run(bed) {
      await unusable(bed, 'MCP_START_TIMEOUT');
    },
  },
  {
    title: 'MCP-2: a server that greets on its standard output is used all the same',
    kind: 'banner',
    run: isWell,
  },
  {
    title:
      'MCP-2: a server that writes no messages but lines without end is stopped at garbageLines, with MCP_PROTOCOL_ERROR',
    kind: 'garbage-at-start',
    async run(bed) {
      await unusable(bed, 'MCP_PROTOCOL_ERROR');
    },
  },
  {
    title: 'MCP-2: a handshake that is none costs the tools of its server, with MCP_START_FAILED',
    kind: 'wrong-handshake',
    async run(bed) {
      await unusable(bed, 'MCP_START_FAILED');
    },
  },
  {
    title: 'MCP-2: a server of a revision that nobody knows costs its tools, with MCP_START_FAILED',
    kind: 'unknown-revision',
    async run(bed) {
      await unusable(bed, 'MCP_START_FAILED');
    },
  },
  {
    title: 'MCP-2: a server that names one revision and speaks the other costs its tools, with MCP_PROTOCOL_ERROR',
    kind: 'lies-about-revision',
    async run(bed) {
      await unusable(bed, 'MCP_PROTOCOL_ERROR');
    },
  },
];
