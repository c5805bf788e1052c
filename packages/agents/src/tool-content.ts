import {
  checkMessage,
  isPrusikError,
  toJson,
  type FilePart,
  type StepScope,
  type ToolContentPart,
  type ToolFile,
  type ToolOutput,
  type ToolOutputPart,
} from '@prusik/core';
import { keptFile, leftOut } from './kept-files.ts';
import { capText, type OutputCap } from './tool-output.ts';

const BRAND = Symbol.for('@prusik/agents tool content');

/** What a tool returns when that is more than text or JSON. Made by {@link toolContent}. */
export interface ToolContent {
  readonly parts: readonly ToolContentPart[];
}

/**
 * A result of texts and files, in their order: `return toolContent('The page:', { type: 'file', mediaType: 'image/png', data: bytes })`. Bytes are put
 * into the store's blobs and stay with the conversation; the model is shown them. A file that the store has no room for, or a blob that it does not
 * have, is left out, and the model is told so.
 *
 * @throws {TypeError} for a part that is neither.
 */
export function toolContent(...parts: readonly ToolContentPart[]): ToolContent {
  const wrong = parts.findIndex((part: unknown) => !isPart(part));
  if (wrong >= 0) throw new TypeError(`Part ${wrong} of a result is neither a text nor a file`);
  return Object.defineProperty({ parts }, BRAND, { value: true });
}

function isPart(part: unknown): boolean {
  if (typeof part === 'string') return true;
  const { type, text, mediaType, data } = (part ?? {}) as Readonly<Record<string, unknown>>;
  if (type === 'text') return typeof text === 'string';
  return type === 'file' && typeof mediaType === 'string' && typeof data === 'object' && data !== null;
}

/** True for one of another copy of this package too. */
export const isToolContent = (value: unknown): value is ToolContent =>
  typeof value === 'object' && value !== null && BRAND in value;

/** What a text takes in a record and a prompt, however short it is. */
const LEAST_BYTES = 32;

/**
 * Texts and documents of text share the cap of a result, in their order; other files are bounded by the store. One that is none, or whose bytes are not there, is
 * left out, and the model is told so.
 *
 * @throws {TypeError} for parts that JSON cannot hold.
 */
export async function contentOutput(
  { parts }: ToolContent,
  cap: OutputCap,
  step: Pick<StepScope, 'putBlob' | 'readBlob'>,
): Promise<ToolOutput> {
  let left = cap.maxOutputBytes;
  let more = 0;
  const kept: ToolOutputPart[] = [];
  for (const part of parts) {
    const text = textIn(part);
    if (text !== undefined && left <= 0) {
      more += 1;
      continue;
    }
    const shown = text === undefined ? '' : capText(text, { ...cap, maxOutputBytes: left });
    if (text !== undefined) left -= Math.max(LEAST_BYTES, Buffer.byteLength(shown));
    if (typeof part === 'string') kept.push({ type: 'text', text: shown });
    else if (part.type === 'text') kept.push({ ...part, text: shown });
    else kept.push(await fileOutput(text === undefined ? part : { ...part, data: { text: shown } }, step));
  }
  if (more > 0) kept.push({ type: 'text', text: `[… ${more} more texts left out …]` });
  const output: ToolOutput = { type: 'content', parts: kept };
  toJson(output);
  return output;
}

/** A document that is text takes the same room as one that is said. */
function textIn(part: ToolContentPart): string | undefined {
  if (typeof part === 'string') return part;
  if (part.type === 'text') return part.text;
  const { data } = part;
  return !(data instanceof Uint8Array) && 'text' in data && typeof data.text === 'string' ? data.text : undefined;
}

async function fileOutput(
  { data, ...named }: ToolFile,
  { putBlob, readBlob }: Pick<StepScope, 'putBlob' | 'readBlob'>,
): Promise<ToolOutputPart> {
  const isBytes = data instanceof Uint8Array;
  const file: FilePart = { ...named, data: isBytes ? { base64: '' } : data };
  const wrong = await wrongWith(file, readBlob);
  if (wrong !== undefined) return leftOut(file, wrong);
  // Bytes as they are need no way over base64.
  return keptFile(file, isBytes ? () => putBlob(data) : putBlob);
}

/** What would take the whole result with it: no message holds a file that is none, and no commit names bytes that are not there. */
async function wrongWith(file: FilePart, readBlob: StepScope['readBlob']): Promise<string | undefined> {
  try {
    checkMessage({ v: 1, id: 'result', role: 'user', kind: 'user', content: [file] });
    if ('blob' in file.data) for await (const _ of readBlob(file.data.blob)) break;
    return undefined;
  } catch (error) {
    if (isPrusikError(error, 'MESSAGE_INVALID')) return 'FILE_INVALID';
    if (isPrusikError(error, 'BLOB_UNKNOWN') || isPrusikError(error, 'STORE_CORRUPT')) return 'FILE_MISSING';
    throw error;
  }
}
