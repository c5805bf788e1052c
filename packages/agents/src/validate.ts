import { toJson, type Json, type SchemaResult, type StandardSchema } from '@prusik/core';
import { describeError } from './redact.ts';

/** The schema's answer; one that throws is an issue. The schema and what comes after it get a copy: the value is somebody's record. */
export async function validate(schema: StandardSchema, value: Json): Promise<SchemaResult<unknown>> {
  try {
    return await schema['~standard'].validate(toJson(value));
  } catch (thrown) {
    return { issues: [{ message: describeError(thrown) }] };
  }
}
