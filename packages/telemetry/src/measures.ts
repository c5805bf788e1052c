import type { Attributes } from '@opentelemetry/api';
import {
  toldCode,
  type EngineEvent,
  type Measurement,
  type ObservedRun,
  type RunEnd,
  type StepEnd,
  type StepKind,
  type WaitKind,
} from '@prusik/core';
import { createAttributeSets } from './attribute-sets.ts';
import { ATTR, OPERATION, OWN } from './conventions.ts';
import type { Instruments } from './instruments.ts';
import type { OwnMetrics } from './own-metrics.ts';
import { plainName } from './plain-text.ts';
import { namedModel } from './provider-name.ts';
import { answeredModel, stepError } from './step-facts.ts';

/** What one drive has come to. */
export interface DriveFigures {
  readonly ms: number;
  readonly modelCalls: number;
  readonly toolCalls: number;
  /** A code, where it failed, was lost or has blocked its run. */
  readonly error: string | undefined;
}

/** Metrics of what was committed. Attributes are names and codes that a program has some of; ids of runs, sessions and calls are never among them. */
export interface Measures {
  driveBegins(run: ObservedRun): void;
  driveOver(run: ObservedRun, figures: DriveFigures): void;
  /** `ms` is missing where nothing was executed here. */
  stepEnds(run: ObservedRun, end: StepEnd, ms: number | undefined): void;
  retry(kind: StepKind, code: string): void;
  waitEnds(kind: WaitKind, ms: number, timedOut: boolean): void;
  blocks(run: ObservedRun, code: string): void;
  leaseLost(run: ObservedRun): void;
  runEnds(run: ObservedRun, end: RunEnd, ms: number): void;
  event(event: EngineEvent): void;
  /** The program's own. */
  own(measurements: readonly Measurement[]): void;
}

const NONE: Attributes = {};
/** Of tokens we do not know more. */
const MODALITY = 'unknown';

export function createMeasures(instruments: Instruments, own: OwnMetrics): Measures {
  const chats = createAttributeSets();
  const tokens = createAttributeSets();
  const tools = createAttributeSets();
  const drives = createAttributeSets();
  const steps = createAttributeSets();
  const runs = createAttributeSets();
  const others = createAttributeSets();

  const definitionOf = ({ kind, definition }: ObservedRun): Attributes => ({
    [OWN.runKind]: kind,
    [OWN.runDefinition]: plainName(definition),
  });
  const ofDefinition = (run: ObservedRun): Attributes =>
    runs.of(`${run.kind}\n${run.definition}`, () => definitionOf(run));

  function modelEnds({ name = '', facts, outcome, usage, costMicros }: StepEnd, ms: number | undefined): void {
    const answered = answeredModel(facts);
    const code = outcome.ok ? '' : toldCode(outcome.error.code);
    const made = (): Attributes => {
      const { provider, model } = namedModel(plainName(name));
      return {
        [ATTR.operation]: OPERATION.chat,
        [ATTR.provider]: provider,
        [ATTR.requestModel]: model,
        ...(answered === undefined ? {} : { [ATTR.responseModel]: plainName(answered) }),
      };
    };
    const key = `${name}\n${answered ?? ''}`;
    const withError = chats.of(`${key}\n${code}`, () => ({
      ...made(),
      ...(code === '' ? {} : { [ATTR.errorType]: code }),
    }));
    if (ms !== undefined) instruments.inferenceDuration.record(ms / 1_000, withError);
    if (facts?.of === 'model' && facts.firstChunkMs !== undefined)
      instruments.timeToFirstChunk.record(facts.firstChunkMs / 1_000, withError);
    if (usage !== undefined) {
      const { inputTokens, outputTokens, cachedInputTokens, cacheWriteInputTokens, reasoningTokens } = usage;
      const counted = tokens.of(key, () => ({ ...made(), [ATTR.tokenModality]: MODALITY }));
      if (inputTokens !== undefined) {
        instruments.operationInput.record(inputTokens, withError);
        instruments.inputTokens.add(inputTokens, counted);
      }
      if (outputTokens !== undefined) {
        instruments.operationOutput.record(outputTokens, withError);
        instruments.outputTokens.add(outputTokens, counted);
      }
      if (cachedInputTokens !== undefined) instruments.cacheReadTokens.add(cachedInputTokens, counted);
      if (cacheWriteInputTokens !== undefined) instruments.cacheWriteTokens.add(cacheWriteInputTokens, counted);
      if (reasoningTokens !== undefined) instruments.reasoningTokens.add(reasoningTokens, counted);
    }
    if (costMicros !== undefined) instruments.usageCost.add(costMicros, chats.of(`${key}\n`, made));
  }

  function toolEnds(end: StepEnd, ms: number): void {
    const { name = '' } = end;
    const code = stepError(end) ?? '';
    const attributes = tools.of(`${name}\n${code}`, () => ({
      [ATTR.operation]: OPERATION.tool,
      [ATTR.toolName]: plainName(name),
      [ATTR.toolType]: 'function',
      ...(code === '' ? {} : { [ATTR.errorType]: code }),
    }));
    instruments.toolDuration.record(ms / 1_000, attributes);
  }

  function plainStepEnds(run: ObservedRun, end: StepEnd, ms: number): void {
    const { name = '' } = end;
    const code = stepError(end) ?? '';
    const attributes = steps.of(`${run.definition}\n${name}\n${code}`, () => ({
      [OWN.runDefinition]: plainName(run.definition),
      ...(name === '' ? {} : { [OWN.stepName]: plainName(name) }),
      ...(code === '' ? {} : { [ATTR.errorType]: code }),
    }));
    instruments.stepDuration.record(ms / 1_000, attributes);
  }

  return {
    driveBegins: (run) => instruments.activeDrives.add(1, ofDefinition(run)),
    driveOver(run, { ms, modelCalls, toolCalls, error }) {
      instruments.activeDrives.add(-1, ofDefinition(run));
      if (run.kind === 'function') return;
      const code = error === undefined ? '' : toldCode(error);
      const attributes = drives.of(`${run.kind}\n${run.definition}\n${code}`, () => ({
        [ATTR.operation]: OPERATION[run.kind === 'agent' ? 'agent' : 'workflow'],
        [ATTR.agentName]: plainName(run.definition),
        ...(code === '' ? {} : { [ATTR.errorType]: code }),
      }));
      instruments.invokeDuration.record(ms / 1_000, attributes);
      instruments.invokeInferenceCalls.record(modelCalls, attributes);
      instruments.invokeToolCalls.record(toolCalls, attributes);
    },
    stepEnds(run, end, ms) {
      if (end.kind === 'model') modelEnds(end, ms);
      else if (ms === undefined) return;
      else if (end.kind === 'tool') toolEnds(end, ms);
      else plainStepEnds(run, end, ms);
    },
    retry(kind, code) {
      const type = toldCode(code);
      const attributes = others.of(`retry ${kind} ${type}`, () => ({ [OWN.stepKind]: kind, [ATTR.errorType]: type }));
      instruments.stepRetries.add(1, attributes);
    },
    waitEnds(kind, ms, timedOut) {
      const attributes = others.of(`wait ${kind} ${timedOut}`, () => ({
        [OWN.waitKind]: kind,
        [OWN.waitTimedOut]: timedOut,
      }));
      instruments.waitDuration.record(ms / 1_000, attributes);
    },
    blocks(run, code) {
      const type = toldCode(code);
      const attributes = runs.of(`${run.kind}\n${run.definition}\n${type}`, () => ({
        ...definitionOf(run),
        [ATTR.errorType]: type,
      }));
      instruments.runBlocks.add(1, attributes);
    },
    own: own.tell,
    leaseLost: (run) => instruments.leasesLost.add(1, ofDefinition(run)),
    runEnds(run, { status, error }, ms) {
      const code = error === undefined ? '' : toldCode(error.code);
      const attributes = runs.of(`${run.kind}\n${run.definition}\n${status}\n${code}`, () => ({
        ...definitionOf(run),
        [OWN.runStatus]: status,
        ...(code === '' ? {} : { [ATTR.errorType]: code }),
      }));
      instruments.runDuration.record(ms / 1_000, attributes);
    },
    event(event) {
      switch (event.type) {
        case 'commit': {
          const { outcome } = event;
          // The SDK takes as long for attributes as for all else of a measurement, and this one comes with every step.
          const attributes =
            outcome === 'committed' ? NONE : others.of(`commit ${outcome}`, () => ({ [OWN.commitOutcome]: outcome }));
          return instruments.commitDuration.record(event.ms / 1_000, attributes);
        }
        case 'event-lag':
          return instruments.eventLag.record(event.ms / 1_000);
        case 'worker':
          return instruments.workerSlots.add(event.did === 'start' ? event.slots : -event.slots, NONE);
        case 'warning': {
          const code = toldCode(event.code);
          const attributes = others.of(`warning ${code}`, () => ({ [OWN.warningCode]: code }));
          return instruments.warnings.add(1, attributes);
        }
        default:
          event satisfies never;
      }
    },
  };
}
