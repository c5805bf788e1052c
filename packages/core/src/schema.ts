import { toJson, type JsonObject } from './json.ts';
import { cutText } from './trim.ts';

/**
 * The part of the Standard Schema interface (version 1, standardschema.dev) that Prusik uses. zod 4, valibot and
 * arktype schemas are assignable to it, so no schema library is a dependency of core.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a schema says of a value: the value as it gives it back, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong, and where. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** What a schema takes, before its defaults and coercions. */
export type InferInput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['input'];
/** What a schema gives back. */
export type InferOutput<S extends StandardSchema> = NonNullable<S['~standard']['types']>['output'];

/**
 * What a value of this schema looks like, as JSON Schema of draft 7, where the schema can say so itself (the Standard JSON Schema interface: zod 4.2
 * and later, arktype, valibot's `toStandardJsonSchema`); `undefined` where it cannot, or where part of it has no JSON Schema.
 */
export function jsonSchemaOf(schema: StandardSchema): JsonObject | undefined {
  const { jsonSchema } = schema['~standard'] as { readonly jsonSchema?: JsonSchemaConverter };
  try {
    return jsonSchema && (toJson(jsonSchema.input({ target: 'draft-07' })) as JsonObject);
  } catch {
    return undefined;
  }
}

interface JsonSchemaConverter {
  readonly input: (options: { readonly target: 'draft-07' }) => Record<string, unknown>;
}

/** One line a person can act on: `areas[0].name: expected string; …`. */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  return issues.slice(0, 10).map(describeIssue).join('; ');
}

const ISSUE_CHARS = 1_000;

/** A schema is somebody's program: what it gives as an issue may be anything, and of any length. */
function describeIssue(issue: SchemaIssue): string {
  try {
    const path = (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
    return cutText(path === '' ? `${issue.message}` : `${path}: ${issue.message}`, ISSUE_CHARS);
  } catch {
    return 'the schema gave an issue that cannot be read';
  }
}
