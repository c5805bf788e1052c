import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sandbox } from '@prusik/core';
import { createLocalSandbox, type LocalSandboxOptions } from '../src/index.ts';

/** A sandbox with a root of its own, which goes with it. */
export async function temporarySandbox(
  options: Omit<LocalSandboxOptions, 'root'> = {},
): Promise<Sandbox & { readonly root: string }> {
  const root = await temporaryFolder();
  const sandbox = createLocalSandbox({ root, ...options });
  return {
    ...sandbox,
    root,
    async [Symbol.asyncDispose]() {
      await sandbox[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** A new folder that the sandbox's user can pass through. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'prusik-sandbox-'));
  await chmod(folder, 0o755);
  return folder;
}
