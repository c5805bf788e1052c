import type { Json, SandboxSession, StandardSchema } from '@prusik/core';
import { defineTool } from './define-tool.ts';
import { MAX_COMMAND_MS, SANDBOX_TOOLS } from './sandbox/all-tools.ts';
import type { SandboxToolName } from './sandbox/sandbox-tool.ts';
import { seenInSlot } from './sandbox/seen-files.ts';
import { checkNames } from './sandbox-tools.ts';
import type { ExecutionScope, ToolDefinition, ToolOptions } from './tool-types.ts';

type Approval<Deps, Context> = ToolOptions<
  string,
  StandardSchema<Record<string, unknown>>,
  string,
  Deps,
  Context
>['approval'];

export interface SandboxToolsOptions<Name extends SandboxToolName, Deps, Context> {
  /** Those that the agent has; there is none that it has without its name standing here. */
  readonly tools: readonly Name[];
  /**
   * The session that a call works in: its workspace is the run's. It is asked for each call, and nothing is disposed here: keep it in `deps`, or where the
   * run's workspace is opened.
   */
  readonly session: (scope: ExecutionScope<Deps, Context>) => SandboxSession | Promise<SandboxSession>;
  /** Who is asked before a call. @default 'once' for write, edit and bash; 'never' for those that only read */
  readonly approval?: { readonly [One in Name]?: Approval<Deps, Context> };
  /** The longest that a command of `bash` may take, in milliseconds. @default 120_000 */
  readonly maxCommandMs?: number;
}

/** Of what is recorded and stopped after a command has ended by its own deadline. */
const BEYOND_COMMAND_MS = 15_000;
/** Results are cut where they are made, by what they are. */
const UNCUT = 262_144;

/**
 * Tools for an agent that work in a sandbox: `tools: [...defineSandboxTools({ tools: ['read', 'edit'], session })]`.
 *
 * `read`, `list`, `glob` and `grep` are repeatable; `write`, `edit` and `bash` are `once`, run while no other call of the run does, and ask a person until one
 * grants calls like it. What the model has read is kept in a slot of the run's session, so that it holds in another process too.
 *
 * @throws {TypeError} for a name that is none of them.
 */
export function defineSandboxTools<const Name extends SandboxToolName, Deps = unknown, Context = Json>({
  tools,
  session,
  approval = {},
  maxCommandMs = MAX_COMMAND_MS,
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
      execute: async (input, scope) =>
        one.run(input, {
          session: await session(scope),
          seen: seenInSlot(scope.slots),
          signal: scope.signal,
          maxCommandMs,
        }),
    });
  });
}
