import { toJsonText, type CallOutcome, type StepScope, type ToolOutput } from '@prusik/core';
import { keepWhole } from './keep-whole.ts';
import { contentOutput, toolContent } from './tool-content.ts';
import { capText, toToolOutput, type OutputCap } from './tool-output.ts';

/**
 * What a source gave for a call as the model is shown it: its value in place of its texts, files behind. What cannot be read is an error that says that the
 * call was executed all the same.
 */
export async function outcomeOutput(
  given: unknown,
  cap: OutputCap,
  step: Pick<StepScope, 'putBlob' | 'readBlob'>,
): Promise<ToolOutput> {
  try {
    // Of a program without types it may be anything.
    const { type, parts, value, failed } = (given ?? {}) as Partial<CallOutcome>;
    if (type !== 'outcome' || !Array.isArray(parts)) return UNREADABLE;
    const content = toolContent(...(parts as CallOutcome['parts']));
    const files = content.parts.filter((part) => typeof part !== 'string' && part.type === 'file');
    const text = textOf(content.parts);
    if (failed !== undefined) return { type: 'error', code: codeOf(failed), text: capText(text, cap) };
    if (files.length > 0) {
      const told = value === undefined ? content.parts : [toJsonText(value, MOST_VALUE_BYTES).text, ...files];
      return await contentOutput({ parts: told }, cap, step);
    }
    const whole = value === undefined ? text : value;
    const output = toToolOutput(whole, cap);
    return output.type === 'text' ? await keepWhole(whole, output, step) : output;
  } catch (error) {
    // Neither a type that is none nor a value that is no JSON: the store, which the engine waits for.
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    return UNREADABLE;
  }
}

const CODE = /^[\w.:-]{1,100}$/;

/** Whatever it says, it says that the tool failed. */
const codeOf = (failed: unknown): string => (typeof failed === 'string' && CODE.test(failed) ? failed : 'TOOL_FAILED');

const MOST_VALUE_BYTES = 16 * 1_048_576;

const UNREADABLE: ToolOutput = {
  type: 'error',
  code: 'TOOL_RESULT_INVALID',
  text: 'The tool was executed, and what came of it cannot be read.',
};

const textOf = (parts: CallOutcome['parts']): string =>
  parts.flatMap((part) => (typeof part === 'string' ? [part] : part.type === 'text' ? [part.text] : [])).join('\n');
