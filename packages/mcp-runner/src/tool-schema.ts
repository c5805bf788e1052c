import {
  describeIssues,
  schemaProblems,
  withoutNulls,
  type Json,
  type JsonObject,
  type SchemaResult,
} from '@prusik/core';
import { isObject } from './plain.ts';
import { isVisible, visibleText } from './visible-text.ts';

/** Levels and subschemas of one schema; its bytes are counted with its tool. */
const MOST_LEVELS = 64;
const MOST_SCHEMAS = 5_000;
const MOST_NAME_CHARS = 256;

/** Keywords by what stands under them. Everything else is data, and is left as it is. */
const ONE = new Set(
  'additionalProperties additionalItems contains contentSchema else if not propertyNames then unevaluatedItems unevaluatedProperties'.split(
    ' ',
  ),
);
const LISTS = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
const BY_NAME = new Set(['$defs', 'definitions', 'dependentSchemas', 'patternProperties', 'properties']);
const REFERENCES = new Set(['$ref', '$dynamicRef', '$recursiveRef']);
const TEXTS = new Set(['title', 'description', '$comment']);

/**
 * A schema of a server as it can be given to a model and checked by: of bounded depth and size, each part a schema, referring to nothing but itself, with texts
 * and names that a person sees as a model does.
 *
 * @throws {TypeError} saying what is wrong with it.
 */
export function readToolSchema(schema: Json | undefined): JsonObject {
  if (!isObject(schema)) throw new TypeError('there is none, or it is no object');
  let left = MOST_SCHEMAS;
  return readObject(schema, []);

  function read(given: Json | undefined, path: readonly string[]): Json {
    if (typeof given === 'boolean') return given;
    if (!isObject(given)) throw new TypeError(`${at(path)} is no schema`);
    return readObject(given, path);
  }

  function readObject(given: JsonObject, path: readonly string[]): JsonObject {
    if (path.length > MOST_LEVELS) throw new TypeError(`it has more than ${MOST_LEVELS} levels`);
    if ((left -= 1) < 0) throw new TypeError(`it has more than ${MOST_SCHEMAS} parts`);
    const entries = Object.entries(given).map(
      ([keyword, value]) => [keyword, readKeyword(keyword, value, [...path, keyword])] as const,
    );
    return Object.fromEntries(entries);
  }

  function readKeyword(keyword: string, value: Json, path: readonly string[]): Json {
    if (TEXTS.has(keyword)) return typeof value === 'string' ? visibleText(value) : value;
    if (ONE.has(keyword)) return read(value, path);
    if (LISTS.has(keyword)) return readList(value, path);
    if (BY_NAME.has(keyword)) return readMembers(value, path, read);
    if (keyword === 'items') return Array.isArray(value) ? readList(value, path) : read(value, path);
    if (keyword === 'dependencies')
      return readMembers(value, path, (one, here) => (Array.isArray(one) ? one : read(one, here)));
    if (REFERENCES.has(keyword) && !(typeof value === 'string' && value.startsWith('#')))
      throw new TypeError(`${at(path)} refers to something outside of it`);
    return value;
  }

  function readList(value: Json, path: readonly string[]): Json {
    if (!Array.isArray(value)) throw new TypeError(`${at(path)} is no list`);
    return (value as readonly Json[]).map((one) => read(one, path));
  }

  function readMembers(value: Json, path: readonly string[], readOne: typeof read): Json {
    if (!isObject(value)) throw new TypeError(`${at(path)} is no object`);
    for (const name of Object.keys(value))
      if (name.length > MOST_NAME_CHARS || !isVisible(name))
        throw new TypeError(`${at(path)} has a name that is too long, or not what it looks like`);
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, readOne(one, [...path, name])]));
  }
}

const at = (path: readonly string[]): string => visibleText(path.join('.')).slice(0, 200);

/** A schema that can say itself as JSON Schema (the Standard JSON Schema interface), so that the AI SDK and `defineTool` take it. */
export interface ToolInputSchema {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: 'prusik';
    readonly validate: (value: unknown) => SchemaResult<JsonObject>;
    readonly types?: { readonly input: JsonObject; readonly output: JsonObject } | undefined;
    readonly jsonSchema: {
      readonly input: (options: { readonly target: string }) => Record<string, unknown>;
      readonly output: (options: { readonly target: string }) => Record<string, unknown>;
    };
  };
}

/** What a tool takes, as what others check inputs by. */
export function toolInputSchema(schema: JsonObject): ToolInputSchema {
  // The AI SDK writes into what it is given.
  const said = (): Record<string, unknown> => structuredClone(schema) as Record<string, unknown>;
  return {
    '~standard': {
      version: 1,
      vendor: 'prusik',
      validate(value) {
        const given = withoutNulls(schema, value as Json);
        const issues = schemaProblems(schema, given);
        return issues.length > 0 ? { issues } : { value: given as JsonObject };
      },
      jsonSchema: { input: said, output: said },
    },
  };
}

/** What is wrong with an input; `undefined` where nothing is. */
export function inputFault(schema: JsonObject, input: JsonObject): string | undefined {
  const issues = schemaProblems(schema, input);
  return issues.length > 0 ? describeIssues(issues) : undefined;
}
