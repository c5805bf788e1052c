import {
  checkOptions,
  jsonSchemaOf,
  PrusikError,
  type DurableContext,
  type InferOutput,
  type Json,
  type RequestStatus,
  type StandardSchema,
} from '@prusik/core';
import { checkWithSchema } from './check-with-schema.ts';

/** What a person is asked, and what an answer must be. */
export interface Question<Answer extends StandardSchema> {
  /** What the person reads. */
  readonly text: string;
  /** What an answer must fit. */
  readonly answer: Answer;
  /** Answers to choose from, for the asking surface. */
  readonly choices?: readonly Json[];
  /** @default never */
  readonly expiresInMs?: number;
  /** Taken when nobody answered in time, or nobody can. @default the call rejects with `QUESTION_EXPIRED`, or `RUN_UNATTENDED` */
  readonly fallback?: InferOutput<Answer>;
  /** Withdraws the question when it fires: for one that loses a race. */
  readonly signal?: AbortSignal;
}

const KNOWN = {
  names: {
    text: true,
    answer: true,
    choices: true,
    expiresInMs: true,
    fallback: true,
    signal: true,
  } satisfies Record<keyof Question<StandardSchema>, true>,
  elsewhere: { schema: 'answer', options: 'choices', timeoutMs: 'expiresInMs', default: 'fallback' },
};

const REFUSALS: { readonly [Status in RequestStatus]?: string } = {
  expired: 'QUESTION_EXPIRED',
  rejected: 'QUESTION_REJECTED',
  withdrawn: 'QUESTION_WITHDRAWN',
};

/**
 * Opens a question to a person, waits in the store for the answer, and checks it. An answer that does not fit the JSON Schema of `answer` is refused when
 * it is given; what only the schema itself can tell is found here.
 */
export async function ask<Answer extends StandardSchema>(
  ctx: Pick<DurableContext, 'request' | 'run'>,
  key: string,
  question: Question<Answer>,
): Promise<InferOutput<Answer>> {
  checkOptions(`The question ${key}`, question, KNOWN);
  const { text, answer, choices, expiresInMs, fallback, signal } = question;
  if (!ctx.run.attended && fallback !== undefined) return fallback;
  const schema = jsonSchemaOf(answer);
  const decision = await ctx.request(key, {
    kind: 'question',
    body: { text, ...(choices === undefined ? {} : { choices }) },
    ...(schema === undefined ? {} : { schema }),
    ...(expiresInMs === undefined ? {} : { expiresInMs }),
    ...(signal === undefined ? {} : { signal }),
  });
  if (decision.status === 'expired' && fallback !== undefined) return fallback;
  const refusal = REFUSALS[decision.status];
  if (refusal !== undefined) {
    throw new PrusikError(refusal, `The question ${key} was ${decision.status}`, { meta: { key } });
  }
  return checkWithSchema(answer, decision.value, 'ANSWER_INVALID', `The answer to ${key}`);
}
