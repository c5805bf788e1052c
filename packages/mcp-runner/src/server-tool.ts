import { hashJson, toJson, type Json, type JsonObject } from '@prusik/core';
import { isObject } from './plain.ts';
import { readToolSchema } from './tool-schema.ts';
import { isVisible, visibleText } from './visible-text.ts';

/** What a server says of its own tool: hints, and nothing to rely on. */
export interface ToolHints {
  readonly readOnly?: boolean;
  readonly destructive?: boolean;
  readonly idempotent?: boolean;
  readonly openWorld?: boolean;
}

/** A tool of a server, as far as it can be used. */
export interface ServerTool {
  /** The server's name for it. */
  readonly name: string;
  readonly title?: string;
  readonly description: string;
  readonly inputSchema: JsonObject;
  readonly outputSchema?: JsonObject;
  readonly hints: ToolHints;
  /** What of the definition a person approves, as the server said it. */
  readonly definition: JsonObject;
  /** Of {@link ServerTool.definition}. */
  readonly fingerprint: string;
}

const MOST_NAME_CHARS = 256;
const MOST_BYTES = 128 * 1024;
const MOST_DESCRIPTION_CHARS = 16_384;
/** A model reads them, a person approves them, or they decide something. */
const PINNED = ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations'] as const;

/**
 * A definition as it came.
 *
 * @throws {TypeError} saying why the tool cannot be offered.
 */
export function readServerTool(given: unknown): ServerTool {
  const definition = pinnedPart(given);
  const { name, title, description, annotations, inputSchema, outputSchema } = definition;
  if (typeof name !== 'string' || name === '') throw new TypeError('it has no name');
  if (name.length > MOST_NAME_CHARS) throw new TypeError(`its name has more than ${MOST_NAME_CHARS} characters`);
  if (!isVisible(name)) throw new TypeError('its name is not what it looks like');
  for (const text of [title, description])
    if (text !== undefined && typeof text !== 'string') throw new TypeError('its title or description is no text');
  const told = typeof description === 'string' ? description : '';
  if (told.length > MOST_DESCRIPTION_CHARS)
    throw new TypeError(`its description has more than ${MOST_DESCRIPTION_CHARS} characters`);
  const shown = typeof title === 'string' ? visibleText(title).trim() : '';
  return {
    name,
    ...(shown === '' ? {} : { title: shown }),
    description: visibleText(told),
    inputSchema: schemaOf('input', inputSchema),
    ...(outputSchema === undefined ? {} : { outputSchema: schemaOf('output', outputSchema) }),
    hints: hintsOf(annotations),
    definition,
    fingerprint: fingerprintOf(definition),
  };
}

/** What a pin is of: it changes with whatever the server says of the tool. */
export const fingerprintOf = (definition: JsonObject): string => hashJson(definition);

function pinnedPart(given: unknown): JsonObject {
  if (!isObject(given)) throw new TypeError('its definition is no object');
  const members = PINNED.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]] as const]));
  try {
    return toJson(Object.fromEntries(members), MOST_BYTES) as JsonObject;
  } catch (cause) {
    const why = cause instanceof RangeError ? `has more than ${MOST_BYTES} bytes` : 'is no JSON, or nested too deeply';
    throw new TypeError(`its definition ${why}`, { cause });
  }
}

function schemaOf(which: 'input' | 'output', schema: Json | undefined): JsonObject {
  try {
    if (which === 'input' && isObject(schema) && schema['type'] !== 'object')
      throw new TypeError('it is not of an object');
    return readToolSchema(schema);
  } catch (cause) {
    throw new TypeError(`its ${which} schema cannot be used: ${(cause as Error).message}`, { cause });
  }
}

function hintsOf(annotations: Json | undefined): ToolHints {
  if (!isObject(annotations)) return {};
  const hint = (name: string): boolean | undefined => {
    const value = annotations[name];
    return typeof value === 'boolean' ? value : undefined;
  };
  const hints = {
    readOnly: hint('readOnlyHint'),
    destructive: hint('destructiveHint'),
    idempotent: hint('idempotentHint'),
    openWorld: hint('openWorldHint'),
  };
  return Object.fromEntries(Object.entries(hints).filter(([, value]) => value !== undefined)) as ToolHints;
}
