import type { JsonObject, StandardSchema } from '@prusik/core';
import { toJson } from '@prusik/core';

/**
 * A Standard Schema that can say itself as JSON Schema (the Standard JSON Schema interface): what a model is shown is
 * what its calls are checked by. zod 4.2 and later and arktype are; valibot's `toStandardJsonSchema` makes one.
 */
export interface ModelSchema<Input = unknown, Output = Input> extends StandardSchema<Input, Output> {
  readonly '~standard': StandardSchema<Input, Output>['~standard'] & {
    readonly jsonSchema: {
      readonly input: (options: { readonly target: 'draft-07' }) => Record<string, unknown>;
    };
  };
}

/** Draft 7 is what the AI SDK's providers take. */
export function toJsonSchema(schema: ModelSchema, where: string): JsonObject {
  // A caller without types may pass any schema.
  const standard = schema['~standard'] as ModelSchema['~standard'] | undefined;
  if (standard?.jsonSchema === undefined) {
    throw new TypeError(
      `${where} is a schema that cannot be converted to JSON Schema: use zod 4.2 or later, arktype, or valibot's toStandardJsonSchema()`,
    );
  }
  try {
    return toJson(standard.jsonSchema.input({ target: 'draft-07' })) as JsonObject;
  } catch (cause) {
    throw new TypeError(`${where} cannot be converted to JSON Schema: ${(cause as Error).message}`, { cause });
  }
}
