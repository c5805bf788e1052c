import { canonicalJson, type Json, type JsonObject } from './json.ts';
import type { SchemaIssue } from './schema.ts';

/** More of them help nobody to repair a value. */
const MOST_ISSUES = 20;
/** A schema that refers to itself without going down into the value would never end. */
const MOST_LEVELS = 256;

/**
 * What of a value does not fit a JSON Schema: the keywords that schema libraries write for data, of draft 7 and 2020-12. Whoever knows a keyword
 * that is not looked at here (`format`, `contains`, `if`, …) checks once more; a value is never refused for one.
 */
export function schemaProblems(schema: JsonObject, value: Json): readonly SchemaIssue[] {
  const issues: SchemaIssue[] = [];
  check({ root: schema, issues, levels: 0 }, schema, value, []);
  return issues;
}

interface Checking {
  readonly root: JsonObject;
  readonly issues: SchemaIssue[];
  readonly levels: number;
}
type Path = readonly (string | number)[];

function check(checking: Checking, schema: Json | undefined, value: Json, path: Path): void {
  if (schema === undefined || schema === true || checking.issues.length >= MOST_ISSUES) return;
  const problem = (message: string): void => void checking.issues.push({ message, path });
  if (schema === false) return problem('is not allowed');
  if (!isObject(schema)) return;
  if (checking.levels >= MOST_LEVELS) return problem('is nested too deeply to be checked');
  const deeper: Checking = { ...checking, levels: checking.levels + 1 };
  if (typeof schema['$ref'] === 'string') check(deeper, resolve(checking.root, schema['$ref']), value, path);

  const { type, enum: allowed } = schema;
  const types = typeof type === 'string' ? [type] : Array.isArray(type) ? type : undefined;
  if (types !== undefined && !types.some((one) => isOfType(value, String(one))))
    return problem(`expected ${types.join(' or ')}, received ${typeOf(value)}`);
  if (Array.isArray(allowed) && !allowed.some((one: Json) => isSame(one, value)))
    problem(`expected one of ${JSON.stringify(allowed).slice(0, 200)}`);
  if (schema['const'] !== undefined && !isSame(schema['const'], value))
    problem(`expected ${JSON.stringify(schema['const']).slice(0, 200)}`);

  if (typeof value === 'string') checkText(schema, value, problem);
  else if (typeof value === 'number') checkNumber(schema, value, problem);
  else if (Array.isArray(value)) checkArray(deeper, schema, value as readonly Json[], path, problem);
  else if (isObject(value)) checkMembers(deeper, schema, value, path, problem);
  checkCombined(deeper, schema, value, path, problem);
}

function checkText(schema: JsonObject, value: string, problem: (message: string) => void): void {
  const length = [...value].length;
  if (length < numberOr(schema['minLength'], 0)) problem(`is shorter than ${String(schema['minLength'])} characters`);
  if (length > numberOr(schema['maxLength'], Infinity))
    problem(`is longer than ${String(schema['maxLength'])} characters`);
  const { pattern } = schema;
  if (typeof pattern === 'string' && compiled(pattern)?.test(value) === false) problem(`does not match ${pattern}`);
}

/** A pattern that this engine cannot read checks nothing. */
function compiled(pattern: string): RegExp | undefined {
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}

function checkNumber(schema: JsonObject, value: number, problem: (message: string) => void): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (value < numberOr(minimum, -Infinity)) problem(`is less than ${String(minimum)}`);
  if (value > numberOr(maximum, Infinity)) problem(`is more than ${String(maximum)}`);
  if (value <= numberOr(exclusiveMinimum, -Infinity)) problem(`is not more than ${String(exclusiveMinimum)}`);
  if (value >= numberOr(exclusiveMaximum, Infinity)) problem(`is not less than ${String(exclusiveMaximum)}`);
  const times = value / numberOr(multipleOf, value || 1);
  if (Math.abs(times - Math.round(times)) > 1e-9) problem(`is no multiple of ${String(multipleOf)}`);
}

function checkArray(
  checking: Checking,
  schema: JsonObject,
  value: readonly Json[],
  path: Path,
  problem: (message: string) => void,
): void {
  if (value.length < numberOr(schema['minItems'], 0)) problem(`has fewer than ${String(schema['minItems'])} items`);
  if (value.length > numberOr(schema['maxItems'], Infinity))
    problem(`has more than ${String(schema['maxItems'])} items`);
  if (schema['uniqueItems'] === true && new Set(value.map(canonicalJson)).size < value.length)
    problem('has two equal items');
  // The first items are `prefixItems` in 2020-12, and a list under `items` in draft 7, whose others are then `additionalItems`.
  const { items } = schema;
  const first = schema['prefixItems'] ?? (Array.isArray(items) ? items : []);
  const places = Array.isArray(first) ? (first as readonly Json[]) : [];
  const others = Array.isArray(items) ? schema['additionalItems'] : items;
  for (const [index, item] of value.entries())
    check(checking, index < places.length ? places[index] : others, item, [...path, index]);
}

function checkMembers(
  checking: Checking,
  schema: JsonObject,
  value: JsonObject,
  path: Path,
  problem: (message: string) => void,
): void {
  const { required, properties, patternProperties, additionalProperties, propertyNames } = schema;
  for (const name of Array.isArray(required) ? (required as readonly Json[]) : [])
    if (!Object.hasOwn(value, String(name)))
      checking.issues.push({ message: 'is missing', path: [...path, String(name)] });
  const keys = Object.keys(value);
  if (keys.length < numberOr(schema['minProperties'], 0)) problem('has too few members');
  if (keys.length > numberOr(schema['maxProperties'], Infinity)) problem('has too many members');
  const known = isObject(properties) ? properties : {};
  const patterns = Object.entries(isObject(patternProperties) ? patternProperties : {});
  for (const [key, member] of Object.entries(value)) {
    const at = [...path, key];
    check(checking, propertyNames, key, at);
    const named = Object.hasOwn(known, key);
    const matching = patterns.filter(([pattern]) => compiled(pattern)?.test(key) === true);
    if (named) check(checking, known[key], member, at);
    for (const [, one] of matching) check(checking, one, member, at);
    if (!named && matching.length === 0) check(checking, additionalProperties, member, at);
  }
}

function checkCombined(
  checking: Checking,
  schema: JsonObject,
  value: Json,
  path: Path,
  problem: (message: string) => void,
): void {
  const listOf = (keyword: string): readonly Json[] => {
    const list = schema[keyword];
    return Array.isArray(list) ? (list as readonly Json[]) : [];
  };
  const fits = (one: Json): boolean => {
    const issues: SchemaIssue[] = [];
    check({ ...checking, issues }, one, value, path);
    return issues.length === 0;
  };
  for (const one of listOf('allOf')) check(checking, one, value, path);
  const [any, one] = [listOf('anyOf'), listOf('oneOf')];
  if (any.length > 0 && !any.some(fits)) problem('fits none of what is allowed');
  if (one.length > 0) {
    const count = one.filter(fits).length;
    if (count !== 1) problem(count === 0 ? 'fits none of what is allowed' : 'fits more than one of what is allowed');
  }
  if (schema['not'] !== undefined && fits(schema['not'])) problem('is what is not allowed');
}

/** `#`, `#/$defs/name`. A reference that leads nowhere checks nothing. */
function resolve(root: JsonObject, ref: string): Json | undefined {
  if (!ref.startsWith('#')) return undefined;
  let found: Json | undefined = root;
  for (const part of ref.slice(1).split('/').slice(1)) {
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }
  return found;
}

const numberOr = (value: Json | undefined, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise;
const isSame = (a: Json, b: Json): boolean => canonicalJson(a) === canonicalJson(b);
const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function typeOf(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function isOfType(value: Json, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value);
  return type === typeOf(value);
}
