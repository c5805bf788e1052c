import { randomUUID } from 'node:crypto';
import type { SourcedTool } from '@prusik/core';
import { toolCallScope } from './tool-call-scope.ts';
import type { ToolSourceTest, ToolSourceTestBed, ToolSourceUnderTest } from './tool-source-test.ts';
import { TOOL_SOURCE_TESTS } from './tool-source-tests.ts';

/** What {@link toolSourceContract} takes. */
export interface ToolSourceContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** Makes a source whose tools are there. Called once per test; the suite disposes it. */
  readonly create: () => ToolSourceUnderTest | Promise<ToolSourceUnderTest>;
  /** Whether its calls may need something of somebody. @default false */
  readonly asks?: boolean;
}

/** What every {@link ToolSource} does, whoever executes its tools. */
export function toolSourceContract({ test, create, asks = false }: ToolSourceContract): void {
  for (const one of toolSourceTestsFor(asks)) test(one.title, async () => runToolSourceTest(one, await create()));
}

/** The tests for a source that may ask, or may not. */
export const toolSourceTestsFor = (asks: boolean): readonly ToolSourceTest[] =>
  TOOL_SOURCE_TESTS.filter(({ needs }) => needs === undefined || asks);

/** Runs one test on one source, and disposes it. */
export async function runToolSourceTest({ run }: ToolSourceTest, subject: ToolSourceUnderTest): Promise<void> {
  try {
    await run(bedOf(subject));
  } finally {
    await subject[Symbol.asyncDispose]();
  }
}

function bedOf(subject: ToolSourceUnderTest): ToolSourceTestBed {
  const { source } = subject;
  const list = (signal?: AbortSignal) => source.list(toolCallScope(signal === undefined ? {} : { signal }));
  return {
    ...subject,
    dispose: async () => subject[Symbol.asyncDispose](),
    list,
    async tool(name): Promise<SourcedTool> {
      const { tools, withheld } = await list();
      const found = tools.find((tool) => tool.name === name);
      if (found === undefined) throw new Error(`The source does not list ${name}: ${JSON.stringify(withheld)}`);
      return found;
    },
    async call({ name, hash }, more = {}) {
      const { callId = randomUUID(), input = {}, continues, ...rest } = more;
      const scope = toolCallScope({ idempotencyKey: callId, ...rest });
      return source.call({ name, hash, callId, input, ...(continues === undefined ? {} : { continues }) }, scope);
    },
  };
}
