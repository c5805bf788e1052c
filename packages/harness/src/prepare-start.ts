import { describeIssues, PrusikError, toJson, type Json, type StandardSchema } from '@prusik/core';
import type { StartOptions } from '@prusik/durable';
import type { HarnessStartOptions } from './harness-types.ts';

/**
 * What the engine is told when a run is started by name.
 *
 * @throws {PrusikError} `CONTEXT_INVALID`.
 */
export async function prepareStart(
  schema: StandardSchema | undefined,
  given: HarnessStartOptions<unknown>,
): Promise<StartOptions> {
  const { session, whenBusy = 'refuse', context, ...rest } = given;
  const checked = await checkContext(schema, context);
  return {
    ...rest,
    ...(checked === undefined ? {} : { context: checked }),
    ...(session === undefined ? {} : { session: { id: session, whenBusy } }),
  };
}

async function checkContext(schema: StandardSchema | undefined, context: unknown): Promise<Json | undefined> {
  if (schema === undefined) return context === undefined ? undefined : toJson(context);
  const result = await schema['~standard'].validate(context);
  if (result.issues === undefined) return result.value === undefined ? undefined : toJson(result.value);
  throw new PrusikError('CONTEXT_INVALID', `The context does not fit its schema: ${describeIssues(result.issues)}`, {
    meta: { issues: result.issues.length },
  });
}
