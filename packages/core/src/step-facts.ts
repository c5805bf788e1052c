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
