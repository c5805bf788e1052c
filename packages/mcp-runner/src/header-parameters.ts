import type { Json, JsonObject } from '@prusik/core';
import { isObject } from './plain.ts';

const KEYWORD = 'x-mcp-header';
/** A token of RFC 9110. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const TYPES: ReadonlySet<Json | undefined> = new Set(['string', 'integer', 'boolean']);

/**
 * What is wrong with the parameters of a tool that a client of revision 2026-07-28 has to send as headers too; `undefined` where nothing is. Such a tool must
 * not be offered: a proxy that reads the headers would decide about something else than the server that reads the body.
 */
export function headerFault(inputSchema: JsonObject): string | undefined {
  const names = new Set<string>();
  return faultIn(inputSchema, false);

  /** `named`: reached from the root by `properties` alone. */
  function faultIn(value: Json, named: boolean): string | undefined {
    if (Array.isArray(value)) return firstFault(value as readonly Json[], (one) => faultIn(one, false));
    if (!isObject(value)) return undefined;
    const fault = value[KEYWORD] === undefined ? undefined : faultOf(value[KEYWORD], value['type'], named);
    if (fault !== undefined) return fault;
    const reachable = named || value === inputSchema;
    return firstFault(Object.entries(value), ([keyword, one]) =>
      reachable && keyword === 'properties' && isObject(one)
        ? firstFault(Object.values(one), (property) => faultIn(property, true))
        : faultIn(one, false),
    );
  }

  function faultOf(header: Json, type: Json | undefined, named: boolean): string | undefined {
    if (!named) return 'a header for what is no property of the input';
    if (typeof header !== 'string' || !TOKEN.test(header)) return 'a header whose name is none';
    if (!TYPES.has(type)) return 'a header for what is no text, integer or boolean';
    if (names.has(header.toLowerCase())) return 'two headers of one name';
    names.add(header.toLowerCase());
    return undefined;
  }
}

function firstFault<T>(list: readonly T[], faultOf: (one: T) => string | undefined): string | undefined {
  for (const one of list) {
    const fault = faultOf(one);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
