import { schemaProblems, toJson, withoutNulls, type Json, type JsonObject, type StandardSchema } from '@prusik/core';

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

/** JSON Schema (draft 7) of a schema, by the converter of its own library: `toJsonSchema` of `@valibot/to-json-schema`, for one. */
export type JsonSchemaConverter<Schema extends StandardSchema> = (schema: Schema) => object;

/** A schema that cannot say itself as JSON Schema needs somebody who can. */
export type ConverterOption<Schema extends StandardSchema> = Schema extends ModelSchema
  ? { readonly toJsonSchema?: JsonSchemaConverter<Schema> }
  : { readonly toJsonSchema: JsonSchemaConverter<Schema> };

/**
 * Draft 7 is what the AI SDK's providers take.
 *
 * @throws {TypeError} for a schema that nobody can convert, and for what is no JSON Schema of an object or value.
 */
export function modelJsonSchema(
  schema: StandardSchema,
  convert: JsonSchemaConverter<never> | undefined,
  where: string,
): JsonObject {
  // A caller without types may pass anything.
  const standard = (schema as StandardSchema | undefined)?.['~standard'] as
    | Partial<ModelSchema['~standard']>
    | undefined;
  if (typeof standard?.validate !== 'function')
    throw new TypeError(`${where} must be a Standard Schema: of zod, valibot, arktype or another library that has it`);
  const said = standard.jsonSchema;
  if (convert === undefined && said === undefined) {
    const vendor =
      standard.vendor === 'valibot' ? 'toJsonSchema of @valibot/to-json-schema' : "its library's converter";
    throw new TypeError(
      `${where} is a schema that does not say itself as JSON Schema: give the option toJsonSchema (${vendor}), or use zod 4.2 or later or arktype`,
    );
  }
  try {
    const json = convert === undefined ? said?.input({ target: 'draft-07' }) : convert(schema as never);
    if (typeof json !== 'object' || json === null || Array.isArray(json))
      throw new TypeError('the converter returned no object');
    return toJson(json) as JsonObject;
  } catch (cause) {
    throw new TypeError(`${where} cannot be converted to JSON Schema: ${(cause as Error).message}`, { cause });
  }
}

/** A JSON Schema as a schema that validates what a model has written. */
export const schemaOf = (json: JsonObject): StandardSchema =>
  standardSchema((value) => {
    const given = withoutNulls(json, value as Json);
    const issues = schemaProblems(json, given);
    return issues.length === 0 ? { value: given } : { issues };
  });

export function standardSchema(validate: StandardSchema['~standard']['validate']): StandardSchema {
  return { '~standard': { version: 1, vendor: 'prusik', validate } };
}
