import { hashJson, type InferOutput, type Json, type StandardSchema } from '@prusik/core';
import { makeTool, type GivenConverter } from './define-tool.ts';
import { modelJsonSchema, type ConverterOption } from './json-schema.ts';
import type { AskedElsewhere, ToolDefinition, ToolOptions } from './tool-types.ts';

/** What {@link clientTool} takes. */
export interface ClientToolOptions<
  Name extends string,
  Schema extends StandardSchema,
  Output extends StandardSchema,
  Deps,
  Context,
> extends Pick<
  ToolOptions<Name, Schema, unknown, Deps, Context>,
  'name' | 'description' | 'input' | 'maxOutputBytes' | 'maxOutputLines' | 'requires' | 'version' | 'types'
> {
  /** What the client must answer; what does not fit is refused, and the call stays open. */
  readonly output: Output;
  /** Denies calls that the client is not to see. Whoever answers is asked in any case, so `user-approval` lets it be asked. @default every call is asked */
  readonly policy?: Extract<
    ToolOptions<Name, Schema, unknown, Deps, Context>['approval'],
    (...given: never) => unknown
  >;
  /** How long the client may take, in milliseconds; then the model is told so. @default for ever */
  readonly expiresInMs?: number;
}

/**
 * Defines a tool that the program runs which the person uses: a call of it opens a request of kind `client-tool`, the run parks, and what the client
 * answers is the result. In a run that nobody attends the model is told so at once.
 *
 * @throws {TypeError} as {@link defineTool} does.
 */
export function clientTool<
  const Name extends string,
  Schema extends StandardSchema,
  Output extends StandardSchema,
  Deps = unknown,
  Context = Json,
>(
  options: ClientToolOptions<Name, Schema, Output, Deps, Context> & ConverterOption<Schema>,
): ToolDefinition<Name, InferOutput<Schema>, InferOutput<Output>, Deps, Context> {
  const { output, policy, expiresInMs, ...rest }: ClientToolOptions<Name, Schema, Output, Deps, Context> = options;
  const { toJsonSchema }: GivenConverter = options;
  return askedElsewhere<Name, Schema, InferOutput<Output>, Deps, Context>(
    { ...rest, toJsonSchema, ...(policy === undefined ? {} : { approval: policy }) },
    { kind: 'client-tool', answer: output, toJsonSchema, ...(expiresInMs === undefined ? {} : { expiresInMs }) },
  );
}

/** A tool whose calls somebody else answers. */
export function askedElsewhere<Name extends string, Schema extends StandardSchema, Output, Deps, Context>(
  options: Omit<ToolOptions<Name, Schema, Output, Deps, Context>, 'execute' | 'effect'> & GivenConverter,
  { toJsonSchema, ...asks }: Omit<AskedElsewhere, 'answerJsonSchema'> & GivenConverter,
): ToolDefinition<Name, InferOutput<Schema>, Output, Deps, Context> {
  const where = `The answer of tool ${options.name}`;
  const answerJsonSchema = modelJsonSchema(asks.answer, toJsonSchema, where);
  if (asks.expiresInMs !== undefined && !(asks.expiresInMs > 0))
    throw new TypeError(`Tool ${options.name}: expiresInMs must be more than 0, not ${asks.expiresInMs}`);
  const tool = makeTool<Name, Schema, Output, Deps, Context>({
    ...options,
    effect: 'repeatable',
    execute: () => Promise.reject(new TypeError(`${options.name} is executed elsewhere`)),
  });
  return { ...tool, hash: hashJson([tool.hash, asks.kind, answerJsonSchema]), asks: { ...asks, answerJsonSchema } };
}
