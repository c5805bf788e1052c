import type { CallOptions } from './durable-function.ts';

/** What a call under a policy may say. */
export interface AgentCallOptions<Model extends string = string> extends CallOptions {
  /** Alias of the model that the agent is to use in place of its own; one that the policy lists. Needs `@prusik/harness`. */
  readonly model?: Model;
}
