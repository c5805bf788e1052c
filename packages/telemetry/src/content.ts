import { withoutSecrets, type Json, type Message, type MessagePart, type ToolOutput } from '@prusik/core';
import { createBoundedJson } from './bounded-json.ts';

/** How much of some content leaves the process. `metadata`: how long it is and of what kind. `full`: the text itself, cut and redacted. */
export type CaptureMode = 'none' | 'metadata' | 'full';

/** What of a run's content goes into spans, by kind. Nothing unless it is said here. */
export interface Capture {
  /** What a model is told and what it says. @default 'none' */
  readonly messages?: CaptureMode;
  /** What tools are called with and what they answer. @default 'none' */
  readonly tools?: CaptureMode;
  /** Messages of errors. @default 'none' */
  readonly errors?: CaptureMode;
  /** Keys of steps, and of the steps that started child runs: authors may make them of what users say. @default false */
  readonly keys?: boolean;
}

/** Where a text stood that is about to leave the process. */
export interface ContentPlace {
  readonly kind: 'message' | 'tool-input' | 'tool-result' | 'error';
}

/**
 * Makes a text fit to leave the process. It is called with what was cut already, at most 4,096 characters. What throws, or gives no text, gives
 * `[redacted: failed]`.
 */
export type Redact = (text: string, place: ContentPlace) => string;

/** UTF-16 code units of one text. */
const TEXT_LIMIT = 4_096;
const FAILED = '[redacted: failed]';

export interface Content {
  /** As the conventions have it: JSON text of messages with parts. */
  messages(messages: readonly Message[]): string;
  /** JSON text of a tool's input. */
  input(value: Json): string;
  /** JSON text of what a tool answered. */
  result(output: ToolOutput): string;
  error(message: string): string;
}

/** What is captured in full, in the form in which it is sent. */
export function createContent(redact: Redact = withoutSecrets): Content {
  function text(value: string, kind: ContentPlace['kind']): string {
    const cut = value.length > TEXT_LIMIT ? `${value.slice(0, TEXT_LIMIT - 1).toWellFormed()}…` : value;
    try {
      const safe: unknown = redact(cut, { kind });
      return typeof safe === 'string' ? safe.slice(0, TEXT_LIMIT) : FAILED;
    } catch {
      return FAILED;
    }
  }

  const bounded = (value: unknown, kind: ContentPlace['kind']): string =>
    createBoundedJson((part) => text(part, kind))(value);

  return {
    messages: (messages) => bounded(messages.map(messageOf), 'message'),
    input: (value) => bounded(value, 'tool-input'),
    result: (output) => bounded(answerOf(output), 'tool-result'),
    error: (message) => text(message, 'error'),
  };
}

const messageOf = ({ role, content }: Message) => ({ role, parts: content.map(partOf) });

/** Of files no bytes and no hashes: that of a short secret can be guessed. */
function partOf(part: MessagePart): Readonly<Record<string, unknown>> {
  switch (part.type) {
    case 'text':
      return { type: 'text', content: part.text };
    case 'reasoning':
      return { type: 'reasoning', content: part.text };
    case 'tool-call':
      return { type: 'tool_call', id: part.callId, name: part.tool, arguments: part.input };
    case 'tool-result':
      return { type: 'tool_call_response', id: part.callId, response: answerOf(part.output) };
    case 'file':
    case 'reasoning-file':
      return { type: 'file', modality: modalityOf(part.mediaType), mime_type: part.mediaType };
    default:
      return { type: part.type };
  }
}

function answerOf(output: ToolOutput): unknown {
  switch (output.type) {
    case 'text':
      return output.text;
    case 'json':
      return output.value;
    case 'content':
      return output.parts.map((part) => (part.type === 'custom' ? { type: 'custom' } : partOf(part)));
    case 'error':
      return { error: output.code, text: output.text };
    case 'denied':
      return { denied: true };
    default:
      return output satisfies never;
  }
}

function modalityOf(mediaType: string): string {
  const [first = ''] = mediaType.split('/', 1);
  return ['image', 'audio', 'video'].includes(first) ? first : 'document';
}

/** How long a content is, without it. */
export function charsOfMessages(messages: readonly Message[]): number {
  let chars = 0;
  for (const { content } of messages)
    for (const part of content)
      if (part.type === 'text' || part.type === 'reasoning') chars += part.text.length;
      else if (part.type === 'tool-call') chars += charsOfJson(part.input);
      else if (part.type === 'tool-result') chars += charsOfOutput(part.output);
  return chars;
}

export const charsOfJson = (value: Json): number => JSON.stringify(value).length;

export function charsOfOutput(output: ToolOutput): number {
  const answer = answerOf(output);
  return typeof answer === 'string' ? answer.length : JSON.stringify(answer).length;
}

export const partTypes = (messages: readonly Message[]): string[] => [
  ...new Set(messages.flatMap(({ content }) => content.map(({ type }) => type))),
];
