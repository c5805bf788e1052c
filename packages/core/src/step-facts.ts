import { sparse } from './json.ts';

/**
 * What a step tells of itself besides its outcome, for people, traces and lists: names, numbers and codes, never content. It is recorded with the
 * outcome, so that nobody has to read an outcome whose form is its author's.
 */
export type StepFacts = ModelFacts | ToolFacts;

/** Of a model call. What it was asked for stands in the name of the step, as `provider/model`. */
export interface ModelFacts {
  readonly of: 'model';
  /** Who answered, where it is not the one that was asked, as `provider/model`. */
  readonly answered?: string;
  /** The model that the provider says it was. */
  readonly responseModel?: string;
  readonly responseId?: string;
  /** Why the reply ended, in the AI SDK's words: `stop`, `length`, `tool-calls`, `content-filter`, `error`, `other`. */
  readonly finish?: string;
  /** From the request to the first piece of the reply, in milliseconds. */
  readonly firstChunkMs?: number;
  /** The reply was to be JSON. */
  readonly json?: boolean;
  /** Models of the route that failed before it, with the class of their error. */
  readonly failed?: readonly { readonly model: string; readonly why: string }[];
}

/** Of a call of a tool, whose name is that of the step. */
export interface ToolFacts {
  readonly of: 'tool';
  readonly callId: string;
  /** Name of the source that the tool comes from, such as an MCP server. */
  readonly source?: string;
  /** The call failed, although its step has an outcome: what the model was told is an error with this code. */
  readonly error?: string;
}

/** Characters of one text. */
const TEXT_LIMIT = 200;
/** Models of a route that failed. */
const FAILED_LIMIT = 20;

/**
 * What is recorded of facts that somebody told: texts are cut, what has no place or is no number there is left out, so that to tell them costs no step its outcome.
 *
 * @throws {TypeError} for what is neither of a model nor of a tool.
 */
export function toStepFacts(told: StepFacts): StepFacts {
  switch (told.of) {
    case 'model':
      return sparse<ModelFacts>({
        of: 'model',
        answered: text(told.answered),
        responseModel: text(told.responseModel),
        responseId: text(told.responseId),
        finish: text(told.finish),
        firstChunkMs: milliseconds(told.firstChunkMs),
        json: told.json === true ? true : undefined,
        failed: told.failed
          ?.slice(0, FAILED_LIMIT)
          .map(({ model, why }) => ({ model: text(model) ?? '', why: text(why) ?? '' })),
      });
    case 'tool':
      return sparse<ToolFacts>({
        of: 'tool',
        callId: text(told.callId) ?? '',
        source: text(told.source),
        error: text(told.error),
      });
    default:
      told satisfies never;
      throw new TypeError('A step tells facts of a model or of a tool');
  }
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' ? value.slice(0, TEXT_LIMIT).toWellFormed() : undefined;

const milliseconds = (value: unknown): number | undefined =>
  typeof value === 'number' && value >= 0 && Number.isFinite(value) ? Math.round(value) : undefined;
