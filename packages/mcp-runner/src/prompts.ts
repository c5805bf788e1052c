import {
  PrusikError,
  type JsonObject,
  type Message,
  type MessagePart,
  type NewId,
  type ToolContentPart,
} from '@prusik/core';
import { askServer } from './ask-server.ts';
import { bytesOf, contentParts } from './call-content.ts';
import { listPages } from './list-pages.ts';
import { isObject, listOf, oneOrMore, textOf } from './plain.ts';
import { described, type McpReadOptions, type ReadServerOptions } from './resources.ts';

/** A prompt that a server has written. */
export interface McpPrompt {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly arguments: readonly McpPromptArgument[];
}

/** What a prompt can be filled in with. */
export interface McpPromptArgument {
  readonly name: string;
  readonly description?: string;
  readonly required: boolean;
}

/** The prompts of one server. They are written by somebody else; a person chooses them, no model does. */
export interface McpPrompts {
  /** @throws {PrusikError} `MCP_LIST_TOO_LARGE`, `MCP_PROTOCOL_ERROR`, `MCP_UNAVAILABLE` and what starting the server throws. */
  list(options?: McpReadOptions): Promise<readonly McpPrompt[]>;
  /**
   * A prompt as messages: what it has the user say is of kind `context`.
   *
   * @throws {PrusikError} `MCP_SERVER_ERROR` where there is none or arguments are missing, `MCP_RESULT_TOO_LARGE` past `resultBytes`, and as {@link McpPrompts.list}.
   */
  get(name: string, values?: Readonly<Record<string, string>>, options?: McpReadOptions): Promise<readonly Message[]>;
}

const LONGEST_NAME = 1_000;
const MOST_ARGUMENTS = 100;
const MOST_MESSAGES = 1_000;

export function createPrompts({ use, newId, ...options }: ReadServerOptions & { readonly newId: NewId }): McpPrompts {
  const { server, limits } = options;
  return {
    list: ({ signal = new AbortController().signal } = {}) =>
      use(async (connection) => {
        if (connection.capabilities.prompts === undefined) return [];
        const kind = { method: 'prompts/list', member: 'prompts' } as const;
        const { items } = await listPages(connection, kind, { ...options, signal });
        return items.filter(isObject).flatMap((one) => readPrompt(one) ?? []);
      }, signal),

    get: (name, values = {}, { signal = new AbortController().signal } = {}) =>
      use(async (connection) => {
        const request = { method: 'prompts/get', params: { name, arguments: { ...values } } } as const;
        const result = await askServer(connection, request, { ...options, signal });
        const given = listOf(result['messages']);
        const messages = given.slice(0, MOST_MESSAGES + 1).map((one) => readMessage(one, newId));
        const parts = messages.flatMap((message) => message?.parts ?? []);
        if (given.length > MOST_MESSAGES || bytesOf(parts) > limits.resultBytes)
          throw new PrusikError(
            'MCP_RESULT_TOO_LARGE',
            `The MCP server ${server} gave a prompt with more than ${MOST_MESSAGES} messages or ${limits.resultBytes} bytes`,
            { meta: { server } },
          );
        return messages.map((message) => {
          if (message !== undefined) return message.message;
          throw new PrusikError(
            'MCP_PROTOCOL_ERROR',
            `The MCP server ${server} gave a prompt with a message of nobody`,
            {
              meta: { server },
            },
          );
        });
      }, signal),
  };
}

function readPrompt(given: JsonObject): McpPrompt | undefined {
  const name = textOf(given['name']);
  if (name === undefined || name === '' || name.length > LONGEST_NAME) return undefined;
  const { title, description } = described(given);
  return {
    name,
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    arguments: listOf(given['arguments']).slice(0, MOST_ARGUMENTS).filter(isObject).flatMap(readArgument),
  };
}

function readArgument(given: JsonObject): readonly McpPromptArgument[] {
  const name = textOf(given['name']);
  if (name === undefined) return [];
  const { description } = described(given);
  return [{ name, ...(description === undefined ? {} : { description }), required: given['required'] === true }];
}

function readMessage(
  given: unknown,
  newId: NewId,
): { readonly message: Message; readonly parts: readonly ToolContentPart[] } | undefined {
  const role = isObject(given) ? given['role'] : undefined;
  if (!isObject(given) || (role !== 'user' && role !== 'assistant')) return undefined;
  const parts = contentParts(oneOrMore(given['content']));
  const kind = role === 'user' ? 'context' : 'assistant';
  return { parts, message: { v: 1, id: newId(), role, kind, content: parts.map(messagePart) } };
}

function messagePart(part: ToolContentPart): MessagePart {
  if (typeof part === 'string') return { type: 'text', text: part };
  if (part.type === 'text') return part;
  const { data, ...rest } = part;
  return { ...rest, data: data instanceof Uint8Array ? { base64: Buffer.from(data).toString('base64') } : data };
}
