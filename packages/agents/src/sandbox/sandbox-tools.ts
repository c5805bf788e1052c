import { describeIssues, type SandboxSession } from '@prusik/core';
import { jsonSchema, tool, type Tool } from 'ai';
import { isSandboxToolName, MAX_COMMAND_MS, SANDBOX_TOOLS } from './all-tools.ts';
import type { SandboxPlace, SandboxTool, SandboxToolName } from './sandbox-tool.ts';
import { seenInMemory } from './seen-files.ts';
import { isToolContent, type ToolContent } from '../tool-content.ts';

/** What a tool returned in plain JSON: a text, or with an image. */
export type SandboxToolOutput =
  | string
  | { readonly text: string; readonly image: { readonly mediaType: string; readonly base64: string } };

export interface PlainSandboxToolsOptions<Name extends SandboxToolName> {
  /** Those to make. @default all */
  readonly tools?: readonly Name[];
  /** The longest that a command of `bash` may take, in milliseconds. @default 120_000 */
  readonly maxCommandMs?: number;
}

/** Tools of the AI SDK by their names. */
export type SandboxToolSet<Name extends SandboxToolName> = Readonly<
  Record<Name, Tool<Record<string, unknown>, SandboxToolOutput>>
>;

/**
 * The tools of a sandbox for the AI SDK alone: `streamText({ tools: sandboxTools(session), … })`. They work on this one session, which stays the caller's to
 * dispose; what the model has read of files is known for as long as this object is. Nobody is asked before a call: `needsApproval` of the SDK does that.
 *
 * @throws {TypeError} for a name that is none of them.
 */
export function sandboxTools<Name extends SandboxToolName = SandboxToolName>(
  session: SandboxSession,
  { tools, maxCommandMs = MAX_COMMAND_MS }: PlainSandboxToolsOptions<Name> = {},
): SandboxToolSet<Name> {
  const seen = seenInMemory();
  const names = checkNames(tools ?? (Object.keys(SANDBOX_TOOLS) as Name[]));
  const place = (signal: AbortSignal | undefined): SandboxPlace => ({ session, seen, signal, maxCommandMs });
  // Made of exactly these names.
  return Object.fromEntries(names.map((name) => [name, plainTool(SANDBOX_TOOLS[name], place)])) as SandboxToolSet<Name>;
}

/** @throws {TypeError} */
export function checkNames<Name extends SandboxToolName>(names: readonly Name[]): readonly Name[] {
  for (const name of names as readonly unknown[])
    if (!isSandboxToolName(name))
      throw new TypeError(
        `${JSON.stringify(name)} is no tool of a sandbox; there are ${Object.keys(SANDBOX_TOOLS).join(', ')}`,
      );
  return names;
}

function plainTool(
  one: SandboxTool,
  place: (signal: AbortSignal | undefined) => SandboxPlace,
): Tool<Record<string, unknown>, SandboxToolOutput> {
  const { validate, jsonSchema: said } = one.input['~standard'];
  return tool({
    description: one.description,
    inputSchema: jsonSchema<Record<string, unknown>>(said.input({ target: 'draft-07' }), {
      async validate(value) {
        const checked = await validate(value);
        return checked.issues === undefined
          ? { success: true, value: checked.value as Record<string, unknown> }
          : { success: false, error: new TypeError(describeIssues(checked.issues)) };
      },
    }),
    execute: async (input, { abortSignal }) => plainOutput(await one.run(input, place(abortSignal))),
    toModelOutput: ({ output }) =>
      typeof output === 'string'
        ? { type: 'text', value: output }
        : {
            type: 'content',
            value: [
              { type: 'text', text: output.text },
              { type: 'file', mediaType: output.image.mediaType, data: { type: 'data', data: output.image.base64 } },
            ],
          },
  });
}

function plainOutput(output: string | ToolContent): SandboxToolOutput {
  if (!isToolContent(output)) return output;
  const text = output.parts.flatMap((part) => (typeof part === 'string' ? [part] : [])).join('\n');
  for (const part of output.parts)
    if (typeof part !== 'string' && part.type === 'file' && part.data instanceof Uint8Array)
      return { text, image: { mediaType: part.mediaType, base64: Buffer.from(part.data).toString('base64') } };
  return text;
}
