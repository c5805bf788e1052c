import type { ToolSource } from '@prusik/core';
import type { streamText, ToolSet } from 'ai';
import { describe, expectTypeOf, it } from 'vitest';
import type { McpRunner, McpTool, McpToolSet, ToolInputSchema } from '../src/index.ts';
import { mcpRunner } from '../src/index.ts';

describe('MCP-6: tools of the AI SDK', () => {
  it('MCP-6: are what it takes, without a cast', () => {
    expectTypeOf<McpToolSet>().toExtend<ToolSet>();
    expectTypeOf<McpTool>().toExtend<ToolSet[string]>();
    expectTypeOf<Awaited<ReturnType<McpRunner['tools']>>>().toExtend<
      NonNullable<Parameters<typeof streamText<McpToolSet>>[0]['tools']>
    >();
  });

  it('MCP-6: have a schema that defineTool takes', () => {
    expectTypeOf<ToolInputSchema['~standard']['validate']>().returns.not.toBeAny();
    expectTypeOf<ReturnType<McpRunner['source']>>().toEqualTypeOf<ToolSource>();
  });
});

describe('MCP-4: options of a runner', () => {
  it('MCP-4: are checked where they are written', () => {
    // @ts-expect-error a tool that is called with a key would need a server that knows keys
    mcpRunner({ servers: { a: { transport: 'http', url: 'https://x', effects: { pay: 'keyed' } } } });
    // @ts-expect-error no such tier
    mcpRunner({ servers: {}, approvals: { lowest: 'never' } });
    // @ts-expect-error a policy says allow, or why not
    mcpRunner({ servers: {}, policy: () => true });
    expectTypeOf(mcpRunner).returns.toEqualTypeOf<McpRunner>();
  });
});
