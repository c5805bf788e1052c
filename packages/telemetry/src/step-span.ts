import { context, SpanStatusCode, trace, type Context, type Span } from '@opentelemetry/api';
import { toldCode, type ObservedRun, type ObservedStep, type StepEnd, type StepObserver } from '@prusik/core';
import { ATTR, EVENT, OWN } from './conventions.ts';
import { plainName } from './plain-text.ts';
import { hrTime } from './span-time.ts';
import { answeredModel, finishReason, stepError } from './step-facts.ts';
import { toText } from './trace-text.ts';
import type { Watching } from './watching.ts';

/** A step between its first execution in a drive and its outcome. */
export interface StepSpan {
  readonly observer: StepObserver;
  /** Its outcome was committed. Answers how long the step took here, in milliseconds; `undefined` where it was left before. */
  end(entry: StepEnd, add?: (span: Span) => void): number | undefined;
  /** Nothing is known of it, or it goes on later. */
  leave(recorded: boolean): void;
}

/** Values are rounded to whole milliseconds: spans of what a body did must not stand out of its own. */
const ROUNDED_MS = 0.5;

const FAILED = { code: SpanStatusCode.ERROR };

export function startStep(
  watching: Watching,
  run: ObservedRun,
  parent: Context,
  time: () => number,
  step: ObservedStep,
): StepSpan {
  const began = time();
  const span = startSpan(watching, parent, began, step);
  const inside = trace.setSpan(parent, span);
  if (span.isRecording()) {
    span.setAttribute(OWN.runId, run.key.run);
    if (step.effect !== 'repeatable') span.setAttribute(OWN.stepEffect, step.effect);
    if (watching.capture.keys) span.setAttribute(OWN.stepKey, step.key);
    if (step.kind === 'model' && run.session !== undefined) span.setAttribute(ATTR.conversation, run.session);
  }
  let executed: number | undefined;
  let open = true;

  return {
    observer: {
      trace: toText(span.spanContext()),
      inside(body) {
        executed = time();
        return context.with(inside, body);
      },
      retry(code, ms) {
        const type = toldCode(code);
        watching.measures()?.retry(step.kind, type);
        if (span.isRecording())
          span.addEvent(EVENT.retry, { [ATTR.errorType]: type, [OWN.retryMs]: Math.round(ms) }, hrTime(time()));
      },
      over: leave,
    },
    end(entry, add) {
      if (!open) return undefined;
      open = false;
      const now = time();
      const ended = executed === undefined ? now : Math.min(now, executed + entry.durationMs + ROUNDED_MS);
      finish(span, entry, ended, add);
      return ended - began;
    },
    leave,
  };

  function leave(recorded: boolean): void {
    if (!open) return;
    open = false;
    if (!recorded) span.setAttribute(OWN.stepRecorded, false);
    span.end(hrTime(time()));
  }
}

/** A step that has an outcome and was not executed here: what it used in earlier drives has to be on a span all the same. */
export function settledStep(
  watching: Watching,
  run: ObservedRun,
  parent: Context,
  now: number,
  entry: StepEnd,
  add?: (span: Span) => void,
): void {
  const span = startSpan(watching, parent, now, entry);
  if (span.isRecording()) {
    span.setAttribute(OWN.runId, run.key.run);
    if (watching.capture.keys) span.setAttribute(OWN.stepKey, entry.key);
  }
  finish(span, entry, now, add);
}

function startSpan(
  { tracer, shapeOf }: Watching,
  parent: Context,
  at: number,
  step: Pick<ObservedStep, 'kind' | 'name'>,
): Span {
  const { name, kind, attributes } = shapeOf(step);
  return tracer.startSpan(name, { kind, attributes, startTime: hrTime(at) }, parent);
}

function finish(span: Span, entry: StepEnd, at: number, add: ((span: Span) => void) | undefined): void {
  try {
    if (!span.isRecording()) return;
    describe(span, entry);
    add?.(span);
  } finally {
    // Whatever a redactor throws: a span that is not ended is lost.
    span.end(hrTime(at));
  }
}

function describe(span: Span, entry: StepEnd): void {
  const { attempt, settledBy, denied, absorbed, usage, costMicros } = entry;
  if (attempt > 1) span.setAttribute(OWN.stepAttempt, attempt);
  if (settledBy !== undefined) span.setAttribute(OWN.stepSettledBy, settledBy);
  if (denied !== undefined) span.setAttribute(OWN.stepDenied, [...new Set(denied.map(({ by }) => by))]);
  if (absorbed !== undefined) span.setAttribute(OWN.stepAbsorbed, [...absorbed]);
  const error = stepError(entry);
  if (error !== undefined) {
    span.setAttribute(ATTR.errorType, error);
    span.setStatus(FAILED);
  }
  if (usage !== undefined) {
    const { inputTokens, outputTokens, cachedInputTokens, cacheWriteInputTokens, reasoningTokens, estimated } = usage;
    if (inputTokens !== undefined) span.setAttribute(ATTR.inputTokens, inputTokens);
    if (outputTokens !== undefined) span.setAttribute(ATTR.outputTokens, outputTokens);
    if (cachedInputTokens !== undefined) span.setAttribute(ATTR.cacheReadTokens, cachedInputTokens);
    if (cacheWriteInputTokens !== undefined) span.setAttribute(ATTR.cacheWriteTokens, cacheWriteInputTokens);
    if (reasoningTokens !== undefined) span.setAttribute(ATTR.reasoningTokens, reasoningTokens);
    if (estimated === true) span.setAttribute(OWN.usageEstimated, true);
  }
  if (costMicros !== undefined) span.setAttribute(OWN.usageCost, costMicros);
  describeFacts(span, entry);
}

function describeFacts(span: Span, { facts }: StepEnd): void {
  if (facts === undefined) return;
  if (facts.of === 'tool') {
    span.setAttribute(ATTR.toolCallId, facts.callId);
    if (facts.source !== undefined) span.setAttribute(OWN.toolSource, plainName(facts.source));
    return;
  }
  const { answered, responseId, finish: reason, firstChunkMs, json, failed } = facts;
  const model = answeredModel(facts);
  if (model !== undefined) span.setAttribute(ATTR.responseModel, plainName(model));
  if (answered !== undefined) span.setAttribute(OWN.modelAnswered, plainName(answered));
  if (responseId !== undefined) span.setAttribute(ATTR.responseId, responseId);
  if (reason !== undefined) span.setAttribute(ATTR.finishReasons, [finishReason(reason)]);
  if (firstChunkMs !== undefined) {
    span.setAttribute(ATTR.requestStream, true);
    span.setAttribute(ATTR.timeToFirstChunk, firstChunkMs / 1_000);
  }
  if (json === true) span.setAttribute(ATTR.outputType, 'json');
  for (const { model: name, why } of failed ?? [])
    span.addEvent(EVENT.modelFailed, { [OWN.modelName]: plainName(name), [OWN.modelErrorClass]: plainName(why) });
}
