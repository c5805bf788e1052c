import type {
  AgentCallOptions,
  AnyDefinition,
  CallAnswer,
  CallNeeds,
  Capability,
  CheckResult,
  Effect,
  InferInput,
  InferOutput,
  Json,
  JsonObject,
  RunInfo,
  StandardSchema,
  StepScope,
} from '@prusik/core';
import type { Tool as SdkTool } from 'ai';

/** What a tool's code gets besides its input. */
export interface ToolScope<Deps = unknown, Context = Json> {
  /** Stored with the run: user, tenant, ids. */
  readonly context: Context;
  /** Live objects of this process, resolved anew at each claim. */
  readonly deps: Deps;
  /** Fires on timeout, cancel and lost lease. */
  readonly signal: AbortSignal;
  /** The same on every attempt of this call; for an effect of kind `keyed`. A call that had to be answered first is executed under another one. */
  readonly idempotencyKey: string;
  readonly callId: string;
  readonly run: RunInfo;
  /** What was answered to the {@link callNeeds} that this call returned before, by the names of the needs; missing the first time. */
  readonly answers?: Readonly<Record<string, CallAnswer>>;
  /** The state that it handed out with them. */
  readonly state?: Json;
}

/** What a tool gets while it is executed. */
export interface ExecutionScope<Deps = unknown, Context = Json>
  extends ToolScope<Deps, Context>, Pick<StepScope, 'note' | 'notes' | 'artifact' | 'slots' | 'metrics' | 'trace'> {
  /** Told to whoever watches the run; never recorded. */
  progress(text: string): void;
}

/** A call as an approval policy sees it: the input after validation. */
export interface ApprovalCall<Input = unknown, Deps = unknown, Context = Json> {
  readonly tool: string;
  readonly callId: string;
  readonly input: Input;
  readonly context: Context;
  readonly deps: Deps;
  readonly run: RunInfo;
}

/** `approved` and `not-applicable` run without asking, `denied` does not run, `user-approval` asks a person. */
export type ApprovalStatus = 'approved' | 'denied' | 'user-approval' | 'not-applicable';

/** What becomes of a call of which nobody knows whether it happened, after `check` could not tell either. */
export type InDoubt =
  /** The run is blocked until a person says. */
  | 'ask'
  /** The model gets an error result that says so, and goes on. */
  | 'tell-model'
  /** The run fails with `STEP_IN_DOUBT`. */
  | 'fail';

/** What {@link defineTool} takes. */
export interface ToolOptions<Name extends string, Schema extends StandardSchema, Output, Deps, Context> {
  /** 1 to 64 letters, digits, `_` and `-`: what every provider accepts. */
  readonly name: Name;
  readonly description: string;
  /** Checks the input of a call and says what the model is shown; see {@link ConverterOption} for a schema that cannot. */
  readonly input: Schema;
  /** What may happen to a call that was begun and has no outcome. Say `repeatable` for a tool that only reads. @default 'once' */
  readonly effect?: Effect;
  /** In milliseconds. A late result is ignored: a `once` tool is in doubt then, another gets an error result. @default 120_000 */
  readonly timeoutMs?: number;
  /** Of the result, as UTF-8: past it head and tail are kept. @default 51_200 */
  readonly maxOutputBytes?: number;
  /** Of a text result: past it head and tail are kept. @default 2_000 */
  readonly maxOutputLines?: number;
  /** Whether other calls of the run may be executed at the same time. @default true */
  readonly parallel?: boolean;
  /** What an assembly has to offer for the tool to work; a harness that does not is refused. @default nothing */
  readonly requires?: readonly Capability[];
  /**
   * Whether a person is asked before a call runs. `once`: until somebody grants calls like it; `always`: about each call, whatever was granted. A policy
   * is asked again right before the execution, and a denial wins; one that throws, takes longer than ten seconds or returns anything else denies, and
   * where it says `user-approval` a grant counts as one. @default 'never'
   */
  readonly approval?:
    | 'never'
    | 'once'
    | 'always'
    | ((call: ApprovalCall<InferOutput<Schema>, Deps, Context>) => ApprovalStatus | Promise<ApprovalStatus>);
  /** How long a person may take, in milliseconds; then the call is denied. @default for ever */
  readonly approvalExpiresMs?: number;
  /** @default 'ask' where `approval` is given, else 'tell-model' */
  readonly inDoubt?: InDoubt;
  /** Finds out what became of a call in doubt. */
  readonly check?: (input: InferOutput<Schema>, scope: ToolScope<Deps, Context>) => CheckResult | Promise<CheckResult>;
  /** Change it when an approval of the old behaviour must not count for the new one. @default '1' */
  readonly version?: string;
  /** Only types: `types: {} as { deps: MyDeps; context: MyContext }` says what the scope holds. */
  readonly types?: { readonly deps?: Deps; readonly context?: Context };
  /**
   * Text is shown to the model as text, {@link toolContent} as texts and files, everything else as JSON. {@link callNeeds} is no result: it is executed
   * again once that was answered.
   */
  readonly execute: (
    input: InferOutput<Schema>,
    scope: ExecutionScope<Deps, Context>,
  ) => Output | Promise<Output> | CallNeeds;
}

/** A tool of an AI SDK provider that the provider executes itself, such as `anthropic.tools.webSearch_20250305()`. */
export type ProviderExecutedTool = Extract<SdkTool, { readonly type: 'provider'; readonly isProviderExecuted: true }>;

/** What becomes of a call that somebody else answers: the answer is its result. */
export interface AskedElsewhere {
  /** `client-tool`: the program that the person uses. `question`: the person. */
  readonly kind: 'client-tool' | 'question';
  readonly answer: StandardSchema;
  readonly answerJsonSchema: JsonObject;
  /** @default for ever */
  readonly expiresInMs?: number;
  /** Taken when nobody answered in time, or nobody can. @default the model gets an error result */
  readonly fallback?: Json;
}

/** How the child of a call is started; JSON, since it is recorded with the call. */
export type DelegateOptions = Pick<
  AgentCallOptions,
  'model' | 'priority' | 'timeoutMs' | 'budget' | 'maxResultBytes' | 'history' | 'workspace'
>;

/** What a call of a tool hands on instead of being executed. */
export interface Delegates<Agent extends AnyDefinition = AnyDefinition> {
  readonly agent: Agent;
  /** The child's input: that of the call, or the text in it. */
  readonly gives: 'input' | 'prompt';
  readonly options: DelegateOptions;
}

/** A tool as a value: defined in a module of its own, shared by agents. */
export interface ToolDefinition<
  Name extends string = string,
  Input = unknown,
  Output = unknown,
  Deps = unknown,
  Context = unknown,
> {
  readonly name: Name;
  readonly description: string;
  readonly version: string;
  readonly input: StandardSchema;
  /** What the model is shown. */
  readonly inputJsonSchema: JsonObject;
  /** Over name, description, schema, effect and version: what an approval is bound to. */
  readonly hash: string;
  /** Of a tool that a source has listed: the name of that source. */
  readonly source?: string;
  /** Of a tool that the provider of the model executes: as the AI SDK has it. Nothing else of this definition counts for it. */
  readonly provider?: ProviderExecutedTool;
  readonly effect: Effect;
  readonly timeoutMs: number;
  readonly maxOutputBytes: number;
  readonly maxOutputLines: number;
  readonly parallel: boolean;
  readonly requires: readonly Capability[];
  readonly inDoubt: InDoubt;
  readonly approvalExpiresMs?: number;
  /** Of a tool that is not executed here: who is asked instead, and what an answer must be. */
  readonly asks?: AskedElsewhere;
  /** Of a tool that is an agent: the child that a call of it starts. */
  readonly delegates?: Delegates;
  readonly approval: 'never' | 'once' | 'always' | 'policy';
  // Methods, so that tools of narrower inputs and deps fit into one list.
  policy?(call: ApprovalCall<Input, Deps, Context>): ApprovalStatus | Promise<ApprovalStatus>;
  check?(input: Input, scope: ToolScope<Deps, Context>): CheckResult | Promise<CheckResult>;
  execute(input: Input, scope: ExecutionScope<Deps, Context>): Output | CallNeeds | Promise<Output | CallNeeds>;
  /** Read by the compiler only. */
  readonly '~types': { readonly input: Input; readonly output: Output; readonly deps: Deps; readonly context: Context };
}

/** A tool of whatever name, input and output. */
export type AnyTool = ToolDefinition;

/** What a caller of the tool passes, before the schema's defaults. */
export type ToolInput<Schema extends StandardSchema> = InferInput<Schema>;

/** The deps that all of `Tools` need together. */
export type DepsOf<Tools extends readonly AnyTool[]> = (
  Tools[number] extends infer Tool ? (Tool extends AnyTool ? (deps: Tool['~types']['deps']) => void : never) : never
) extends (deps: infer Deps) => void
  ? Deps
  : never;
