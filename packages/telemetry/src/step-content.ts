import type { Span } from '@opentelemetry/api';
import type { Json, Message, StepEnd, ToolResultPart } from '@prusik/core';
import { charsOfJson, charsOfMessages, charsOfOutput, partTypes } from './content.ts';
import { ATTR, OWN } from './conventions.ts';
import type { Watching } from './watching.ts';

/** Messages that were added since the model call before, and calls that are open: as many as a step may add. */
const KEPT = 200;

/** Content of the steps of one drive, as far as it may leave the process. What other drives committed is not known here. */
export interface StepContent {
  /** Adds what was captured of the step to its span; its messages are those that were committed with it. */
  add(span: Span, entry: StepEnd, messages: readonly Message[]): void;
  /** Takes note of messages for the steps after this one, sampled or not. */
  note(entry: StepEnd, messages: readonly Message[]): void;
}

/** `undefined` where nothing is captured, so that nothing is kept. */
export function createStepContent({ capture, content }: Watching): StepContent | undefined {
  if (capture.messages === 'none' && capture.tools === 'none' && capture.errors === 'none') return undefined;
  let added: Message[] = [];
  const inputs = new Map<string, Json>();

  function addMessages(span: Span, messages: readonly Message[]): void {
    const said = messages.filter(({ role }) => role === 'assistant');
    const told = [...added, ...messages.filter(({ role }) => role !== 'assistant')];
    if (capture.messages === 'full') {
      if (told.length > 0) span.setAttribute(ATTR.inputMessages, content.messages(told, 'prompt'));
      if (said.length > 0) span.setAttribute(ATTR.outputMessages, content.messages(said, 'reply'));
    } else if (capture.messages === 'metadata') {
      span.setAttribute(OWN.inputChars, charsOfMessages(told));
      span.setAttribute(OWN.inputParts, partTypes(told));
      span.setAttribute(OWN.outputChars, charsOfMessages(said));
      span.setAttribute(OWN.outputParts, partTypes(said));
    }
  }

  function addCall(span: Span, callId: string, messages: readonly Message[]): void {
    const input = inputs.get(callId);
    const answered = messages
      .flatMap(({ content: parts }) => parts)
      .find((part): part is ToolResultPart => part.type === 'tool-result' && part.callId === callId);
    if (capture.tools === 'full') {
      if (input !== undefined) span.setAttribute(ATTR.toolArguments, content.input(input));
      if (answered !== undefined) span.setAttribute(ATTR.toolResult, content.result(answered.output));
    } else if (capture.tools === 'metadata') {
      if (input !== undefined) span.setAttribute(OWN.argumentsChars, charsOfJson(input));
      if (answered === undefined) return;
      span.setAttribute(OWN.resultType, answered.output.type);
      span.setAttribute(OWN.resultChars, charsOfOutput(answered.output));
    }
  }

  function addError(span: Span, message: string): void {
    if (capture.errors === 'full') span.setAttribute(ATTR.errorMessage, content.error(message));
    else if (capture.errors === 'metadata') span.setAttribute(OWN.errorChars, message.length);
  }

  return {
    add(span, { kind, outcome, facts }, messages) {
      if (kind === 'model') addMessages(span, messages);
      if (facts?.of === 'tool') addCall(span, facts.callId, messages);
      if (!outcome.ok) addError(span, outcome.error.message);
    },
    note({ kind, facts }, messages) {
      if (capture.messages !== 'none') {
        if (kind === 'model') added = [];
        else added = [...added, ...messages].slice(-KEPT);
      }
      if (capture.tools === 'none') return;
      if (facts?.of === 'tool') inputs.delete(facts.callId);
      for (const { content: parts } of messages)
        for (const part of parts)
          if (part.type === 'tool-call' && inputs.size < KEPT) inputs.set(part.callId, part.input);
    },
  };
}
