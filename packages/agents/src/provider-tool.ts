import { hashJson, toJson } from '@prusik/core';
import { checkToolName } from './tool-name.ts';
import type { ProviderExecutedTool, ToolDefinition } from './tool-types.ts';

/**
 * A tool that the provider runs: `tools: [providerTool('web_search', anthropic.tools.webSearch_20250305({ maxUses: 3 }))]`. Its calls and results come
 * with the reply and are stored in it; nothing is executed here, no policy is asked, and a model of another provider does not have it.
 *
 * @throws {TypeError} for a name that providers refuse, and for a tool that is not executed by its provider.
 */
export function providerTool<const Name extends string>(
  name: Name,
  tool: ProviderExecutedTool,
): ToolDefinition<Name, unknown, unknown, unknown, unknown> {
  checkToolName(name);
  // Of a program without types it may be anything.
  const { type, isProviderExecuted, id } = tool as Partial<ProviderExecutedTool>;
  if (type !== 'provider' || isProviderExecuted !== true || typeof id !== 'string')
    throw new TypeError(`The tool ${name} is not one that its provider executes: define it with defineTool`);
  return {
    name,
    description: id,
    version: '1',
    input: { '~standard': { version: 1, vendor: 'prusik', validate: (value) => ({ value }) } },
    inputJsonSchema: {},
    hash: hashJson([name, id, toJson(tool.args)]),
    provider: tool,
    effect: 'repeatable',
    timeoutMs: 1,
    maxOutputBytes: 1,
    maxOutputLines: 1,
    parallel: true,
    requires: [],
    inDoubt: 'tell-model',
    approval: 'never',
    execute: () => Promise.reject(new TypeError(`The provider executes ${name}`)),
    '~types': undefined as never,
  };
}
