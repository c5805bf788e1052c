import {
  openRunWorkspace,
  ownsWorkspace,
  withCleanup,
  type CheckResult,
  type Json,
  type OpenRunWorkspaceOptions,
  type RunInfo,
  type RunWorkspaceScope,
  type Sandbox,
  type SandboxSession,
  type StandardSchema,
} from '@prusik/core';
import { defineTool } from '../define-tool.ts';
import { MAX_COMMAND_MS, SANDBOX_TOOLS } from './all-tools.ts';
import type { SandboxTool, SandboxToolName } from './sandbox-tool.ts';
import { seenInSlot } from './seen-files.ts';
import { checkNames } from './sandbox-tools.ts';
import type { ToolContent } from '../tool-content.ts';
import type { ExecutionScope, ToolDefinition, ToolOptions } from '../tool-types.ts';

type Options<Deps, Context> = ToolOptions<string, StandardSchema<Record<string, unknown>>, unknown, Deps, Context>;
type AnyOptions = Options<unknown, unknown>;

export interface SandboxToolsBasics<Name extends SandboxToolName, Deps, Context> {
  /** Those that the agent has; there is none that it has without its name standing here. */
  readonly tools: readonly Name[];
  /** Who is asked before a call. @default 'once' for write, edit and bash; 'never' for those that only read */
  readonly approval?: { readonly [One in Name]?: Options<Deps, Context>['approval'] };
  /** The longest that a command of `bash` may take, in milliseconds. @default 120_000 */
  readonly maxCommandMs?: number;
}

export interface SessionOption<Deps, Context> {
  /** The session that a call works in. It is asked for each call, and nothing is disposed: who makes one keeps it, in `deps` for one. */
  readonly session: (scope: ExecutionScope<Deps, Context>) => SandboxSession | Promise<SandboxSession>;
  readonly sandbox?: never;
  readonly open?: never;
}

export interface SandboxOption {
  /**
   * The sandbox whose workspace of the run a call works in: opened for the call as the last committed step left it, and kept with the call's step where the
   * call may have changed it ({@link openRunWorkspace}). The harness has to have one, which is the same.
   */
  readonly sandbox: Sandbox;
  /** Mounts, limits and variables of its sessions, and the least that it has to hold. */
  readonly open?: Omit<OpenRunWorkspaceOptions, 'readOnly'>;
  readonly session?: never;
}

export type SandboxToolsOptions<Name extends SandboxToolName, Deps, Context> = SandboxToolsBasics<Name, Deps, Context> &
  (SessionOption<Deps, Context> | SandboxOption);

/** Of what is recorded and stopped after a command has ended by its own deadline. */
const BEYOND_COMMAND_MS = 15_000;
/** Results are cut where they are made, by what they are. */
const UNCUT = 262_144;

/**
 * Tools for an agent that work in a sandbox: `tools: [...defineSandboxTools({ tools: ['read', 'edit'], session })]`. Where they work is said by `session` or
 * by `sandbox`.
 *
 * `read`, `list`, `glob` and `grep` are repeatable; `write`, `edit` and `bash` are `once`, run while no other call of the run does, and ask a person until one
 * grants calls like it. What the model has read is kept in a slot of the run's session, so that it holds in another process too.
 *
 * @throws {TypeError} for a name that is none of them.
 */
export function defineSandboxTools<const Name extends SandboxToolName, Deps = unknown, Context = Json>({
  tools,
  approval = {},
  maxCommandMs = MAX_COMMAND_MS,
  ...where
}: SandboxToolsOptions<Name, Deps, Context>): readonly ToolDefinition<
  Name,
  Record<string, unknown>,
  unknown,
  Deps,
  Context
>[] {
  return checkNames(tools).map((name) => {
    const one = SANDBOX_TOOLS[name];
    return defineTool<Name, typeof one.input, unknown, Deps, Context>({
      name,
      description: one.description,
      input: one.input,
      effect: one.reads ? 'repeatable' : 'once',
      approval: approval[name] ?? (one.reads ? 'never' : 'once'),
      parallel: one.reads,
      timeoutMs: maxCommandMs + BEYOND_COMMAND_MS,
      maxOutputBytes: UNCUT,
      maxOutputLines: UNCUT,
      ...(where.sandbox === undefined ? {} : ofSandbox(where.sandbox, one)),
      async execute(input, scope) {
        const run = (session: SandboxSession): Promise<string | ToolContent> =>
          one.run(input, { session, seen: seenInSlot(scope.slots), signal: scope.signal, maxCommandMs });
        if (where.sandbox === undefined) return run(await where.session(scope));
        return atWork(scope, () => inWorkspace(scope, where, one, run));
      },
    });
  });
}

async function inWorkspace<Output>(
  scope: RunWorkspaceScope,
  { sandbox, open }: SandboxOption,
  { reads }: SandboxTool,
  run: (session: SandboxSession) => Promise<Output>,
): Promise<Output> {
  const workspace = await openRunWorkspace(sandbox, scope, { ...open, readOnly: reads });
  const work = async (): Promise<Output> => {
    const output = await run(workspace.session);
    if (!reads) await workspace.commit();
    return output;
  };
  return withCleanup('workspace of a tool', work, async () => workspace[Symbol.asyncDispose]());
}

function ofSandbox(sandbox: Sandbox, { reads, reach }: SandboxTool): Pick<AnyOptions, 'requires' | 'check'> {
  return {
    requires: ['sandbox'],
    ...(reads ? {} : { check: (_, scope) => becameOf(sandbox, reach, scope) }),
  };
}

type CallOf = Pick<ExecutionScope, 'run' | 'callId'>;

/** Calls that this process has begun and not ended, by the object that a drive has of its run. */
const begun = new WeakMap<RunInfo, Set<string>>();

async function atWork<Output>({ run, callId }: CallOf, work: () => Promise<Output>): Promise<Output> {
  const calls = begun.get(run) ?? new Set<string>();
  begun.set(run, calls.add(callId));
  try {
    return await work();
  } finally {
    calls.delete(callId);
  }
}

/**
 * What a call did that was cut off before its commit is thrown away with what it left in the workspace, unless it could reach anything else. One that only
 * took too long may still be at it.
 */
async function becameOf(sandbox: Sandbox, reach: SandboxTool['reach'], { run, callId }: CallOf): Promise<CheckResult> {
  if (!ownsWorkspace(run) || begun.get(run)?.has(callId) === true) return { became: 'unknown' };
  if (reach === 'workspace') return { became: 'not-run' };
  const { files, processes, network } = await sandbox.level();
  const held = [files, processes, network].every((one) => one === 'enforced');
  return { became: held ? 'not-run' : 'unknown' };
}
