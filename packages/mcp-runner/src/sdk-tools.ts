import {
  CALL_NEEDS_LIMIT,
  PrusikError,
  toJson,
  type CallAnswer,
  type CallAnswers,
  type CallNeed,
  type CallNeeds,
  type CallOutcome,
  type CallResult,
  type FileData,
  type Json,
  type JsonObject,
  type SourcedTool,
  type ToolContentPart,
} from '@prusik/core';
import type { ManagedServer } from './mcp-server.ts';
import type { CredentialOwner } from './oauth-owner.ts';
import { abortable } from './wait.ts';
import { toolInputSchema, type ToolInputSchema } from './tool-schema.ts';

/** What a tool returned, as plain JSON. */
export interface McpToolOutput {
  readonly text: string;
  /** Images and other files, in base64. */
  readonly files?: readonly { readonly mediaType: string; readonly data: string; readonly name?: string }[];
  /** What it gave as data. */
  readonly value?: Json;
}

/** A tool of the AI SDK, by structure: this package does not depend on it. */
export interface McpTool {
  readonly type: 'dynamic';
  readonly description: string;
  readonly inputSchema: ToolInputSchema;
  /** Whether the SDK asks before it calls. */
  readonly needsApproval: boolean;
  /** The server, and its own name for the tool. */
  readonly metadata: { readonly mcpServer: string; readonly mcpTool: string };
  /** @throws {PrusikError} why it was not called, or failed, with its code; `meta.inDoubt` where nobody knows whether it happened. */
  execute(
    input: unknown,
    options: { readonly toolCallId: string; readonly abortSignal?: AbortSignal | undefined },
  ): Promise<McpToolOutput>;
  toModelOutput(options: { readonly output: McpToolOutput }): McpModelOutput;
}

/** What a model is shown of an output. */
export type McpModelOutput =
  | { readonly type: 'text'; readonly value: string }
  | { readonly type: 'json'; readonly value: never }
  | { readonly type: 'content'; value: McpModelPart[] };
/** A part of it. */
export type McpModelPart =
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'file';
      readonly mediaType: string;
      readonly data: { readonly type: 'data'; readonly data: string };
      readonly filename?: string;
    };

/** Tools by the names that a model calls them by. */
export type McpToolSet = Record<string, McpTool>;

/** Answers what a server asks while it executes a call. */
export type AnswerNeed = (
  need: CallNeed,
  call: { readonly server: string; readonly tool: string; readonly signal: AbortSignal },
) => CallAnswer | Promise<CallAnswer>;

export interface SdkToolOptions {
  readonly tool: SourcedTool;
  /** The server's name for it. */
  readonly called: string;
  readonly server: ManagedServer;
  readonly owner: CredentialOwner;
  readonly answer: AnswerNeed | undefined;
  /** Whose call it is. */
  readonly asker: string | undefined;
}

/** One tool for `streamText` and `generateText`. */
export function sdkTool({ tool, called, server, owner, answer, asker }: SdkToolOptions): McpTool {
  const { server: name } = server.governed;

  async function answersTo(needs: CallNeeds['needs'], signal: AbortSignal): Promise<Record<string, CallAnswer>> {
    const answers: Record<string, CallAnswer> = {};
    for (const [key, need] of Object.entries(needs))
      answers[key] = (await answer?.(need, { server: name, tool: called, signal })) ?? { status: 'unavailable' };
    return answers;
  }

  async function execute(input: JsonObject, callId: string, signal: AbortSignal): Promise<McpToolOutput> {
    let continues: CallAnswers | undefined;
    for (let round = 0; round <= CALL_NEEDS_LIMIT.rounds; round += 1) {
      const call = {
        name: tool.name,
        hash: tool.hash,
        callId,
        input,
        ...(continues === undefined ? {} : { continues }),
      };
      const result: CallResult = await server.call(call, { signal, owner, asker, progress: () => {} });
      if (result.type === 'outcome') return outputOf(name, tool.name, result);
      const { needs, state } = result;
      const answers = await abortable(answersTo(needs, signal), signal).catch((error: unknown) => {
        const told = server.giveUp(call, state, error);
        throw signal.aborted ? error : told;
      });
      continues = { state, answers };
    }
    throw new PrusikError('MCP_ASK_REFUSED', `The tool ${tool.name} asked more than ${CALL_NEEDS_LIMIT.rounds} times`, {
      meta: { server: name, tool: tool.name },
    });
  }

  return {
    type: 'dynamic',
    description: tool.description,
    inputSchema: toolInputSchema(tool.inputSchema),
    // Nobody keeps grants here, so `once` is each time.
    needsApproval: tool.approval !== 'never',
    metadata: { mcpServer: name, mcpTool: called },
    execute: async (input, { toolCallId, abortSignal = new AbortController().signal }) =>
      execute(jsonInput(name, tool.name, input), toolCallId, abortSignal),
    toModelOutput: ({ output }) => modelOutput(output),
  };
}

/** Whoever calls may be no model. @throws {PrusikError} `MCP_INPUT_INVALID`. */
function jsonInput(server: string, tool: string, input: unknown): JsonObject {
  try {
    // That it is an object is looked at with its schema.
    return toJson(input) as JsonObject;
  } catch (cause) {
    const message = `The input of the tool ${tool} is no JSON: ${cause instanceof Error ? cause.message.slice(0, 500) : 'unknown'}`;
    throw new PrusikError('MCP_INPUT_INVALID', message, { meta: { server, tool }, cause });
  }
}

/** @throws {PrusikError} with the code of a tool that says that it failed. */
function outputOf(server: string, tool: string, { parts, value, failed }: CallOutcome): McpToolOutput {
  const text = parts.flatMap(textOf).join('\n');
  if (failed !== undefined) throw new PrusikError(failed, text, { meta: { server, tool } });
  const files = parts.flatMap(fileOf);
  return { text, ...(files.length > 0 ? { files } : {}), ...(value === undefined ? {} : { value }) };
}

function textOf(part: ToolContentPart): readonly string[] {
  if (typeof part === 'string') return [part];
  if (part.type === 'text') return [part.text];
  if (part.data instanceof Uint8Array || 'base64' in part.data) return [];
  return [linkText(part.data, part.mediaType)];
}

/** Nothing is fetched for a model that somebody else has named. */
function linkText(data: FileData, mediaType: string): string {
  if ('text' in data) return data.text;
  return `[a file of type ${mediaType}${'url' in data ? ` at ${data.url}` : ''}]`;
}

function fileOf(part: ToolContentPart): NonNullable<McpToolOutput['files']> {
  if (typeof part === 'string' || part.type === 'text') return [];
  const { data, mediaType, name } = part;
  const base64 =
    data instanceof Uint8Array ? Buffer.from(data).toString('base64') : 'base64' in data ? data.base64 : undefined;
  return base64 === undefined ? [] : [{ mediaType, data: base64, ...(name === undefined ? {} : { name }) }];
}

function modelOutput({ text, files = [], value }: McpToolOutput): McpModelOutput {
  if (files.length === 0)
    return value === undefined ? { type: 'text', value: text } : { type: 'json', value: value as never };
  const told = value === undefined ? text : JSON.stringify(value);
  return {
    type: 'content',
    value: [
      ...(told === '' ? [] : [{ type: 'text', text: told } as const]),
      ...files.map(({ mediaType, data, name }) => ({
        type: 'file' as const,
        mediaType,
        data: { type: 'data' as const, data },
        ...(name === undefined ? {} : { filename: name }),
      })),
    ],
  };
}
