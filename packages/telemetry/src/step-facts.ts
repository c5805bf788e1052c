import { toldCode, type StepEnd, type StepFacts } from '@prusik/core';
import { namedModel } from './provider-name.ts';

/** The model that answered, as its provider calls it; where that is not known, as the program does. */
export function answeredModel(facts: StepFacts | undefined): string | undefined {
  if (facts?.of !== 'model') return undefined;
  return facts.responseModel ?? (facts.answered === undefined ? undefined : namedModel(facts.answered).model);
}

/** The code of what a step failed of; a tool that failed tells its model so, and its step has an outcome all the same. */
export function stepError({ outcome, facts }: StepEnd): string | undefined {
  if (!outcome.ok) return toldCode(outcome.error.code);
  return facts?.of === 'tool' && facts.error !== undefined ? toldCode(facts.error) : undefined;
}

/** Reasons of the AI SDK → those of the conventions, where they differ. */
const FINISH: ReadonlyMap<string, string> = new Map([
  ['tool-calls', 'tool_call'],
  ['content-filter', 'content_filter'],
]);

export const finishReason = (finish: string): string => FINISH.get(finish) ?? finish;
