import { isPrusikError, primaryError, toJson, toJsonText, type ToolOutput } from '@prusik/core';
import { jsonEnd } from './json-end.ts';
import { describeError } from './redact.ts';

/** How much of a result the model is shown. */
export interface OutputCap {
  readonly maxOutputBytes: number;
  readonly maxOutputLines: number;
}

/** Of a tool that says nothing. */
export const DEFAULT_CAP: OutputCap = { maxOutputBytes: 51_200, maxOutputLines: 2_000 };

/** JSON of more bytes than this, and than twice the cap, is not written out whole to be cut: its two ends are looked at, and nothing between. */
const WHOLE_TEXT_LIMIT = 8 * 1_048_576;

/**
 * What a tool returned as the model sees it: text as text, everything else as JSON. Past the cap the head and the tail
 * stay, with a line between them that says how much is missing; JSON becomes text then.
 *
 * @throws {TypeError} when the value is not JSON.
 */
export function toToolOutput(value: unknown, cap: OutputCap): ToolOutput {
  if (typeof value === 'string') return { type: 'text', text: capText(value, cap) };
  if (value === undefined) return { type: 'json', value: null };
  const json = within(() => toJson(value, cap.maxOutputBytes));
  if (json !== undefined) return { type: 'json', value: json };
  const most = Math.max(WHOLE_TEXT_LIMIT, cap.maxOutputBytes * 2);
  const whole = within(() => toJsonText(value, most).text);
  const { maxOutputBytes } = cap;
  return {
    type: 'text',
    text: whole === undefined ? endsOf(value, maxOutputBytes, most) : capBytes(whole, maxOutputBytes),
  };
}

/** `undefined` for a value that is too large. */
function within<T>(convert: () => T): T | undefined {
  try {
    return convert();
  } catch (error) {
    if (error instanceof RangeError && !isStackOverflow(error)) return undefined;
    throw error;
  }
}

const isStackOverflow = ({ message }: RangeError): boolean => message.includes('call stack');

/** Of a value whose text may be longer than a string can be. What is not JSON between its ends is not seen. */
function endsOf(value: unknown, maxBytes: number, least: number): string {
  const half = Math.floor(maxBytes / 2);
  const head = cutTail(Buffer.from(jsonEnd(value, 'head', half)), half);
  const tail = cutHead(Buffer.from(jsonEnd(value, 'tail', half)), half);
  return `${head}\n[… more than ${least - maxBytes} bytes left out …]\n${tail}`;
}

/** Anything thrown as a result that the model can act on. */
export function errorOutput(thrown: unknown, fallbackCode = 'TOOL_FAILED'): ToolOutput {
  const error = primaryError(thrown);
  return { type: 'error', code: isPrusikError(error) ? error.code : fallbackCode, text: describeError(error) };
}

export function capText(text: string, { maxOutputBytes, maxOutputLines }: OutputCap): string {
  return capBytes(capLines(text, maxOutputBytes, maxOutputLines), maxOutputBytes);
}

function capLines(text: string, maxBytes: number, maxLines: number): string {
  // Beyond this many characters the bytes decide anyway; splitting half a gigabyte into lines is not worth it.
  if (text.length > maxBytes * 4) return text;
  const lines = text.split('\n');
  if (lines.length <= maxLines) return text;
  const head = Math.ceil(maxLines / 2);
  const tail = maxLines - head;
  const omitted = `[… ${lines.length - maxLines} lines left out …]`;
  return [...lines.slice(0, head), omitted, ...(tail === 0 ? [] : lines.slice(-tail))].join('\n');
}

function capBytes(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return text;
  const half = Math.floor(maxBytes / 2);
  // A character has at least one byte, so this many characters are enough.
  const head = cutTail(Buffer.from(text.slice(0, half)), half);
  const tail = cutHead(Buffer.from(text.slice(-half)), half);
  return `${head}\n[… ${bytes - Buffer.byteLength(head) - Buffer.byteLength(tail)} bytes left out …]\n${tail}`;
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80;

/** At most `limit` bytes from the start, cut between characters. */
function cutTail(bytes: Buffer, limit: number): string {
  let end = Math.min(limit, bytes.length);
  while (end > 0 && end < bytes.length && isContinuation(bytes[end])) end -= 1;
  return bytes.toString('utf8', 0, end);
}

function cutHead(bytes: Buffer, limit: number): string {
  let start = Math.max(0, bytes.length - limit);
  while (start > 0 && isContinuation(bytes[start])) start += 1;
  return bytes.toString('utf8', start);
}
