import {
  type AliasesOf,
  checkId,
  checkOptions,
  createDelegation,
  declareDelegation,
  hashJson,
  toJson,
  type Budget,
  type Capability,
  type DelegationPolicy,
  type DepsOf,
  type DurableContext,
  type DurableDefinition,
  type InferInput,
  type InferOutput,
  type StandardSchema,
  type DefinitionMap,
  type CallTypes,
} from '@prusik/core';
import { checkWithSchema } from './check-with-schema.ts';
import { createWorkflowContext, type WorkflowContext } from './workflow-context.ts';

/** What {@link defineWorkflow} takes. */
export interface WorkflowOptions<
  Input extends StandardSchema,
  Returned,
  Agents extends DefinitionMap,
  Output extends StandardSchema,
  Model extends string,
  Deps,
> {
  /** Unique within an engine, at most 64 characters. */
  readonly name: string;
  /** Change it when a run of the old code must not be continued by the new. @default '1' */
  readonly version?: string;
  /** Older versions whose runs this code can continue. @default none */
  readonly continues?: readonly string[];
  /** What an assembly has to offer for it to work. @default nothing */
  readonly requires?: readonly Capability[];
  /** Checks an input before anything is stored; `INPUT_INVALID` otherwise. */
  readonly input: Input;
  /** Checks what the function returned; `OUTPUT_INVALID` fails the run otherwise. @default what it returned is the output */
  readonly output?: Output;
  /** What it may call, by the names it calls them. @default none */
  readonly agents?: Agents;
  /** @default delegation is off: every call is refused with `delegation_disabled` */
  readonly delegation?: DelegationPolicy<Extract<keyof Agents, string>, Model>;
  /** Only types: `types: {} as { deps: MyDeps }` says what `ctx.deps` is. */
  readonly types?: { readonly deps: Deps };
  readonly run: (ctx: WorkflowContext<Agents, Deps, Model>, input: InferOutput<Input>) => Promise<Returned> | Returned;
}

/** A workflow as a value: a durable function that engines run and other workflows call. */
export interface WorkflowDefinition<
  Input = never,
  Parsed = never,
  Output = unknown,
  Deps = unknown,
  Model extends string = string,
> extends DurableDefinition<Parsed, Output, Deps> {
  readonly kind: 'workflow';
  readonly agents: DefinitionMap;
  readonly delegation: DelegationPolicy | undefined;
  /** What its policy lets a run of it and all below it spend, as a root or as a child. */
  readonly budget?: Budget;
  /** `models`: the aliases that it and its agents need. */
  readonly '~types': CallTypes<Input, Output> & { readonly models: Model };
}

type AnyOptions = WorkflowOptions<StandardSchema, unknown, DefinitionMap, StandardSchema, string, unknown>;

const KNOWN = {
  names: {
    name: true,
    version: true,
    continues: true,
    requires: true,
    input: true,
    output: true,
    agents: true,
    delegation: true,
    types: true,
    run: true,
  } satisfies Record<keyof AnyOptions, true>,
  elsewhere: {
    policy: 'delegation',
    budget: 'delegation.tokens',
    inputSchema: 'input',
    outputSchema: 'output',
    deps: 'types',
  },
};

/**
 * Defines a workflow: an async function that may be killed at any instant and goes on in another process.
 *
 * When it returns while children run, they are awaited before the run ends; when it throws, they are cancelled and then awaited.
 *
 * @throws {TypeError} for a name, policy or tree of agents that cannot work, and an option that is none, naming the member and the fix.
 */
export function defineWorkflow<
  Input extends StandardSchema,
  // Bound by the output schema where there is one; its default leaves the function free.
  Returned extends InferInput<Output>,
  Agents extends DefinitionMap = Record<never, never>,
  Output extends StandardSchema = StandardSchema,
  const Model extends string = never,
  Deps = unknown,
>(
  options: WorkflowOptions<Input, Returned, Agents, Output, Model, Deps>,
): WorkflowDefinition<
  InferInput<Input>,
  InferOutput<Input>,
  unknown extends InferOutput<Output> ? Returned : InferOutput<Output>,
  // Defined in the middle of an assembly, it must not take its deps from what the assembly would take.
  NoInfer<Deps> & DepsOf<Agents>,
  Model | AliasesOf<Agents>
>;
export function defineWorkflow(options: AnyOptions): WorkflowDefinition {
  const { name, version = '1', continues, requires, input, output, run } = options;
  checkId('definition name', name);
  checkOptions(`Workflow ${name}`, options, KNOWN);
  const declared = declareDelegation({ kind: 'workflow', name }, options.agents ?? {}, options.delegation);
  const { agents, delegation } = declared;

  return {
    name,
    kind: 'workflow',
    version,
    hash: hashJson(String(run)),
    ...(continues === undefined ? {} : { continues }),
    ...(requires === undefined ? {} : { requires }),
    ...declared,
    parseInput: async (given) => toJson(await checkWithSchema(input, given, 'INPUT_INVALID', `The input of ${name}`)),
    async run(ctx: DurableContext, parsed: unknown) {
      const calls = createDelegation({ ctx, agents, policy: delegation });
      try {
        const returned = await run(createWorkflowContext(ctx, agents, calls), parsed);
        const result =
          output === undefined
            ? returned
            : await checkWithSchema(output, returned, 'OUTPUT_INVALID', `The output of ${name}`);
        await calls.settled();
        return result;
      } catch (error) {
        // The engine cancels and awaits what is under way; what is queued must not start meanwhile.
        calls.close();
        throw error;
      }
    },
    // Read by the compiler only.
    '~types': undefined as never,
  };
}
