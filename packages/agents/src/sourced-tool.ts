import type { CallNeeds, CallResult, JsonObject, SourcedTool, ToolSource } from '@prusik/core';
import { callNeeds } from './call-needs.ts';
import { usualDoubt } from './define-tool.ts';
import { schemaOf } from './json-schema.ts';
import { DEFAULT_CAP } from './tool-output.ts';
import type { AnyTool } from './tool-types.ts';

/** A tool of a source as any other tool: what the record has of it decides, and the source executes it. */
export function sourcedTool(source: ToolSource, tool: SourcedTool): AnyTool {
  const { name, inputSchema, hash, approval, parallel = true, ...same } = tool;
  return {
    ...same,
    name,
    hash,
    approval,
    parallel,
    source: source.name,
    version: '1',
    input: schemaOf(inputSchema),
    inputJsonSchema: inputSchema,
    maxOutputLines: DEFAULT_CAP.maxOutputLines,
    requires: [],
    inDoubt: usualDoubt(approval),
    async execute(input, { run, slots, signal, idempotencyKey, trace, callId, progress, answers, state = null }) {
      const continues = answers === undefined ? {} : { continues: { state, answers } };
      // The schema of a listed tool is one of an object.
      const call = { name, hash, callId, input: input as JsonObject, ...continues };
      const result = await source.call(call, { run, slots, signal, idempotencyKey, trace, progress });
      // Of a program without types it may be anything.
      const needs = (result as CallResult | undefined)?.type === 'needs' ? (result as CallNeeds) : undefined;
      return needs === undefined ? result : callNeeds(needs.needs, needs.state);
    },
    '~types': undefined as never,
  };
}
