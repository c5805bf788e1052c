import assert from 'node:assert/strict';
import {
  PrusikError,
  systemClock,
  within,
  type CallResult,
  type SourcedTool,
  type ToolListing,
  type ToolSource,
} from '@prusik/core';
import { leakCounter } from './crash/leaks.ts';
import { MCP_CALL_TESTS } from './mcp-runner-call-tests.ts';
import { MCP_FLOOD_TESTS } from './mcp-runner-flood-tests.ts';
import { MCP_LIST_TESTS } from './mcp-runner-list-tests.ts';
import { MCP_PROCESS_TESTS } from './mcp-runner-process-tests.ts';
import { MCP_START_TESTS } from './mcp-runner-start-tests.ts';
import type { McpRunnerCall, McpRunnerLimits, McpRunnerTest, McpRunnerTestBed } from './mcp-runner-test.ts';
import { toolCallScope } from './tool-call-scope.ts';
import { misbehavingMcpServers, type McpProgram } from './misbehaving-mcp-servers.ts';

/** A server that a runner is made for. */
export type McpServerOrder = (
  | ({ readonly transport: 'stdio' } & McpProgram)
  | { readonly transport: 'http'; readonly url: string }
) & { readonly limits: McpRunnerLimits };

/** What a runner is made for. */
export interface McpRunnerOrder {
  /** By name. Their tools are offered as `<server>_<tool>`, without a person's approval, and none of them may be repeated. */
  readonly servers: Readonly<Record<'bad' | 'well', McpServerOrder>>;
}

/** A runner, as the suite sees it; disposing it ends its servers. */
export interface McpRunnerUnderTest extends AsyncDisposable {
  /** Its tools. */
  readonly source: ToolSource;
}

/** What {@link mcpRunnerContract} takes. */
export interface McpRunnerContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /**
   * Makes a runner. Called once per test; the suite disposes it, and what is open then and was not before is a failure. What is opened once and kept, such as files
   * of a sandbox that all of them share, has to be open before the suite.
   */
  readonly create: (order: McpRunnerOrder) => McpRunnerUnderTest | Promise<McpRunnerUnderTest>;
  /** Where the runner starts servers: `sandbox` where nothing of the host can be read but what is mounted, and no process outlives its session. */
  readonly place: 'host' | 'sandbox';
}

/** What every runner of MCP servers does with one that misbehaves: its tools or its call are lost with a code, and nothing else. */
export function mcpRunnerContract({ test, ...contract }: McpRunnerContract): void {
  for (const one of mcpRunnerTestsFor(contract.place)) test(one.title, () => runMcpRunnerTest(one, contract));
}

/** All of them, wherever servers run. */
export const MCP_RUNNER_TESTS: readonly McpRunnerTest[] = [
  ...MCP_START_TESTS,
  ...MCP_CALL_TESTS,
  ...MCP_FLOOD_TESTS,
  ...MCP_LIST_TESTS,
  ...MCP_PROCESS_TESTS,
];

/** Those that can hold where the runner starts its servers. */
export const mcpRunnerTestsFor = (place: McpRunnerContract['place']): readonly McpRunnerTest[] =>
  MCP_RUNNER_TESTS.filter(({ only }) => only === undefined || only === place);

/** Large enough for a slow machine; a test of a bound sets its own. */
const LIMITS: McpRunnerLimits = {
  startMs: 10_000,
  callMs: 10_000,
  totalMs: 12_000,
  messageBytes: 256 * 1024,
  pages: 8,
  tools: 20,
  garbageLines: 20,
  stderrBytes: 4_096,
};
/** Until a runner that is disposed has ended what does not end by itself. */
const CLOSE_MS = 8_000;

/** Runs one test on a runner of its own. Rejects when it fails, or when something is left, or when the other server is not well. */
export async function runMcpRunnerTest(
  test: McpRunnerTest,
  { create, place }: Omit<McpRunnerContract, 'test'>,
): Promise<void> {
  const servers = misbehavingMcpServers({ place });
  const leaks = leakCounter();
  const { kind, transport = 'stdio', speaks = 'both', withinMs = 15_000 } = test;
  const limits = { ...LIMITS, ...test.limits };
  const listener = transport === 'http' ? await servers.listen(kind, { speaks }) : undefined;
  const bad = listener === undefined ? servers.program(kind, { speaks }) : { url: listener.url };
  try {
    const runner = await create({
      servers: {
        bad: { ...bad, transport, limits } as McpServerOrder,
        well: { ...servers.program('well'), transport: 'stdio', limits: LIMITS },
      },
    });
    try {
      const bed = testBed(runner.source, limits, servers);
      await inTime('The test', withinMs, () => test.run(bed));
      await inTime('A call of the other server', LIMITS.callMs, () => checkWell(bed));
    } finally {
      await inTime('The end of the runner', CLOSE_MS, async () => runner[Symbol.asyncDispose]());
    }
    await listener?.[Symbol.asyncDispose]();
    assert.deepEqual(await processesLeft(servers), [], 'Processes of servers are left');
  } finally {
    await listener?.[Symbol.asyncDispose]();
    await servers[Symbol.asyncDispose]();
  }
  assert.deepEqual(
    await leaks.leaks(),
    [],
    'Something is left open by a runner that is disposed; what is opened once and kept has to be open before the suite',
  );
}

function testBed(
  source: ToolSource,
  limits: McpRunnerLimits,
  servers: Pick<McpRunnerTestBed, 'effects' | 'processes'>,
): McpRunnerTestBed {
  let calls = 0;
  const list = (): Promise<ToolListing> => source.list(toolCallScope());
  const find = async (name: string): Promise<SourcedTool> => {
    const { tools, withheld } = await list();
    const tool = tools.find((one) => one.name === name);
    assert.ok(tool, `${name} is not offered: ${JSON.stringify(withheld).slice(0, 1_000)}`);
    return tool;
  };
  return {
    limits,
    list,
    async call(name, text, { server = 'bad', tool, onProgress, ...rest }: McpRunnerCall = {}): Promise<CallResult> {
      const { name: called, hash } = tool ?? (await find(`${server}_${name}`));
      const callId = `call-${++calls}`;
      const scope = toolCallScope({
        ...rest,
        idempotencyKey: callId,
        ...(onProgress === undefined ? {} : { progress: onProgress }),
      });
      return source.call({ name: called, hash, callId, input: { text } }, scope);
    },
    effects: () => servers.effects(),
    processes: () => servers.processes(),
  };
}

/** One that was killed is there until the system has got round to it, which is no time for a runner to end one. */
async function processesLeft({ processes }: Pick<McpRunnerTestBed, 'processes'>): Promise<readonly number[]> {
  for (let tries = 1; ; tries += 1) {
    const left = processes();
    if (left.length === 0 || tries === 10) return left;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function checkWell(bed: McpRunnerTestBed): Promise<void> {
  assert.deepEqual(await bed.call('echo', 'still here', { server: 'well' }), {
    type: 'outcome',
    parts: ['still here'],
  });
}

async function inTime<T>(what: string, ms: number, work: () => Promise<T>): Promise<T> {
  try {
    return await within(systemClock, ms, work);
  } catch (error) {
    if (error instanceof PrusikError && error.code === 'TIMED_OUT') assert.fail(`${what} was not over within ${ms} ms`);
    throw error;
  }
}
