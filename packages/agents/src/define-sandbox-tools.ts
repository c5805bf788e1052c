import type { Json, SandboxSession, StandardSchema } from '@prusik/core';
import { defineTool } from './define-tool.ts';
import { MAX_COMMAND_MS, SANDBOX_TOOLS } from './sandbox/all-tools.ts';
import type { SandboxToolName } from './sandbox/sandbox-tool.ts';
import { seenInSlot } from './sandbox/seen-files.ts';
import { checkNames } from './sandbox-tools.ts';
import type { ToolContent } from './tool-content.ts';
import type { ExecutionScope, ToolDefinition, ToolOptions } from './tool-types.ts';

type Approval<Deps, Context> = ToolOptions<
  string,
  StandardSchema<Record<string, unknown>>,
  string,
  Deps,
  Context
>['approval'];

/** A workspace that is open for one call. */
export interface CallWorkspace extends AsyncDisposable {
  readonly session: SandboxSession;
  /** Keeps what the workspace holds now, with the outcome of the call's step. */
  commit(): Promise<void>;
}

export interface SandboxToolsBasics<Name extends SandboxToolName, Deps, Context> {
  /** Those that the agent has; there is none that it has without its name standing here. */
  readonly tools: readonly Name[];
  /** Who is asked before a call. @default 'once' for write, edit and bash; 'never' for those that only read */
  readonly approval?: { readonly [One in Name]?: Approval<Deps, Context> };
  /** The longest that a command of `bash` may take, in milliseconds. @default 120_000 */
  readonly maxCommandMs?: number;
}

export interface SessionOption<Deps, Context> {
  /** The session that a call works in. It is asked for each call, and nothing is disposed: who makes one keeps it, in `deps` for one. */
  readonly session: (scope: ExecutionScope<Deps, Context>) => SandboxSession | Promise<SandboxSession>;
  readonly workspace?: never;
}

export interface WorkspaceOption<Deps, Context> {
  /** Opens the workspace of the call's run. After a call that may have changed it it is committed, and after each it is disposed. */
  readonly workspace: (
    scope: ExecutionScope<Deps, Context>,
    how: { readonly readOnly: boolean },
  ) => CallWorkspace | Promise<CallWorkspace>;
  readonly session?: never;
}

export type SandboxToolsOptions<Name extends SandboxToolName, Deps, Context> = SandboxToolsBasics<Name, Deps, Context> &
  (SessionOption<Deps, Context> | WorkspaceOption<Deps, Context>);

/** Of what is recorded and stopped after a command has ended by its own deadline. */
const BEYOND_COMMAND_MS = 15_000;
/** Results are cut where they are made, by what they are. */
const UNCUT = 262_144;

/**
 * Tools for an agent that work in a sandbox: `tools: [...defineSandboxTools({ tools: ['read', 'edit'], session })]`. Where they work is said by `session` or
 * by `workspace`.
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
      async execute(input, scope) {
        const run = (session: SandboxSession): Promise<string | ToolContent> =>
          one.run(input, { session, seen: seenInSlot(scope.slots), signal: scope.signal, maxCommandMs });
        if (where.workspace === undefined) return run(await where.session(scope));
        const workspace = await where.workspace(scope, { readOnly: one.reads });
        try {
          const output = await run(workspace.session);
          if (!one.reads) await workspace.commit();
          return output;
        } finally {
          await workspace[Symbol.asyncDispose]();
        }
      },
    });
  });
}
