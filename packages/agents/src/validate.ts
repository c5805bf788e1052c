import { isPrusikError, toJson, type Clock, type Json, type SchemaResult, type StandardSchema } from '@prusik/core';
import { describeError } from './redact.ts';
import { AUTHOR_TIMEOUT_MS, within } from './within.ts';

/**
 * The schema's answer; one that throws, hangs or answers nonsense is an issue. The schema and what comes after it get a copy: the value is
 * somebody's record.
 */
export function validate(
  schema: StandardSchema,
  value: Json,
  clock: Clock,
): SchemaResult<unknown> | Promise<SchemaResult<unknown>> {
  try {
    const answer = schema['~standard'].validate(toJson(value));
    if (typeof (answer as { readonly then?: unknown }).then !== 'function')
      return looked(answer as SchemaResult<unknown>);
    return within(clock, AUTHOR_TIMEOUT_MS, () => answer)
      .then(looked)
      .catch(noAnswer);
  } catch (thrown) {
    return noAnswer(thrown);
  }
}

function looked(answer: SchemaResult<unknown>): SchemaResult<unknown> {
  const { issues } = answer;
  return issues === undefined || Array.isArray(issues) ? answer : refused('the schema gave no valid answer');
}

const noAnswer = (thrown: unknown): SchemaResult<unknown> =>
  refused(isPrusikError(thrown, 'TIMED_OUT') ? 'the schema gave no answer in time' : describeError(thrown));

const refused = (message: string) => ({ issues: [{ message }] });
