import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPrusikError, type OpenSandboxOptions, type Sandbox, type SandboxSession } from '@prusik/core';
import { createLocalSandbox } from '@prusik/sandbox-local';
import { afterAll, onTestFinished } from 'vitest';
import {
  sandboxTools,
  type SandboxToolName,
  type SandboxToolOutput,
  type SandboxToolSet,
} from '../src/sandbox/index.ts';

export type Isolation = 'bubblewrap' | 'none';

/** A real sandbox on a folder of its own, for all tests of a file. */
export function sandboxOf(isolation: Isolation): () => Promise<Sandbox> {
  let made: Promise<{ readonly root: string; readonly sandbox: Sandbox }> | undefined;
  async function make() {
    const root = await mkdtemp(join(tmpdir(), 'sandbox-tools-'));
    // The user that commands run as has to pass.
    await chmod(root, 0o755);
    return { root, sandbox: createLocalSandbox({ root, isolation }) };
  }
  afterAll(async () => {
    if (made === undefined) return;
    const { root, sandbox } = await made;
    await sandbox[Symbol.asyncDispose]();
    await rm(root, { recursive: true, force: true });
  });
  return async () => (await (made ??= make())).sandbox;
}

let workspaces = 0;

/** A session on a new workspace. */
export async function newSession(
  sandbox: Sandbox,
  more: Omit<OpenSandboxOptions, 'workspace'> = {},
): Promise<SandboxSession> {
  const { id } = await sandbox.workspaces.create({ id: `w${(workspaces += 1)}` });
  const session = await sandbox.open({ workspace: id, ...more });
  onTestFinished(() => session[Symbol.asyncDispose]());
  return session;
}

export type Call = (tool: SandboxToolName, input: object) => Promise<string>;

/** Calls the tools as the AI SDK does. An error is told by its code and message, an image by its media type. */
export function caller(session: SandboxSession, tools: SandboxToolSet<SandboxToolName> = sandboxTools(session)): Call {
  let calls = 0;
  return async (name, input) => {
    const { execute, inputSchema } = tools[name];
    const { validate } = inputSchema as unknown as {
      validate: (value: unknown) => Promise<{ success: boolean; value: Record<string, unknown>; error: Error }>;
    };
    const checked = await validate(input);
    if (!checked.success) return `invalid: ${checked.error.message}`;
    calls += 1;
    try {
      const output = (await execute?.(checked.value, {
        toolCallId: `call_${calls}`,
        messages: [],
        context: {},
      })) as SandboxToolOutput;
      return typeof output === 'string' ? output : `${output.text}\n<${output.image.mediaType} ${output.image.base64}>`;
    } catch (error) {
      if (isPrusikError(error)) return `${error.code}: ${error.message}`;
      throw error;
    }
  };
}

export async function sh(session: SandboxSession, command: string): Promise<string> {
  const { exitCode, stdout, stderr } = await session.run({ command });
  if (exitCode !== 0) throw new Error(`${command}: ${stderr}`);
  return stdout;
}
