import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { isObject, PrusikError, type Json, type JsonObject } from '@prusik/core';
import { recordingInvalid, recordingTooLarge } from './recording-errors.ts';

/** What somebody is asked: a model, a tool, or a source of tools for its list or a call. */
export type CallOf = 'model' | 'tool' | 'list' | 'call';

/** A recording as it lies in its file. */
export interface RecordingFile {
  readonly v: 2;
  readonly calls: readonly FiledCall[];
  /** What calls have in common: settings of requests, lists of tools. */
  readonly shared: Readonly<Record<string, Json>>;
  /** Conversations, each the messages that it has beyond an earlier one. */
  readonly prompts: Readonly<Record<string, FiledPrompt>>;
  /** Bytes of files that were answered, in base64. */
  readonly files: Readonly<Record<string, string>>;
}

export interface FiledPrompt {
  readonly after?: string;
  readonly messages: readonly Json[];
}

/** In the order in which they began. */
export interface FiledCall {
  readonly of: CallOf;
  readonly name: string;
  /** Of a model: label of what is in `shared`. */
  readonly settings?: string;
  /** Of a model: label of what is in `prompts`. */
  readonly prompt?: string;
  /** Of all others. */
  readonly input?: JsonObject;
  readonly reply: FiledReply;
}

export type FiledReply =
  /** A stream; `broke` with an error after its last chunk, or was left or told to stop there. */
  | { readonly chunks: readonly Json[]; readonly broke?: Json; readonly stopped?: true }
  | { readonly value: Json }
  /** Of a source: label of what is in `shared`. */
  | { readonly listing: string }
  | { readonly failed: Json }
  /** It was told to stop before anything came. */
  | { readonly stopped: true };

const CALLS: readonly unknown[] = ['model', 'tool', 'list', 'call'] satisfies readonly CallOf[];

/** The file as it is, and its digest; `undefined` where there is none. */
export function readRecordingText(
  file: string,
  maxBytes: number,
): { readonly text: string; readonly digest: string } | undefined {
  let handle: number | undefined;
  try {
    handle = openSync(file, 'r');
    if (fstatSync(handle).size > maxBytes) throw recordingTooLarge(maxBytes);
    const bytes = readFileSync(handle);
    return { text: bytes.toString('utf8'), digest: digestOf(bytes) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw code === 'RECORDING_TOO_LARGE' ? error : unavailable(file, 'read', error);
  } finally {
    if (handle !== undefined) closeSync(handle);
  }
}

/**
 * Replaces the file whole or not at all.
 *
 * @throws {PrusikError} `RECORDING_CONFLICT` where it is no longer what it was, `RECORDING_UNAVAILABLE` where it cannot be written.
 */
export function writeRecording(file: string, text: string, before: string | undefined): void {
  const partial = `${file}.partial-${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(dirname(file), { recursive: true });
    const handle = openSync(partial, 'wx', 0o600);
    try {
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    if (readRecordingText(file, Infinity)?.digest !== before)
      throw new PrusikError(
        'RECORDING_CONFLICT',
        `${file} was written by somebody else since this recording began; theirs stays`,
      );
    renameSync(partial, file);
  } catch (error) {
    removed(partial);
    throw error instanceof PrusikError ? error : unavailable(file, 'written', error);
  }
}

function removed(partial: string): void {
  try {
    rmSync(partial, { force: true });
  } catch {
    // The first error is the one to tell.
  }
}

function unavailable(file: string, how: 'read' | 'written', cause: unknown): PrusikError {
  const { code } = cause as NodeJS.ErrnoException;
  return new PrusikError('RECORDING_UNAVAILABLE', `${file} cannot be ${how}: ${code ?? 'it failed'}`, { cause });
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** @throws {PrusikError} `RECORDING_INVALID` */
export function parseRecording(text: string): RecordingFile {
  let json: Json;
  try {
    json = JSON.parse(text) as Json;
  } catch (cause) {
    throw recordingInvalid('it is not JSON', cause);
  }
  if (!isObject(json) || json['v'] !== 2) throw recordingInvalid('its version is another, or it is something else');
  const { calls, shared, prompts, files } = json;
  if (!Array.isArray(calls) || !isObject(shared) || !isObject(prompts) || !isObject(files))
    throw recordingInvalid('a part of it is missing');
  for (const [number, call] of (calls as readonly Json[]).entries())
    if (!isCall(call)) throw recordingInvalid(`its call ${number + 1} is none`);
  if (!Object.values(prompts).every(isPrompt)) throw recordingInvalid('one of its prompts is none');
  if (!Object.values(files).every((data) => typeof data === 'string'))
    throw recordingInvalid('one of its files is none');
  return json as unknown as RecordingFile;
}

const isLabel = (value: Json | undefined): boolean => typeof value === 'string';
const isPrompt = (value: Json): boolean =>
  isObject(value) && Array.isArray(value['messages']) && (value['after'] === undefined || isLabel(value['after']));

function isCall(call: Json): boolean {
  if (!isObject(call)) return false;
  const { of, name, settings, prompt, input, reply } = call;
  if (!CALLS.includes(of) || typeof name !== 'string' || !isReply(reply)) return false;
  return of === 'model' ? isLabel(settings) && isLabel(prompt) : isObject(input);
}

function isReply(reply: Json | undefined): boolean {
  if (!isObject(reply)) return false;
  const { chunks, stopped, listing } = reply;
  const has = (name: string): boolean => Object.hasOwn(reply, name);
  if (has('stopped') && stopped !== true) return false;
  if (has('chunks')) return Array.isArray(chunks) && (chunks as readonly Json[]).every(isObject);
  return has('value') || has('failed') || has('stopped') || isLabel(listing);
}

/** Of one line. */
const WIDTH = 120;

/** JSON of which a diff can be read: what fits into a line stands in one. */
export function prettyJson(value: Json, indent = ''): string {
  const inner = `${indent}  `;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const members = Array.isArray(value)
    ? (value as readonly Json[]).map((item) => prettyJson(item, inner))
    : Object.entries(value as JsonObject).map(([name, item]) => `${JSON.stringify(name)}: ${prettyJson(item, inner)}`);
  if (members.length === 0) return `${open}${close}`;
  const length = members.reduce((sum, member) => sum + member.length + 2, indent.length);
  // The outermost two levels are always one a line.
  if (indent.length >= 4 && length < WIDTH && members.every((member) => !member.includes('\n')))
    return open === '[' ? `[${members.join(', ')}]` : `{ ${members.join(', ')} }`;
  return `${open}\n${inner}${members.join(`,\n${inner}`)}\n${indent}${close}`;
}
