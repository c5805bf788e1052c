import { randomUUID } from 'node:crypto';
import type { RunInfo, SourcedTool, ToolCallScope } from '@prusik/core';
import type { ToolSourceTest, ToolSourceTestBed, ToolSourceUnderTest } from './tool-source-test.ts';
import { TOOL_SOURCE_TESTS } from './tool-source-tests.ts';

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

const RUN: RunInfo = {
  key: { tenant: 'default', run: 'contract' },
  root: 'contract',
  depth: 0,
  definition: 'contract',
  context: null,
  attended: true,
  rights: {},
  attempt: 1,
};

/** The run has no workspace, and nothing else that a source may look at. */
const none = (): Promise<never> => Promise.reject(new Error('The run of the suite has no state'));
const SLOTS: ToolCallScope['slots'] = { get: none, set: none, update: none };

function bedOf(subject: ToolSourceUnderTest): ToolSourceTestBed {
  const { source } = subject;
  const list = (signal = new AbortController().signal) => source.list({ run: RUN, signal });
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
      const scope: ToolCallScope = {
        run: RUN,
        signal: new AbortController().signal,
        idempotencyKey: callId,
        progress: () => {},
        slots: SLOTS,
        ...rest,
      };
      return source.call({ name, hash, callId, input, ...(continues === undefined ? {} : { continues }) }, scope);
    },
  };
}
