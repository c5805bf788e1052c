import { checkOptions, hashJson, type CallNeeds, type InferOutput, type Json, type StandardSchema } from '@prusik/core';
import { modelJsonSchema, type ConverterOption, type JsonSchemaConverter } from './json-schema.ts';
import { checkToolName } from './tool-name.ts';
import { DEFAULT_CAP } from './tool-output.ts';
import type { InDoubt, ToolDefinition, ToolOptions } from './tool-types.ts';

const DEFAULT_TIMEOUT_MS = 120_000;
const APPROVALS: ReadonlySet<unknown> = new Set(['never', 'once', 'always']);
const KNOWN = {
  names: {
    name: true,
    description: true,
    input: true,
    effect: true,
    timeoutMs: true,
    maxOutputBytes: true,
    maxOutputLines: true,
    parallel: true,
    requires: true,
    approval: true,
    approvalExpiresMs: true,
    inDoubt: true,
    check: true,
    version: true,
    types: true,
    execute: true,
    toJsonSchema: true,
  } satisfies Record<keyof ToolOptions<string, StandardSchema, unknown, unknown, Json> | 'toJsonSchema', true>,
  elsewhere: { inputSchema: 'input', parameters: 'input', needsApproval: 'approval' },
};

/**
 * Defines a tool. A call of it is one durable step: it is recorded once, and what may happen to one that was begun and
 * has no outcome is what `effect` says.
 *
 * @throws {TypeError} for a name that providers refuse, a schema without JSON Schema, or an option that is none or cannot work.
 */
export function defineTool<
  const Name extends string,
  Schema extends StandardSchema,
  Output,
  Deps = unknown,
  Context = Json,
>(
  options: ToolOptions<Name, Schema, Output, Deps, Context> & ConverterOption<Schema>,
): ToolDefinition<Name, InferOutput<Schema>, Exclude<Awaited<Output>, CallNeeds>, Deps, Context> {
  return makeTool(
    options as ToolOptions<Name, Schema, Exclude<Awaited<Output>, CallNeeds>, Deps, Context> & GivenConverter,
  );
}

/** Whether a converter is needed was said where the type of the schema was known. */
export interface GivenConverter {
  readonly toJsonSchema?: JsonSchemaConverter<never> | undefined;
}

/** {@link defineTool} for what is made of other definitions. */
export function makeTool<const Name extends string, Schema extends StandardSchema, Output, Deps, Context>(
  options: ToolOptions<Name, Schema, Output, Deps, Context> & GivenConverter,
): ToolDefinition<Name, InferOutput<Schema>, Output, Deps, Context> {
  const { name, description, input, effect = 'once', approval = 'never', check, approvalExpiresMs, execute } = options;
  checkToolName(name);
  if (!['repeatable', 'keyed', 'once'].includes(effect))
    throw new TypeError(`Tool ${name}: the effect ${JSON.stringify(effect)} is not repeatable, keyed or once`);
  checkOptions(`Tool ${name}`, options, KNOWN);
  if (typeof approval !== 'function' && !APPROVALS.has(approval))
    throw new TypeError(
      `Tool ${name}: approval is never, once, always or a function that says so for a call, not ${JSON.stringify(approval)}`,
    );
  if (typeof execute !== 'function')
    throw new TypeError(
      `Tool ${name}: execute must be a function; a tool that the client runs is made with clientTool`,
    );
  const limits = {
    timeoutMs: positive(name, 'timeoutMs', options.timeoutMs ?? DEFAULT_TIMEOUT_MS),
    maxOutputBytes: positive(name, 'maxOutputBytes', options.maxOutputBytes ?? DEFAULT_CAP.maxOutputBytes),
    maxOutputLines: positive(name, 'maxOutputLines', options.maxOutputLines ?? DEFAULT_CAP.maxOutputLines),
  };
  const version = options.version ?? '1';
  const inputJsonSchema = modelJsonSchema(input, options.toJsonSchema, `The input of tool ${name}`);

  return {
    name,
    description,
    version,
    input,
    inputJsonSchema,
    // Not over the source of `execute`: another minifier would void approvals, a changed helper would not.
    hash: hashJson([name, description, inputJsonSchema, effect, version]),
    effect,
    ...limits,
    parallel: options.parallel ?? true,
    requires: options.requires ?? [],
    inDoubt: options.inDoubt ?? usualDoubt(approval),
    ...(approvalExpiresMs === undefined
      ? {}
      : { approvalExpiresMs: positive(name, 'approvalExpiresMs', approvalExpiresMs) }),
    ...(typeof approval === 'function' ? { approval: 'policy', policy: approval } : { approval }),
    ...(check === undefined ? {} : { check }),
    execute,
    '~types': undefined as never,
  };
}

/** What becomes of a call in doubt of a tool that does not say: whoever was asked about it is asked about the doubt. */
export const usualDoubt = (approval: unknown): InDoubt => (approval === 'never' ? 'tell-model' : 'ask');

function positive(tool: string, option: string, value: number): number {
  if (!(value > 0)) throw new TypeError(`Tool ${tool}: ${option} must be more than 0, not ${value}`);
  return value;
}

/** What an approval of this call is bound to. */
export function callFingerprint(tool: Pick<ToolDefinition, 'hash'>, input: Json): string {
  return hashJson([tool.hash, input]);
}
