import { createHash } from 'node:crypto';
import type { ReadableStream } from 'node:stream/web';
import { SANDBOX_TOOL_LIMITS } from './tool-limits.ts';

/** What a file holds, of which a page of lines is kept and nothing else. */
export interface ScannedFile {
  readonly hash: string;
  readonly bytes: number;
  readonly lines: number;
  /** The lines asked for, as they are shown. */
  readonly page: readonly string[];
  /** Has a NUL byte near its start, as git tells a text from what is none. */
  readonly binary: boolean;
  readonly bom: boolean;
  readonly crlf: boolean;
  /** Whether the last line has an end. */
  readonly ended: boolean;
}

export interface Page {
  /** The first line, counted from 1. */
  readonly from: number;
  readonly lines: number;
}

const NOTHING: Page = { from: 1, lines: 0 };
/** Bytes in which a NUL tells that a file is no text. */
const HEAD = 8_000;
const { lineCharacters, pageBytes } = SANDBOX_TOOL_LIMITS;
/** Enough for that many characters, and for the rest of the last one. */
const KEPT_OF_LINE = lineCharacters * 4 + 4;

export const hashOf = (bytes: Uint8Array): string => shortened(createHash('sha256').update(bytes).digest('base64url'));
/** 128 bits and more, so that many fit into a slot. */
const shortened = (hash: string): string => hash.slice(0, 22);

/** Reads a file once, whatever its size and that of its lines, in the memory of one page. */
export async function scanFile(
  content: ReadableStream<Uint8Array>,
  { from, lines: wanted }: Page = NOTHING,
): Promise<ScannedFile> {
  const hash = createHash('sha256');
  const page: string[] = [];
  let bytes = 0;
  let line = 1;
  let shown = 0;
  let full = wanted === 0;
  let binary = false;
  let bom = false;
  let crlf = false;
  let last = 10;
  // Of the line that has begun: what is kept of it, and how long it is.
  let parts: Buffer[] = [];
  let kept = 0;
  let length = 0;

  const inPage = (): boolean => !full && line >= from;

  function add(part: Buffer): void {
    if (part.length === 0) return;
    length += part.length;
    last = part.at(-1) ?? last;
    if (!inPage() || kept >= KEPT_OF_LINE) return;
    const some = part.subarray(0, KEPT_OF_LINE - kept);
    parts.push(some);
    kept += some.length;
  }

  function end(newline: boolean): void {
    if (newline && length > 0 && last === 13) crlf = true;
    if (inPage()) {
      const text = shownLine(Buffer.concat(parts), length, { first: line === 1, newline });
      shown += Buffer.byteLength(text) + 8;
      full = page.length > 0 && shown > pageBytes;
      if (!full) page.push(text);
      full ||= page.length >= wanted;
    }
    parts = [];
    kept = 0;
    length = 0;
    last = 10;
    if (newline) line += 1;
  }

  function skip(buffer: Buffer, ends: number): void {
    if (buffer.length === 0) return;
    crlf ||= buffer.includes('\r\n');
    length = ends === 0 ? length + buffer.length : buffer.length - 1 - buffer.lastIndexOf(10);
    last = buffer.at(-1) ?? last;
    line += ends;
  }

  for await (const chunk of content) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    if (bytes < HEAD) {
      binary ||= buffer.subarray(0, HEAD - bytes).includes(0);
      if (bytes === 0) bom = hasBom(buffer);
    }
    hash.update(buffer);
    bytes += buffer.length;
    const ends = lineEnds(buffer);
    if (full || line + ends < from) {
      // None of it is shown.
      skip(buffer, ends);
      continue;
    }
    let at = 0;
    for (let next = buffer.indexOf(10); next !== -1; next = buffer.indexOf(10, at)) {
      add(buffer.subarray(at, next));
      end(true);
      at = next + 1;
    }
    // A copy: the stream may use its memory again.
    add(Buffer.from(buffer.subarray(at)));
  }
  const ended = length === 0;
  const lines = ended ? line - 1 : line;
  if (!ended) end(false);
  return { hash: shortened(hash.digest('base64url')), bytes, lines, page, binary, bom, crlf, ended };
}

function lineEnds(buffer: Buffer): number {
  let ends = 0;
  for (let at = 0; at < buffer.length; at += 1) if (buffer[at] === 10) ends += 1;
  return ends;
}

const hasBom = (bytes: Uint8Array): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

function shownLine(
  kept: Buffer,
  length: number,
  { first, newline }: { readonly first: boolean; readonly newline: boolean },
): string {
  const bytes = first && hasBom(kept) ? kept.subarray(3) : kept;
  const whole = kept.length === length;
  const text = bytes.toString('utf8');
  const line = whole && newline && text.endsWith('\r') ? text.slice(0, -1) : text;
  if (whole && line.length <= lineCharacters) return line;
  const start = line.slice(0, lineCharacters).toWellFormed();
  return `${start}[… ${length - Buffer.byteLength(start)} bytes more on this line …]`;
}
