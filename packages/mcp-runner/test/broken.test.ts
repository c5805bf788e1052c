import type { Sandbox } from '@prusik/core';
import {
  MCP_RUNNER_TESTS,
  runMcpRunnerTest,
  type McpRunnerOrder,
  type McpRunnerUnderTest,
} from '@prusik/testing-contracts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mcpRunner } from '../src/index.ts';
import { contractServer, temporarySandbox } from './contract.ts';
import { RUNNER_FAULTS, type RunnerFault } from './runner-faults.ts';

/** Longer than each bound that a fault ignores, and not as long as a slow machine is given. */
const HUNG_MS = 2_500;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await temporarySandbox('none');
});
afterAll(() => sandbox[Symbol.asyncDispose]());

it('TST-2: every test of the suite has a fault that it catches, and every fault a test', () => {
  const caught = RUNNER_FAULTS.map(({ caughtBy }) => MCP_RUNNER_TESTS.filter(({ title }) => title.includes(caughtBy)));
  expect(caught.filter((by) => by.length !== 1)).toEqual([]);
  expect(MCP_RUNNER_TESTS.filter((test) => !caught.flat().includes(test))).toEqual([]);
});

it.each(RUNNER_FAULTS.map((fault) => [fault.name, fault] as const))(
  'TST-2: the suite notices: %s',
  { timeout: 60_000 },
  async (_, fault) => {
    const test = MCP_RUNNER_TESTS.find(({ title }) => title.includes(fault.caughtBy));
    if (test === undefined) throw new Error(`There is no test for ${fault.name}`);

    const given = fault.hangs ? { ...test, withinMs: HUNG_MS } : test;

    let made: McpRunnerUnderTest | undefined;
    const create = (order: McpRunnerOrder) => (made = broken(fault, order));
    const run = runMcpRunnerTest(given, { create, place: 'host' });

    await expect(run).rejects.toMatchObject({ name: expect.stringMatching(/Error/) });
    // One that could not even be made would be noticed by any test.
    expect(made).toBeDefined();
  },
);

function broken(
  { configure = (server) => server, change = (runner) => runner }: RunnerFault,
  { servers }: McpRunnerOrder,
) {
  const make = () => {
    const runner = mcpRunner({
      sandbox,
      servers: {
        bad: configure(contractServer(servers.bad, 'none')),
        well: contractServer(servers.well, 'none'),
      },
    });
    return { source: runner.source(), [Symbol.asyncDispose]: () => runner[Symbol.asyncDispose]() };
  };
  return change(make(), make);
}
