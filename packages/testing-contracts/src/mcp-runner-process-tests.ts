import assert from 'node:assert/strict';
import type { McpRunnerTest, McpRunnerTestBed } from './mcp-runner-test.ts';

/** It works as long as it is needed; that nothing of it is left is asked after each test. */
async function works(bed: McpRunnerTestBed): Promise<void> {
  assert.deepEqual(await bed.call('act', 'one'), { type: 'outcome', parts: ['done'] });
  assert.ok(bed.processes().length > 0, 'There are no processes to be ended');
}

/** Servers that leave something behind. */
export const MCP_PROCESS_TESTS: readonly McpRunnerTest[] = [
  {
    title: 'I8: a server that ignores the end of its input and every polite signal is ended with its runner',
    kind: 'ignores-end',
    run: works,
  },
  {
    title: 'I8: the child of a server is ended with it',
    kind: 'grandchild',
    run: works,
  },
  {
    title: 'I8: the child of a server that keeps its output open is ended with it, and nobody waits for it',
    kind: 'grandchild-holds-output',
    run: works,
  },
  {
    title: 'I8: the child of a server in a session of its own is ended with it',
    kind: 'grandchild-in-own-session',
    only: 'sandbox',
    run: works,
  },
];
