import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Link,
  type Span,
} from '@opentelemetry/api';
import {
  toldCode,
  type DriveObserver,
  type DriveOver,
  type Entry,
  type Message,
  type ObservedDrive,
  type ObservedRun,
  type StepEnd,
  type TraceContext,
  type WaitEnd,
} from '@prusik/core';
import { ATTR, EVENT, LINK, OPERATION, OWN, SPAN } from './conventions.ts';
import { plainName } from './plain-text.ts';
import { driveTime, hrTime } from './span-time.ts';
import { createStepContent } from './step-content.ts';
import { settledStep, startStep, type StepSpan } from './step-span.ts';
import { fromText, toText } from './trace-text.ts';
import type { Watching } from './watching.ts';

const FAILED = { code: SpanStatusCode.ERROR };

/** Codes of a drive that was lost. */
const LOST: Readonly<Partial<Record<DriveOver, string>>> = {
  superseded: 'RUN_SUPERSEDED',
  unavailable: 'STORE_UNAVAILABLE',
};

/** A drive that nobody watches: there is no SDK. */
const UNSEEN: DriveObserver = {
  trace: undefined,
  step: () => ({ trace: undefined, inside: (body) => body(), retry() {}, over() {} }),
  committed() {},
  over() {},
};

/** One drive as a span, with one for each step that it executes. */
export function observeDrive(watching: Watching, run: ObservedRun, drive: ObservedDrive): DriveObserver {
  const time = driveTime(watching.clock);
  const began = time();
  const span = startDrive(watching, run, drive, began);
  const inside = trace.setSpan(ROOT_CONTEXT, span);
  const measures = watching.measures();
  const text = toText(span.spanContext());
  if (text === undefined && measures === undefined) return UNSEEN;
  const recording = span.isRecording();
  if (recording) describe(watching, span, run, drive);
  measures?.driveBegins(run);
  const content = recording ? createStepContent(watching) : undefined;
  const steps = new Map<string, StepSpan>();
  const waits = new Map(drive.waits.map(({ key, at }) => [key, at]));
  let modelCalls = 0;
  let toolCalls = 0;
  /** Of a run that failed, or that this drive has blocked. */
  let error: string | undefined;

  function stepEnds(entry: StepEnd, messages: readonly Message[]): void {
    const add = content === undefined ? undefined : (its: Span) => content.add(its, entry, messages);
    const step = steps.get(entry.key);
    steps.delete(entry.key);
    let ms: number | undefined;
    try {
      ms = step?.end(entry, add);
      // Also of one that was left here before: its usage has to be on a span.
      if (ms === undefined) settledStep(watching, run, inside, time(), entry, add);
    } finally {
      content?.note(entry, messages);
      if (entry.kind === 'model') modelCalls += 1;
      else if (entry.kind === 'tool') toolCalls += 1;
      measures?.stepEnds(run, entry, ms);
      if (entry.measurements !== undefined) measures?.own(entry.measurements);
    }
  }

  function waitEnds({ key, kind, at, timedOut = false }: WaitEnd & Pick<Entry, 'at'>): void {
    const since = waits.get(key);
    waits.delete(key);
    if (since === undefined) return;
    const ms = Math.max(0, at - since);
    measures?.waitEnds(kind, ms, timedOut);
    if (recording) event(EVENT.wait, { [OWN.waitKind]: kind, [OWN.waitMs]: ms, [OWN.waitTimedOut]: timedOut });
  }

  function event(name: string, attributes?: Attributes): void {
    span.addEvent(name, attributes, hrTime(time()));
  }

  function committed(entry: Entry, messages: readonly Message[]): void {
    switch (entry.type) {
      case 'step-end':
        return stepEnds(entry, messages);
      case 'measure':
        measures?.own(entry.measurements);
        return;
      case 'wait-start':
        waits.set(entry.key, entry.at);
        return;
      case 'wait-end':
        return waitEnds(entry);
      case 'run-claim':
        if (entry.attempt > 1) measures?.leaseLost(run);
        return;
      case 'run-block':
        error = entry.code;
        measures?.blocks(run, entry.code);
        if (recording) event(EVENT.block, { [ATTR.errorType]: toldCode(entry.code) });
        return;
      case 'run-unblock':
        if (recording) event(EVENT.unblock);
        return;
      case 'run-cancel':
        if (recording) event(EVENT.cancel);
        return;
      case 'run-deadline':
        if (recording) event(EVENT.deadline);
        return;
      case 'run-end':
        if (entry.status === 'failed') error = entry.error?.code ?? 'RUN_FAILED';
        measures?.runEnds(run, entry, Math.max(0, entry.at - run.createdAt));
        if (recording) span.setAttribute(OWN.runStatus, entry.status);
        return;
      case 'run-start':
      case 'step-intent':
      case 'step-pause':
      case 'note':
      case 'run-park':
        return;
      default:
        entry satisfies never;
    }
  }

  return {
    trace: text,
    step(what) {
      const step = startStep(watching, run, inside, time, what);
      steps.set(what.key, step);
      return step.observer;
    },
    committed(entries, messages) {
      let from = 0;
      let failed: { readonly thrown: unknown } | undefined;
      for (const entry of entries) {
        const count = content === undefined || entry.type !== 'step-end' ? 0 : (entry.messages?.count ?? 0);
        try {
          committed(entry, count === 0 ? [] : messages.slice(from, from + count));
        } catch (thrown) {
          // A redactor, or a processor of spans: what else was committed is told all the same, then the engine warns of it.
          failed ??= { thrown };
        }
        from += count;
      }
      if (failed !== undefined) throw failed.thrown;
    },
    over(how) {
      const code = LOST[how] ?? error;
      const ended = time();
      measures?.driveOver(run, { ms: ended - began, modelCalls, toolCalls, error: code });
      for (const step of steps.values()) step.leave(false);
      if (recording) {
        span.setAttribute(OWN.driveOver, how);
        if (code !== undefined) {
          span.setAttribute(ATTR.errorType, toldCode(code));
          span.setStatus(FAILED);
        }
      }
      span.end(hrTime(ended));
    },
  };
}

/** Begins in the trace that the run was started in, or in that of its first drive, and is linked to the drive before. */
function startDrive({ tracer, caller }: Watching, run: ObservedRun, drive: ObservedDrive, began: number): Span {
  const { name, attributes } = shapeOf(run);
  const joins = caller === 'parent' || run.parent !== undefined;
  const parent = fromText((joins ? drive.caller : undefined) ?? drive.first);
  const links: Link[] = [];
  const link = (to: TraceContext | undefined, kind: string): void => {
    const context = fromText(to);
    if (context !== undefined) links.push({ context, attributes: { [OWN.linkKind]: kind } });
  };
  if (drive.before !== undefined) link(drive.before, LINK.before);
  if (!joins && drive.before === undefined) link(drive.caller, LINK.caller);
  const options = { kind: SpanKind.INTERNAL, attributes, links, startTime: hrTime(began) };
  return tracer.startSpan(
    name,
    options,
    parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent),
  );
}

function shapeOf({ kind, definition, version }: ObservedRun): {
  readonly name: string;
  readonly attributes: Attributes;
} {
  const plain = plainName(definition);
  if (kind === 'function') return { name: `${SPAN.run} ${plain}`, attributes: { [OWN.runDefinition]: plain } };
  const operation = OPERATION[kind];
  return {
    name: `${operation} ${plain}`,
    attributes: {
      [ATTR.operation]: operation,
      [ATTR.agentName]: plain,
      ...(kind === 'agent' ? { [ATTR.agentVersion]: plainName(version) } : {}),
    },
  };
}

function describe({ capture }: Watching, span: Span, run: ObservedRun, drive: ObservedDrive): void {
  const { key, kind, version, session, root, parent, depth } = run;
  const { epoch, attempt, worker, at, parkedAt, budget } = drive;
  span.setAttribute(OWN.tenant, key.tenant);
  span.setAttribute(OWN.runId, key.run);
  span.setAttribute(OWN.runKind, kind);
  span.setAttribute(OWN.runVersion, plainName(version));
  span.setAttribute(OWN.rootId, root);
  span.setAttribute(OWN.runDepth, depth);
  if (session !== undefined) span.setAttribute(ATTR.conversation, session);
  if (parent !== undefined) {
    span.setAttribute(OWN.parentId, parent.run);
    if (capture.keys) span.setAttribute(OWN.parentKey, parent.key);
  }
  span.setAttribute(OWN.worker, worker);
  span.setAttribute(OWN.driveEpoch, epoch);
  span.setAttribute(OWN.driveAttempt, attempt);
  if (parkedAt !== undefined) span.setAttribute(OWN.driveParkedMs, Math.max(0, at - parkedAt));
  if (budget === undefined) return;
  if (budget.calls !== undefined) span.setAttribute(OWN.budgetCalls, budget.calls);
  if (budget.tokens !== undefined) span.setAttribute(OWN.budgetTokens, budget.tokens);
  if (budget.costMicros !== undefined) span.setAttribute(OWN.budgetCost, budget.costMicros);
  if (budget.runs !== undefined) span.setAttribute(OWN.budgetRuns, budget.runs);
}
