import { isObject, type Json, type JsonObject } from './json.ts';

const MOST_LEVELS = 64;

/**
 * A value for a JSON Schema without the members that say `null` for what may be left out and cannot be null: models write so of what they do not give, some
 * because their provider has them name each member. What is not plainly so stays, for the check to tell.
 */
export function withoutNulls(schema: JsonObject, value: Json): Json {
  return cleaned(schema, value, 0);
}

function cleaned(schema: Json | undefined, value: Json, level: number): Json {
  if (!isObject(schema) || level > MOST_LEVELS) return value;
  if (Array.isArray(value)) {
    const { items } = schema;
    return (value as readonly Json[]).map((one) => cleaned(items, one, level + 1));
  }
  if (!isObject(value)) return value;
  const { properties, required } = schema;
  const known = isObject(properties) ? properties : {};
  const needed = new Set(Array.isArray(required) ? (required as readonly Json[]) : []);
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => {
      const own = Object.hasOwn(known, name) ? known[name] : undefined;
      if (member === null && !needed.has(name) && cannotBeNull(own)) return [];
      return [[name, cleaned(own, member, level + 1)]];
    }),
  );
}

/** Says its type, and that is another. */
function cannotBeNull(schema: Json | undefined): boolean {
  if (!isObject(schema)) return false;
  const { type } = schema;
  return typeof type === 'string'
    ? type !== 'null'
    : Array.isArray(type) && !(type as readonly Json[]).includes('null');
}
