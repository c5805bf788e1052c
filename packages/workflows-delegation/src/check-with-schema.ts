import { describeIssues, PrusikError, type InferOutput, type StandardSchema } from '@prusik/core';

/**
 * `value` as the schema gives it back.
 *
 * @throws {PrusikError} with `code`, naming path and problem of each issue.
 */
export async function checkWithSchema<S extends StandardSchema>(
  schema: S,
  value: unknown,
  code: 'INPUT_INVALID' | 'OUTPUT_INVALID' | 'ANSWER_INVALID',
  what: string,
): Promise<InferOutput<S>> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value as InferOutput<S>;
  throw new PrusikError(code, `${what} does not fit its schema: ${describeIssues(result.issues)}`, {
    meta: { issues: result.issues.length },
  });
}
