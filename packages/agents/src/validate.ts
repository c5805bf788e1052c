import { isPrusikError, toJson, type Clock, type Json, type SchemaResult, type StandardSchema } from '@prusik/core';
import { describeError } from './redact.ts';
import { AUTHOR_TIMEOUT_MS, within } from './within.ts';

/**
 * The schema's answer; one that throws, hangs or answers nonsense is an issue. The schema and what comes after it get a copy: the value is
 * somebody's record.
 */
export async function validate(schema: StandardSchema, value: Json, clock: Clock): Promise<SchemaResult<unknown>> {
  try {
    const answer = await within(clock, AUTHOR_TIMEOUT_MS, () => schema['~standard'].validate(toJson(value)));
    const { issues } = answer;
    return issues === undefined || Array.isArray(issues) ? answer : noAnswer('the schema gave no valid answer');
  } catch (thrown) {
    return noAnswer(isPrusikError(thrown, 'TIMED_OUT') ? 'the schema gave no answer in time' : describeError(thrown));
  }
}

const noAnswer = (message: string) => ({ issues: [{ message }] });
