import { checkOptions, toJson, type InferOutput, type Json, type StandardSchema } from '@prusik/core';
import { askedElsewhere } from './client-tool.ts';
import type { GivenConverter } from './define-tool.ts';
import type { ConverterOption, ModelSchema } from './json-schema.ts';
import type { ToolDefinition } from './tool-types.ts';

/** What a model asks. */
export interface AskInput {
  readonly question: string;
  readonly choices?: readonly string[];
}

/** What {@link askTool} takes; everything has a default. */
export interface AskToolOptions<Name extends string, Answer extends StandardSchema> {
  /** @default 'ask_user' */
  readonly name?: Name;
  /** When the model is to ask. @default that it may ask the user what it cannot find out by itself */
  readonly description?: string;
  /** What an answer must be. @default a text that is not empty */
  readonly answer?: Answer;
  /** How long a person may take, in milliseconds. @default for ever */
  readonly expiresInMs?: number;
  /** Taken when nobody answered in time, or nobody can. @default the model is told that nobody did */
  readonly fallback?: InferOutput<Answer> & Json;
}

type TextAnswer = ModelSchema<string>;

const KNOWN = {
  names: {
    name: true,
    description: true,
    answer: true,
    expiresInMs: true,
    fallback: true,
    toJsonSchema: true,
  } satisfies Record<keyof AskToolOptions<string, StandardSchema> | 'toJsonSchema', true>,
};
const MOST_CHOICES = 20;
const LONGEST = 4_000;
const DESCRIPTION =
  'Asks the user one question and waits for the answer. Ask only what you cannot find out by yourself, and offer choices where there are some.';

/**
 * A tool by which an agent asks a person: a call of it opens a request of kind `question`, the run parks, and the answer is the result. In a run that
 * nobody attends the model is told so at once.
 *
 * @throws {TypeError} for a name that providers refuse, or an answer without JSON Schema.
 */
export function askTool<const Name extends string = 'ask_user', Answer extends StandardSchema = TextAnswer>(
  options: AskToolOptions<Name, Answer> &
    (Answer extends ModelSchema ? unknown : ConverterOption<Answer>) = {} as AskToolOptions<Name, Answer> &
    (Answer extends ModelSchema ? unknown : ConverterOption<Answer>),
): ToolDefinition<Name, AskInput, InferOutput<Answer>> {
  const { name = 'ask_user', description = DESCRIPTION, answer = TEXT, expiresInMs, fallback } = options;
  checkOptions(`Tool ${name}`, options, KNOWN);
  const { toJsonSchema } = options as GivenConverter;
  return askedElsewhere<Name, typeof QUESTION, InferOutput<Answer>, unknown, unknown>(
    { name: name as Name, description, input: QUESTION },
    {
      kind: 'question',
      answer,
      toJsonSchema,
      ...(expiresInMs === undefined ? {} : { expiresInMs }),
      ...(fallback === undefined ? {} : { fallback: toJson(fallback) }),
    },
  );
}

/** Written out, since no schema library is a dependency of this package. */
const schema = <T>(jsonSchema: object, isValid: (value: unknown) => string | undefined): ModelSchema<T> => ({
  '~standard': {
    version: 1,
    vendor: 'prusik',
    validate(value) {
      const message = isValid(value);
      return message === undefined ? { value: value as T } : { issues: [{ message }] };
    },
    jsonSchema: { input: () => ({ ...jsonSchema }) },
  },
});

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '' && value.length <= LONGEST;

const TEXT: TextAnswer = schema({ type: 'string', minLength: 1, maxLength: LONGEST }, (value) =>
  isText(value) ? undefined : `expected a text of 1 to ${LONGEST} characters`,
);

const QUESTION = schema<AskInput>(
  {
    type: 'object',
    properties: {
      question: { type: 'string', minLength: 1, maxLength: LONGEST },
      choices: {
        type: 'array',
        items: { type: 'string', minLength: 1, maxLength: LONGEST },
        maxItems: MOST_CHOICES,
        description: 'Answers to choose from, where there are some.',
      },
    },
    required: ['question'],
    additionalProperties: false,
  },
  (value) => {
    const { question, choices } = (value ?? {}) as Readonly<Record<string, unknown>>;
    if (!isText(question)) return `question: expected a text of 1 to ${LONGEST} characters`;
    if (choices === undefined) return undefined;
    if (!Array.isArray(choices) || choices.length > MOST_CHOICES || !choices.every(isText))
      return `choices: expected at most ${MOST_CHOICES} texts`;
    return undefined;
  },
);
