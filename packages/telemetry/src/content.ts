import {
  createRedactor,
  type ContentKind,
  type Json,
  type JsonObject,
  type Message,
  type MessagePart,
  type Redactor,
  type ToolOutput,
} from '@prusik/core';

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

/** What is captured in full, in the form in which it is sent: JSON text, which no span attribute may be otherwise. */
export interface Content {
  /** By the conventions: messages with parts. */
  messages(messages: readonly Message[], kind: 'prompt' | 'reply'): string;
  input(value: Json): string;
  result(output: ToolOutput): string;
  error(message: string): string;
}

export function createContent(redactor: Redactor = createRedactor()): Content {
  const told = (value: Json, kind: ContentKind): string => JSON.stringify(redactor.json(value, kind));
  return {
    messages: (messages, kind) => told(messages.map(messageOf), kind),
    input: (value) => told(value, 'tool-input'),
    result: (output) => told(answerOf(output), 'tool-result'),
    error: (message) => redactor.text(message, { kind: 'error', path: '' }),
  };
}

const messageOf = ({ role, content }: Message): JsonObject => ({ role, parts: content.map(partOf) });

/** Of files no bytes and no hashes: that of a short secret can be guessed. */
function partOf(part: MessagePart): JsonObject {
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

function answerOf(output: ToolOutput): Json {
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
