import {
  canonicalJson,
  schemaProblems,
  toJson,
  type CallOutcome,
  type Json,
  type JsonObject,
  type ToolContentPart,
} from '@prusik/core';
import { isObject, listOf, textOf } from './plain.ts';
import { visibleText } from './visible-text.ts';

/** More of them help nobody. */
const MOST_PARTS = 1_000;
/** Of a block that this client does not know. */
const UNKNOWN_CHARS = 4_000;
const LONGEST_NAME = 200;
const TOO_DEEP = new TypeError('The result is nested too deeply');
const MEDIA_TYPE = /^[\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,64}$/;
/** What a model may be shown as it is. Of any other kind a provider refuses the whole prompt, and with it the run. */
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp)|audio\/.+|application\/pdf)$/;
/** Text that is called something else. */
const TEXTUAL = /^(?:text\/.+|application\/(?:json|xml|yaml|javascript)|.+\+(?:json|xml))$/;

/** What is to be made of a result. */
export interface ContentOptions {
  readonly outputSchema?: JsonObject;
  /** Of all texts, data and files, in bytes. */
  readonly maxBytes: number;
}

/** The result of a call as the caller gets it. The call is over by now, whatever is wrong with what came of it. */
export function callOutcome(result: JsonObject, options: ContentOptions): CallOutcome {
  try {
    return readOutcome(result, options);
  } catch (error) {
    if (error !== TOO_DEEP && !(error instanceof RangeError)) throw error;
    const parts = ['The call was executed. Its result is nested too deeply to be read.'];
    return { type: 'outcome', failed: 'MCP_PROTOCOL_ERROR', parts };
  }
}

/** Whoever records a result takes so many levels and no more. */
function checkDepth(value: Json): void {
  try {
    toJson(value);
  } catch {
    throw TOO_DEEP;
  }
}

function readOutcome(result: JsonObject, { outputSchema, maxBytes }: ContentOptions): CallOutcome {
  const parts = contentParts(listOf(result['content']));
  const { structuredContent: value } = result;
  if (value !== undefined) checkDepth(value);
  const bytes = bytesOf(parts) + (value === undefined ? 0 : Buffer.byteLength(JSON.stringify(value)));
  if (bytes > maxBytes)
    return {
      type: 'outcome',
      failed: 'MCP_RESULT_TOO_LARGE',
      parts: [`The call was executed. Its result has ${bytes} bytes, and no more than ${maxBytes} are taken.`],
    };
  if (result['isError'] === true) {
    const told = parts.length > 0 ? parts : value === undefined ? ['The tool failed and does not say why.'] : [];
    return { type: 'outcome', failed: 'MCP_TOOL_ERROR', parts: withValue(told, value) };
  }
  if (value === undefined) return { type: 'outcome', parts };
  const wrong = outputSchema === undefined ? undefined : problemsOf(outputSchema, value);
  if (wrong !== undefined)
    return {
      type: 'outcome',
      failed: 'MCP_PROTOCOL_ERROR',
      parts: [
        `The call was executed. What it returned does not fit what the tool says it returns: ${wrong}`,
        ...withValue(parts, value),
      ],
    };
  const saysMore = parts.some((part) => !repeats(part, value));
  return saysMore ? { type: 'outcome', parts: withValue(parts, value) } : { type: 'outcome', parts, value };
}

/** The data beside texts and files that say something else; nothing is told twice. */
const withValue = (parts: readonly ToolContentPart[], value: Json | undefined): readonly ToolContentPart[] =>
  value === undefined || parts.some((part) => repeats(part, value)) ? parts : [...parts, JSON.stringify(value)];

/** Servers give data a second time as text, for clients that know texts only. */
function repeats(part: ToolContentPart, value: Json): boolean {
  if (typeof part !== 'string') return false;
  try {
    return canonicalJson(JSON.parse(part) as Json) === canonicalJson(value);
  } catch {
    return false;
  }
}

function problemsOf(schema: JsonObject, value: Json): string | undefined {
  const [first] = schemaProblems(schema, value);
  return first === undefined ? undefined : `${first.path?.join('.') || 'it'} ${first.message}`.slice(0, 500);
}

export const bytesOf = (parts: readonly ToolContentPart[]): number =>
  parts.reduce((sum, part) => sum + (typeof part === 'string' ? Buffer.byteLength(part) : sizeOf(part)), 0);

function sizeOf(part: Exclude<ToolContentPart, string>): number {
  if (part.type === 'text') return Buffer.byteLength(part.text);
  return part.data instanceof Uint8Array ? part.data.byteLength : 0;
}

/** Blocks of content as parts, in their order. One that is not known, or is not what it says, becomes a text that says so. */
export function contentParts(blocks: readonly Json[]): readonly ToolContentPart[] {
  const shown = blocks.slice(0, MOST_PARTS).flatMap((block) => partsOf(block));
  return blocks.length > MOST_PARTS ? [...shown, `[… ${blocks.length - MOST_PARTS} more parts left out …]`] : shown;
}

function partsOf(block: Json): readonly ToolContentPart[] {
  if (!isObject(block)) return [unknownBlock(block)];
  const parts = blockParts(block);
  return isForUser(block) ? ['[for the user:]', ...parts] : parts;
}

/** The model may pass it on; a program that runs by itself has nobody else to show it to. */
function isForUser({ annotations }: JsonObject): boolean {
  const audience = isObject(annotations) ? listOf(annotations['audience']) : [];
  return audience.includes('user') && !audience.includes('assistant');
}

function blockParts(block: JsonObject): readonly ToolContentPart[] {
  const { type } = block;
  const text = textOf(block['text']);
  switch (type) {
    case 'text':
      return [text === undefined ? unknownBlock(block) : visibleText(text)];
    case 'image':
    case 'audio': {
      const mediaType = mediaTypeOf(block['mimeType']);
      if (!mediaType.startsWith(`${type}/`)) return [`[an ${type} of an unknown kind was left out]`];
      return [filePart(block['data'], mediaType, undefined)];
    }
    case 'resource_link':
      return [`[resource: ${resourceLine(block)}]`];
    case 'resource':
      return isObject(block['resource']) ? resourceParts(block['resource']) : [unknownBlock(block)];
    default:
      return [unknownBlock(block)];
  }
}

/** The contents of a resource, with where they are from. */
export function resourceParts(resource: JsonObject): readonly ToolContentPart[] {
  const uri = visibleText(textOf(resource['uri']) ?? '').slice(0, 2_000);
  const text = textOf(resource['text']);
  const head = `[resource: ${uri}]`;
  if (text !== undefined) return [`${head}\n${visibleText(text)}`];
  if (typeof resource['blob'] !== 'string') return [`${head} is empty`];
  const mediaType = mediaTypeOf(resource['mimeType']);
  return [head, filePart(resource['blob'], mediaType, nameOf(uri))];
}

/** What a list or a link says of a resource, in a line. */
export function resourceLine(resource: JsonObject): string {
  const { size } = resource;
  const name = textOf(resource['title']) ?? textOf(resource['name']);
  return [name, textOf(resource['uri']), textOf(resource['mimeType']), textOf(resource['description'])]
    .filter((word): word is string => word !== undefined && word !== '')
    .map((word) => visibleText(word.slice(0, 2_000)).replaceAll('\n', ' '))
    .concat(typeof size === 'number' ? [`${size} bytes`] : [])
    .join(', ');
}

function filePart(given: Json | undefined, mediaType: string, name: string | undefined): ToolContentPart {
  const data = typeof given === 'string' ? bytesOfBase64(given) : undefined;
  if (data === undefined) return `[a file of type ${mediaType} was left out: it is not base64]`;
  if (TEXTUAL.test(mediaType)) return visibleText(data.toString('utf8'));
  if (!SHOWN.test(mediaType)) return `[a file of type ${mediaType} was left out: ${data.byteLength} bytes]`;
  return { type: 'file', mediaType, data, ...(name === undefined ? {} : { name }) };
}

/** Node.js passes over what is not base64; then fewer bytes come out. */
export function bytesOfBase64(text: string): Buffer | undefined {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const bytes = Buffer.from(text, 'base64');
  return text.length % 4 === 0 && bytes.byteLength === (text.length / 4) * 3 - padding ? bytes : undefined;
}

export function mediaTypeOf(given: Json | undefined): string {
  const type = (textOf(given) ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return MEDIA_TYPE.test(type) ? type : 'application/octet-stream';
}

/** The end of a path, as far as it is one. */
function nameOf(uri: string): string | undefined {
  const name = uri.split(/[?#]/, 1)[0]?.split('/').at(-1)?.slice(-LONGEST_NAME);
  return name === undefined || name === '' ? undefined : name;
}

const unknownBlock = (block: Json): string =>
  `[a part that is not known: ${visibleText(JSON.stringify(block).slice(0, UNKNOWN_CHARS))}]`;
