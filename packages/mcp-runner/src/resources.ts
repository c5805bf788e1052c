import { PrusikError, type Json, type JsonObject } from '@prusik/core';
import { askServer, type AskServerOptions } from './ask-server.ts';
import { bytesOfBase64, mediaTypeOf } from './call-content.ts';
import { listPages, type ListedKind } from './list-pages.ts';
import type { McpLimits } from './limits.ts';
import { isObject, listOf, textOf } from './plain.ts';
import type { UseConnection } from './server-calls.ts';
import { visibleText } from './visible-text.ts';

/** Something that a server has to read. */
export interface McpResource {
  readonly uri: string;
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly mediaType?: string;
  /** In bytes, as the server says. */
  readonly size?: number;
}

/** Addresses that can be made up: RFC 6570. */
export interface McpResourceTemplate extends Omit<McpResource, 'uri' | 'size'> {
  readonly uriTemplate: string;
}

/** A part of what a resource holds: text, or bytes. */
export type McpResourceContent = { readonly uri: string; readonly mediaType: string } & (
  | { readonly text: string }
  | { readonly bytes: Uint8Array }
);

/** Who asks. */
export interface McpReadOptions {
  readonly signal?: AbortSignal;
}

/** The resources of one server. What they say is somebody else's text: no instruction to anybody. */
export interface McpResources {
  /** @throws {PrusikError} `MCP_LIST_TOO_LARGE`, `MCP_PROTOCOL_ERROR`, `MCP_UNAVAILABLE` and what starting the server throws. */
  list(options?: McpReadOptions): Promise<readonly McpResource[]>;
  /** @throws as {@link McpResources.list}. */
  templates(options?: McpReadOptions): Promise<readonly McpResourceTemplate[]>;
  /**
   * Asks the server alone: an address is never fetched here.
   *
   * @throws {PrusikError} `MCP_SERVER_ERROR` where there is none, `MCP_RESULT_TOO_LARGE` past `resultBytes`, and as {@link McpResources.list}.
   */
  read(uri: string, options?: McpReadOptions): Promise<readonly McpResourceContent[]>;
}

/** How a server is read. */
export interface ReadServerOptions extends Omit<AskServerOptions, 'limits' | 'signal'> {
  readonly limits: McpLimits;
  readonly use: UseConnection;
}

const LONGEST_URI = 8_192;
const MOST_CONTENTS = 1_000;
const LONGEST_TEXT = 4_000;

export function createResources({ use, ...options }: ReadServerOptions): McpResources {
  const { server, limits } = options;

  async function list<T>(
    kind: ListedKind,
    read: (one: JsonObject) => T | undefined,
    signal: AbortSignal,
  ): Promise<T[]> {
    return use(async (connection) => {
      if (connection.capabilities.resources === undefined) return [];
      const { items } = await listPages(connection, kind, { ...options, signal });
      return items.filter(isObject).flatMap((one) => read(one) ?? []);
    }, signal);
  }

  return {
    list: ({ signal = new AbortController().signal } = {}) =>
      list({ method: 'resources/list', member: 'resources' }, readResource, signal),
    templates: ({ signal = new AbortController().signal } = {}) =>
      list({ method: 'resources/templates/list', member: 'resourceTemplates' }, readTemplate, signal),
    async read(uri, { signal = new AbortController().signal } = {}) {
      if (typeof uri !== 'string' || uri === '' || uri.length > LONGEST_URI)
        throw new TypeError(`The address of a resource has 1 to ${LONGEST_URI} characters`);
      return use(async (connection) => {
        const request = { method: 'resources/read', params: { uri } } as const;
        const result = await askServer(connection, request, { ...options, signal });
        return contentsOf(server, listOf(result['contents']), limits.resultBytes);
      }, signal);
    },
  };
}

function readResource(given: JsonObject): McpResource | undefined {
  const uri = textOf(given['uri']);
  if (uri === undefined || uri === '' || uri.length > LONGEST_URI) return undefined;
  const { size } = given;
  return { uri, ...described(given), ...(typeof size === 'number' && size >= 0 ? { size } : {}) };
}

function readTemplate(given: JsonObject): McpResourceTemplate | undefined {
  const uriTemplate = textOf(given['uriTemplate']);
  if (uriTemplate === undefined || uriTemplate === '' || uriTemplate.length > LONGEST_URI) return undefined;
  return { uriTemplate, ...described(given) };
}

/** What a list says of an entry, as a person sees it. */
export function described(given: JsonObject): {
  readonly name: string;
  readonly title?: string;
  readonly description?: string;
  readonly mediaType?: string;
} {
  const [title, description, mimeType] = [
    textOf(given['title']),
    textOf(given['description']),
    textOf(given['mimeType']),
  ];
  return {
    name: shown(textOf(given['name']) ?? ''),
    ...(title === undefined ? {} : { title: shown(title) }),
    ...(description === undefined ? {} : { description: shown(description) }),
    ...(mimeType === undefined ? {} : { mediaType: mediaTypeOf(mimeType) }),
  };
}

const shown = (text: string): string => visibleText(text.slice(0, LONGEST_TEXT));

/** @throws {PrusikError} `MCP_RESULT_TOO_LARGE`, `MCP_PROTOCOL_ERROR`. */
function contentsOf(server: string, given: readonly Json[], maxBytes: number): readonly McpResourceContent[] {
  if (given.length > MOST_CONTENTS) throw tooLarge(server, `${MOST_CONTENTS} parts`);
  let left = maxBytes;
  return given.map((one) => {
    const content = isObject(one) ? contentOf(one) : undefined;
    if (content === undefined)
      throw new PrusikError(
        'MCP_PROTOCOL_ERROR',
        `The MCP server ${server} gave a resource that is neither text nor base64`,
        {
          meta: { server },
        },
      );
    left -= 'text' in content ? Buffer.byteLength(content.text) : content.bytes.byteLength;
    if (left < 0) throw tooLarge(server, `${maxBytes} bytes`);
    return content;
  });
}

function contentOf(given: JsonObject): McpResourceContent | undefined {
  const [text, blob, mimeType] = [textOf(given['text']), textOf(given['blob']), textOf(given['mimeType'])];
  const uri = shown(textOf(given['uri']) ?? '');
  if (text !== undefined)
    return { uri, mediaType: mimeType === undefined ? 'text/plain' : mediaTypeOf(mimeType), text: visibleText(text) };
  const bytes = blob === undefined ? undefined : bytesOfBase64(blob);
  return bytes === undefined ? undefined : { uri, mediaType: mediaTypeOf(mimeType), bytes };
}

const tooLarge = (server: string, bound: string): PrusikError =>
  new PrusikError('MCP_RESULT_TOO_LARGE', `The MCP server ${server} gave a resource with more than ${bound}`, {
    meta: { server },
  });
