import type { OpenSandboxOptions, Sandbox, SandboxSession } from '@prusik/core';

/** A test of the sandbox suite, on a sandbox and a session on an empty workspace of it. */
export interface SandboxTest {
  readonly title: string;
  readonly limits?: NonNullable<OpenSandboxOptions['limits']>;
  readonly run: (session: SandboxSession, sandbox: Sandbox) => Promise<void>;
}
