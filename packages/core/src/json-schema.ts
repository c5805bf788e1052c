import { canonicalJson, isObject, type Json, type JsonObject } from './json.ts';
import { readPattern, type Pattern, type Work } from './pattern.ts';
import type { SchemaIssue } from './schema.ts';

/** More of them help nobody to repair a value. */
const MOST_ISSUES = 20;
/** A schema that refers to itself without going down into the value would never end. */
const MOST_LEVELS = 256;
/** Comparisons of one check, some tenths of a second: alternatives of alternatives are many. A schema may be somebody else's. */
const MOST_WORK = 2_000_000;
const TOO_LONG = 'takes too long to be checked';
const SHOWN_CHARS = 200;

/**
 * What of a value does not fit a JSON Schema: the keywords that schema libraries write for data, of draft 7 and 2020-12. Whoever knows a keyword
 * that is not looked at here (`format`, `contains`, `if`, …) checks once more; a value is never refused for one, nor for a `pattern` that cannot be matched
 * in a time that its length tells. Never throws, whatever the schema is; what would take too long to be checked does not fit.
 */
export function schemaProblems(schema: JsonObject, value: Json): readonly SchemaIssue[] {
  const issues: SchemaIssue[] = [];
  const work = { left: MOST_WORK };
  check({ root: schema, issues, levels: 0, work, patterns: new Map() }, schema, value, []);
  // Under a `not`, what was not checked to its end would fit.
  if (work.left < 0 && issues.length === 0) issues.push({ message: TOO_LONG, path: [] });
  return issues;
}

interface Checking {
  readonly root: JsonObject;
  readonly issues: SchemaIssue[];
  readonly levels: number;
  readonly work: Work;
  readonly patterns: Map<string, Pattern | undefined>;
}
type Path = readonly (string | number)[];

function check(checking: Checking, schema: Json | undefined, value: Json, path: Path): void {
  if (schema === undefined || schema === true || checking.issues.length >= MOST_ISSUES) return;
  const problem = (message: string): void => void checking.issues.push({ message, path });
  if ((checking.work.left -= 1) < 0) return problem(TOO_LONG);
  if (schema === false) return problem('is not allowed');
  if (!isObject(schema)) return;
  if (checking.levels >= MOST_LEVELS) {
    checking.work.left = -1;
    return problem('is nested too deeply to be checked');
  }
  const deeper: Checking = { ...checking, levels: checking.levels + 1 };
  if (typeof schema['$ref'] === 'string') check(deeper, resolve(checking, schema['$ref']), value, path);

  const { type, enum: allowed } = schema;
  const types = typeof type === 'string' ? [type] : Array.isArray(type) ? type : undefined;
  checking.work.left -= types?.length ?? 0;
  if (types !== undefined && !types.some((one) => isOfType(value, String(one))))
    return problem(
      `expected ${types.slice(0, 10).map(String).join(' or ').slice(0, SHOWN_CHARS)}, received ${typeOf(value)}`,
    );
  if (Array.isArray(allowed) && !allowed.some((one: Json) => isSame(checking, one, value)))
    problem(`expected one of ${shown(checking, allowed)}`);
  if (schema['const'] !== undefined && !isSame(checking, schema['const'], value))
    problem(`expected ${shown(checking, schema['const'])}`);

  if (typeof value === 'string') checkText(checking, schema, value, problem);
  else if (typeof value === 'number') checkNumber(schema, value, problem);
  else if (Array.isArray(value)) checkArray(deeper, schema, value as readonly Json[], path, problem);
  else if (isObject(value)) checkMembers(deeper, schema, value, path, problem);
  checkCombined(deeper, schema, value, path, problem);
}

function checkText(checking: Checking, schema: JsonObject, value: string, problem: (message: string) => void): void {
  const { minLength, maxLength, pattern } = schema;
  if (typeof minLength === 'number' || typeof maxLength === 'number') {
    const length = lengthOf(checking, value);
    if (length < numberOr(minLength, 0)) problem(`is shorter than ${String(minLength)} characters`);
    if (length > numberOr(maxLength, Infinity)) problem(`is longer than ${String(maxLength)} characters`);
  }
  if (typeof pattern === 'string' && matches(checking, pattern, value) === false)
    problem(`does not match ${pattern.slice(0, SHOWN_CHARS)}`);
}

/** In characters, as JSON Schema counts them. */
function lengthOf({ work }: Checking, value: string): number {
  work.left -= value.length / 10;
  let length = 0;
  for (let at = 0; at < value.length; at += (value.codePointAt(at) ?? 0) > 0xffff ? 2 : 1) length += 1;
  return length;
}

/** `undefined` for a pattern that cannot be read. */
function matches({ patterns, work }: Checking, source: string, text: string): boolean | undefined {
  work.left -= 1;
  if (!patterns.has(source)) {
    work.left -= source.length;
    patterns.set(source, readPattern(source));
  }
  const pattern = patterns.get(source);
  return pattern === undefined ? undefined : pattern.test(text, work) === true;
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
  checking.work.left -= value.length / 10;
  if (value.length < numberOr(schema['minItems'], 0)) problem(`has fewer than ${String(schema['minItems'])} items`);
  if (value.length > numberOr(schema['maxItems'], Infinity))
    problem(`has more than ${String(schema['maxItems'])} items`);
  if (schema['uniqueItems'] === true && !areUnique(checking, value)) problem('has two equal items');
  // The first items are `prefixItems` in 2020-12, and a list under `items` in draft 7, whose others are then `additionalItems`.
  const { items } = schema;
  const first = schema['prefixItems'] ?? (Array.isArray(items) ? items : []);
  const places = Array.isArray(first) ? (first as readonly Json[]) : [];
  const others = Array.isArray(items) ? schema['additionalItems'] : items;
  for (const [index, item] of value.entries()) {
    if (checking.issues.length >= MOST_ISSUES) return;
    check(checking, index < places.length ? places[index] : others, item, [...path, index]);
  }
}

function checkMembers(
  checking: Checking,
  schema: JsonObject,
  value: JsonObject,
  path: Path,
  problem: (message: string) => void,
): void {
  const { required, properties, patternProperties, additionalProperties, propertyNames } = schema;
  for (const name of Array.isArray(required) ? (required as readonly Json[]) : []) {
    if (checking.issues.length >= MOST_ISSUES) return;
    checking.work.left -= 1;
    if (typeof name === 'string' && !Object.hasOwn(value, name))
      checking.issues.push({ message: 'is missing', path: [...path, name] });
  }
  const keys = Object.keys(value);
  checking.work.left -= keys.length / 10;
  if (keys.length < numberOr(schema['minProperties'], 0)) problem('has too few members');
  if (keys.length > numberOr(schema['maxProperties'], Infinity)) problem('has too many members');
  const known = isObject(properties) ? properties : {};
  const patterns = Object.entries(isObject(patternProperties) ? patternProperties : {});
  for (const [key, member] of Object.entries(value)) {
    if (checking.issues.length >= MOST_ISSUES) return;
    const at = [...path, key];
    check(checking, propertyNames, key, at);
    const named = Object.hasOwn(known, key);
    let covered = named;
    if (named) check(checking, known[key], member, at);
    for (const [pattern, one] of patterns) {
      const fits = matches(checking, pattern, key);
      // One that cannot be read may be what allows it.
      covered ||= fits !== false;
      if (fits === true) check(checking, one, member, at);
    }
    if (!covered) check(checking, additionalProperties, member, at);
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
function resolve({ root, work }: Checking, ref: string): Json | undefined {
  work.left -= ref.length;
  if (!ref.startsWith('#')) return undefined;
  let found: Json | undefined = root;
  for (const part of ref.slice(1).split('/').slice(1)) {
    const key = decoded(part).replaceAll('~1', '/').replaceAll('~0', '~');
    found = isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
  }
  return found;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const numberOr = (value: Json | undefined, otherwise: number): number =>
  typeof value === 'number' ? value : otherwise;
function shown({ work }: Checking, value: Json): string {
  const text = JSON.stringify(value);
  work.left -= text.length / 4;
  return text.slice(0, SHOWN_CHARS);
}

function isSame(checking: Checking, a: Json, b: Json): boolean {
  checking.work.left -= 1;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (checking.work.left < 0) return false;
  const [one, other] = [textOf(checking, a), textOf(checking, b)];
  return one !== undefined && one === other;
}

function areUnique(checking: Checking, items: readonly Json[]): boolean {
  const texts = items.map((item) => textOf(checking, item));
  return !texts.includes(undefined) && new Set(texts).size === items.length;
}

/** `undefined` for a value that is nested too deeply, or when there is no time left. */
function textOf({ work }: Checking, value: Json): string | undefined {
  if (work.left < 0) return undefined;
  try {
    const text = canonicalJson(value);
    work.left -= text.length / 4;
    return text;
  } catch {
    return undefined;
  }
}

function typeOf(value: Json): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function isOfType(value: Json, type: string): boolean {
  if (type === 'integer') return Number.isInteger(value);
  return type === typeOf(value);
}
