import type { CallOutcome, JsonObject, ToolContentPart } from '@prusik/core';
import { resourceLine, resourceParts } from './call-content.ts';
import { textOf } from './plain.ts';
import type { McpResourceContent, McpResources } from './resources.ts';

const LIST = 'list_resources';
const READ = 'read_resource';

/** Names of {@link RESOURCE_TOOLS}. */
export type ResourceTool = typeof LIST | typeof READ;

/** A list that a model is shown is no longer than that. */
const MOST_SHOWN = 500;

/**
 * Resources as tools, for a server whose option `resources` says so: definitions like those of the server's own tools. They only read, by the protocol's own
 * methods and not by the word of the server.
 */
export const RESOURCE_TOOLS: readonly JsonObject[] = [
  {
    name: LIST,
    description: 'Lists what this server has to read: addresses, and patterns of addresses that can be made up.',
    inputSchema: { type: 'object', properties: {}, additionalProperties: false },
    annotations: { readOnlyHint: true },
  },
  {
    name: READ,
    description: `Reads a resource of this server by its address, as ${LIST} or a result names it.`,
    inputSchema: {
      type: 'object',
      properties: { uri: { type: 'string', minLength: 1, maxLength: 8_192 } },
      required: ['uri'],
      additionalProperties: false,
    },
    annotations: { readOnlyHint: true },
  },
];

/**
 * Executes one of them.
 *
 * @throws what {@link McpResources} throws.
 */
export async function callResourceTool(
  resources: McpResources,
  { name, input, signal }: { readonly name: ResourceTool; readonly input: JsonObject; readonly signal: AbortSignal },
): Promise<CallOutcome> {
  if (name === READ) {
    const contents = await resources.read(textOf(input['uri']) ?? '', { signal });
    return { type: 'outcome', parts: contents.flatMap(partsOf) };
  }
  const [listed, templates] = [await resources.list({ signal }), await resources.templates({ signal })];
  const lines = [
    ...listed.map(({ mediaType, ...one }) => line({ ...one, ...mimeType(mediaType) })),
    ...templates.map(({ uriTemplate, mediaType, ...one }) =>
      line({ ...one, uri: uriTemplate, ...mimeType(mediaType) }),
    ),
  ];
  const shown = lines.slice(0, MOST_SHOWN);
  if (lines.length > MOST_SHOWN) shown.push(`[… ${lines.length - MOST_SHOWN} more left out …]`);
  return { type: 'outcome', parts: [shown.length === 0 ? 'There is nothing to read.' : shown.join('\n')] };
}

const line = (entry: JsonObject): string => `- ${resourceLine(entry)}`;

const mimeType = (mediaType: string | undefined): JsonObject =>
  mediaType === undefined ? {} : { mimeType: mediaType };

function partsOf(content: McpResourceContent): readonly ToolContentPart[] {
  const { uri, mediaType } = content;
  if ('text' in content) return resourceParts({ uri, text: content.text });
  return resourceParts({ uri, mimeType: mediaType, blob: Buffer.from(content.bytes).toString('base64') });
}
