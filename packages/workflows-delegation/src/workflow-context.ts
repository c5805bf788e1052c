import {
  DELEGATION_DEFAULTS,
  type AgentCallOptions,
  type Delegation,
  type DurableContext,
  type InferOutput,
  type Json,
  type JsonObject,
  type StandardSchema,
  type DefinitionMap,
  type CallInput,
  type ChildResult,
  type CallOutput,
} from '@prusik/core';
import { ask, type Question } from './ask.ts';
import { fanOut, type FanOut, type FanOutOptions } from './fan-out.ts';
import { race, type Racers } from './race.ts';

/** One agent, as a workflow calls it. */
export interface AgentCalls<Input, Output, Model extends string = string> {
  /**
   * Runs the agent as a child, once per key, and waits for its output.
   *
   * @throws {PrusikError} `DELEGATION_REFUSED` when the policy forbids it: `meta.reason` says why, and it costs nothing.
   * @throws {PrusikError} `CHILD_CANCELLED` when the child was cancelled and the caller was not.
   * @throws {PrusikError} the child's own code when it failed; `meta.agent` and `meta.key` say which it was.
   */
  run(key: string, input: Input, options?: AgentCallOptions<Model>): Promise<Output>;
  /** The same, with all that the child hands back: its output, the run that it was, and whether the output is whole. */
  result(key: string, input: Input, options?: AgentCallOptions<Model>): Promise<ChildResult<Output>>;
}

/** The agents of a workflow by its names for them, each with what it takes and gives. */
export type Calls<Agents extends DefinitionMap, Model extends string = string> = {
  readonly [Name in keyof Agents]: AgentCalls<CallInput<Agents[Name]>, CallOutput<Agents[Name]>, Model>;
};

/** Values that a workflow shows to its observers. Rebuilt by replay, so reading one gives what was set. */
export interface WorkflowState {
  get<T extends Json>(name: string): T | undefined;
  /** Recorded with the next commit, as a note named `state`. */
  set(name: string, value: Json): void;
}

/** The durable context and what workflows have on top of it. Without `child`, which no policy would see: agents are called through `agents`. */
export interface WorkflowContext<
  Agents extends DefinitionMap,
  Deps = unknown,
  Model extends string = string,
> extends Omit<DurableContext<Deps>, 'child' | 'forks'> {
  readonly agents: Calls<Agents, Model>;
  readonly state: WorkflowState;
  /**
   * Works on each item, some at once; results in the order of the items. Rejects with the first failure and starts no item after it, or tells of each how
   * it ended: see {@link FanOutOptions}.
   */
  readonly fanOut: FanOut;
  /**
   * Settles as the first of them does and stops the others by the signal that each gets: `(signal) => ctx.agents.writer.run('a', input, { signal })`.
   *
   * @throws {TypeError} when there are none.
   */
  race<Results extends readonly unknown[] | []>(racers: Racers<Results>): Promise<Results[number]>;
  /**
   * Asks a person and waits, in the store, for an answer that fits the schema.
   *
   * @throws {PrusikError} `QUESTION_EXPIRED`, `QUESTION_REJECTED`, `QUESTION_WITHDRAWN`, `ANSWER_INVALID`, `RUN_UNATTENDED`.
   */
  ask<Answer extends StandardSchema>(key: string, question: Question<Answer>): Promise<InferOutput<Answer>>;
  /** A line for the run's observers, recorded with the next commit as a note named `log`. */
  log(message: string, attributes?: JsonObject): void;
}

export function createWorkflowContext(
  ctx: DurableContext,
  agents: DefinitionMap,
  delegation: Delegation,
): WorkflowContext<DefinitionMap> {
  const values = new Map<string, Json>();
  const { child: _, forks: __, ...rest } = ctx;
  return {
    ...rest,
    agents: Object.fromEntries(
      Object.keys(agents).map((name) => [
        name,
        {
          run: (key: string, input: unknown, options?: AgentCallOptions) =>
            outputOf(delegation.call(name, key, input, options)),
          result: (key: string, input: unknown, options?: AgentCallOptions) =>
            delegation.call(name, key, input, options),
        },
      ]),
    ),
    state: {
      get: <T extends Json>(name: string) => values.get(name) as T | undefined,
      set(name, value) {
        values.set(name, value);
        ctx.emit('state', { name, value });
      },
    },
    fanOut: ((items, work, options: FanOutOptions<unknown> = {}) =>
      fanOut(items, work, {
        ...options,
        concurrency: options.concurrency ?? delegation.policy?.parallel ?? DELEGATION_DEFAULTS.parallel,
      })) as FanOut,
    race,
    ask: (key, question) => ask(ctx, key, question),
    log: (message, attributes) => ctx.emit('log', { message, ...(attributes === undefined ? {} : { attributes }) }),
  };
}

/** A promise that nobody awaits must not end the process as unhandled. */
function outputOf(call: Promise<ChildResult<unknown>>): Promise<unknown> {
  const output = call.then((result) => result.output);
  output.catch(() => {});
  return output;
}
