import { randomUUID } from 'node:crypto';
import type { Sandbox } from '@prusik/core';
import { SANDBOX_COMMAND_TESTS } from './sandbox-command-tests.ts';
import { SANDBOX_FILE_TESTS } from './sandbox-file-tests.ts';
import { SANDBOX_SNAPSHOT_TESTS } from './sandbox-snapshot-tests.ts';
import { SANDBOX_WORKSPACE_TESTS } from './sandbox-workspace-tests.ts';

/** What {@link sandboxContract} takes. */
export interface SandboxContract {
  /** `test` from vitest or from `node:test`. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** Makes a sandbox with a storage of its own. Called once per test; the suite disposes it. */
  readonly create: () => Sandbox | Promise<Sandbox>;
}

/** What every {@link Sandbox} does. Commands are POSIX ones. What it lets out is asked by `sandboxContainment`. */
export function sandboxContract({ test, create }: SandboxContract): void {
  const tests = [
    ...SANDBOX_COMMAND_TESTS,
    ...SANDBOX_FILE_TESTS,
    ...SANDBOX_WORKSPACE_TESTS,
    ...SANDBOX_SNAPSHOT_TESTS,
  ];
  for (const { title, limits, run } of tests)
    test(title, async () => {
      const sandbox = await create();
      try {
        const { id } = await sandbox.workspaces.create({ id: randomUUID() });
        const session = await sandbox.open({ workspace: id, ...(limits === undefined ? {} : { limits }) });
        await run(session, sandbox);
        await session[Symbol.asyncDispose]();
      } finally {
        await sandbox[Symbol.asyncDispose]();
      }
    });
}
