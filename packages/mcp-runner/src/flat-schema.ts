import { schemaProblems, type Json, type JsonObject } from '@prusik/core';
import { isObject, listOf, textOf } from './plain.ts';
import { visibleText } from './visible-text.ts';

/** A form that a person is asked to fill in. */
export interface Form {
  /** What the person's answer has to fit: what has a default need not be filled in. */
  readonly schema: JsonObject;
  /** The answer as the server wanted it, with its defaults; `undefined` where it does not fit. */
  complete(answer: Json): JsonObject | undefined;
}

const MOST_FIELDS = 64;
const MOST_CHOICES = 200;
const MOST_CHARS = 1_000;
const FORMATS: ReadonlySet<Json | undefined> = new Set(['email', 'uri', 'date', 'date-time']);

/**
 * The form of an elicitation. The protocol has flat objects of texts, numbers, yes or no, and choices; of those, the keywords that it names are kept, so no pattern and
 * no reference of a server is ever followed. `undefined` for everything else.
 */
export function readForm(requested: Json | undefined): Form | undefined {
  if (!isObject(requested) || requested['type'] !== 'object' || !isObject(requested['properties'])) return undefined;
  const entries = Object.entries(requested['properties']).map(([name, given]) => [name, field(given)] as const);
  if (entries.length > MOST_FIELDS || entries.some(([name, one]) => one === undefined || name.length > MOST_CHARS))
    return undefined;
  const properties = Object.fromEntries(entries as readonly (readonly [string, JsonObject])[]);
  const required = listOf(requested['required']).filter(
    (name): name is string => typeof name === 'string' && Object.hasOwn(properties, name),
  );
  const defaults = Object.entries(properties).flatMap(([name, one]) =>
    one['default'] === undefined ? [] : [[name, one['default']] as const],
  );
  const base = { type: 'object', properties, additionalProperties: false };
  return {
    schema: { ...base, required: required.filter((name) => properties[name]?.['default'] === undefined) },
    complete(answer) {
      if (!isObject(answer)) return undefined;
      const filled = { ...Object.fromEntries(defaults), ...answer };
      return schemaProblems({ ...base, required }, filled).length === 0 ? filled : undefined;
    },
  };
}

function field(given: Json): JsonObject | undefined {
  if (!isObject(given)) return undefined;
  const told = { ...text(given, 'title'), ...text(given, 'description') };
  switch (given['type']) {
    case 'string': {
      const choices = choicesOf(given);
      if (choices === null) return undefined;
      if (choices !== undefined) return { type: 'string', ...told, ...choices, ...textDefault(given) };
      const format = FORMATS.has(given['format']) ? { format: given['format'] ?? null } : {};
      return { type: 'string', ...told, ...numbers(given, 'minLength', 'maxLength'), ...format, ...textDefault(given) };
    }
    case 'number':
    case 'integer':
      return { type: given['type'], ...told, ...numbers(given, 'minimum', 'maximum', 'default') };
    case 'boolean':
      return {
        type: 'boolean',
        ...told,
        ...(typeof given['default'] === 'boolean' ? { default: given['default'] } : {}),
      };
    case 'array': {
      const choices = isObject(given['items']) ? choicesOf(given['items']) : null;
      if (choices === null || choices === undefined) return undefined;
      const preset = listOf(given['default']).filter((one) => typeof one === 'string');
      return {
        type: 'array',
        ...told,
        items: { type: 'string', ...choices },
        ...numbers(given, 'minItems', 'maxItems'),
        ...(preset.length > 0 ? { default: preset } : {}),
      };
    }
    default:
      return undefined;
  }
}

/** `undefined` where there are none, `null` where they are not what the protocol has. */
function choicesOf(given: JsonObject): JsonObject | undefined | null {
  const titled = given['oneOf'] ?? given['anyOf'];
  if (titled === undefined && given['enum'] === undefined) return undefined;
  const list = listOf(titled ?? given['enum']);
  if (list.length === 0 || list.length > MOST_CHOICES) return null;
  if (titled === undefined) {
    if (!list.every((one) => typeof one === 'string' && one.length <= MOST_CHARS)) return null;
    const names = listOf(given['enumNames']).map((name) => visibleText(textOf(name) ?? '').slice(0, MOST_CHARS));
    return { enum: list, ...(names.length === list.length ? { enumNames: names } : {}) };
  }
  const choices = list.map((one) =>
    isObject(one) && typeof one['const'] === 'string' && one['const'].length <= MOST_CHARS
      ? { const: one['const'], ...text(one, 'title') }
      : undefined,
  );
  return choices.includes(undefined)
    ? null
    : { oneOf: choices.filter((one): one is { const: string } => one !== undefined) };
}

function text(given: JsonObject, name: string): JsonObject {
  const value = textOf(given[name]);
  return value === undefined ? {} : { [name]: visibleText(value.slice(0, MOST_CHARS)) };
}

const textDefault = ({ default: preset }: JsonObject): JsonObject =>
  typeof preset === 'string' ? { default: preset } : {};

const numbers = (given: JsonObject, ...names: readonly string[]): JsonObject =>
  Object.fromEntries(names.flatMap((name) => (typeof given[name] === 'number' ? [[name, given[name]]] : [])));
