import {
  toJson,
  type FilePart,
  type StepScope,
  type ToolContentPart,
  type ToolFile,
  type ToolOutput,
  type ToolOutputPart,
} from '@prusik/core';
import { keptFile } from './kept-files.ts';
import { capText, type OutputCap } from './tool-output.ts';

const BRAND = Symbol.for('@prusik/agents tool content');

/** What a tool returns when that is more than text or JSON. Made by {@link toolContent}. */
export interface ToolContent {
  readonly parts: readonly ToolContentPart[];
}

/**
 * A result of texts and files, in their order: `return toolContent('The page:', { type: 'file', mediaType: 'image/png', data: bytes })`. Bytes are put
 * into the store's blobs and stay with the conversation; the model is shown them. A file that the store has no room for is left out, and the model
 * is told so.
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
 * Texts share the cap of a result, in their order; files are bounded by the store.
 *
 * @throws {TypeError} for parts that JSON cannot hold.
 */
export async function contentOutput(
  { parts }: ToolContent,
  cap: OutputCap,
  putBlob: StepScope['putBlob'],
): Promise<ToolOutput> {
  let left = cap.maxOutputBytes;
  let leftOut = 0;
  const kept: ToolOutputPart[] = [];
  for (const part of parts) {
    if (typeof part !== 'string' && part.type === 'file') {
      kept.push(await fileOutput(part, putBlob));
      continue;
    }
    if (left <= 0) {
      leftOut += 1;
      continue;
    }
    const { text, ...more } = typeof part === 'string' ? { type: 'text' as const, text: part } : part;
    const shown = capText(text, { ...cap, maxOutputBytes: left });
    left -= Math.max(LEAST_BYTES, Buffer.byteLength(shown));
    kept.push({ ...more, text: shown });
  }
  if (leftOut > 0) kept.push({ type: 'text', text: `[… ${leftOut} more texts left out …]` });
  const output: ToolOutput = { type: 'content', parts: kept };
  toJson(output);
  return output;
}

async function fileOutput(file: ToolFile, putBlob: StepScope['putBlob']): Promise<ToolOutputPart> {
  const { data, ...named } = file;
  if (!(data instanceof Uint8Array)) return keptFile<FilePart>({ ...named, data }, putBlob);
  // Bytes as they are need no way over base64.
  return keptFile<FilePart>({ ...named, data: { base64: '' } }, () => putBlob(data));
}
