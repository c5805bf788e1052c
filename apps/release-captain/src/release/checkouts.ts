import { createHash } from 'node:crypto';
import { PrusikError, type Sandbox, type SandboxSession, type Store } from '@prusik/core';
import type { Exec } from '../git/exec.ts';
import { createGit, type Git } from '../git/git.ts';
import { importRepository, REPOSITORY_LIMITS, type ImportedRepository } from '../repository/import.ts';

/** The copies of repositories that releases work on: one workspace for each tree of runs, one session for each in this process. */
export interface Checkouts extends AsyncDisposable {
  /** Copies the repository of `folder`; a copy that a killed attempt left is replaced. */
  create(root: string, folder: string, signal: AbortSignal): Promise<ImportedRepository>;
  git(root: string): Promise<Git>;
  /** No error when there is none. */
  remove(root: string): Promise<void>;
}

/** Ids of runs may hold anything; names of workspaces may not. */
export function workspaceOf(root: string): string {
  return `release-${createHash('sha256').update(root).digest('hex').slice(0, 40)}`;
}

export function createCheckouts(sandbox: Sandbox): Checkouts {
  const sessions = new Map<string, Promise<SandboxSession>>();

  function session(root: string): Promise<SandboxSession> {
    const known = sessions.get(root);
    if (known !== undefined) return known;
    const opening = sandbox.open({ workspace: workspaceOf(root), limits: { diskBytes: REPOSITORY_LIMITS.bytes } });
    sessions.set(root, opening);
    // A failed opening is not remembered: the next caller tries again.
    opening.catch(() => sessions.delete(root));
    return opening;
  }

  async function close(root: string): Promise<void> {
    const open = sessions.get(root);
    sessions.delete(root);
    await (await open?.catch(() => undefined))?.[Symbol.asyncDispose]();
  }

  return {
    async create(root, folder, signal) {
      await close(root);
      return importRepository({ sandbox, workspace: workspaceOf(root), folder, signal });
    },
    git: async (root) => createGit(execIn(await session(root)), '.'),
    async remove(root) {
      await close(root);
      await sandbox.workspaces.remove(workspaceOf(root));
    },
    async [Symbol.asyncDispose]() {
      for (const root of sessions.keys()) await close(root);
    },
  };
}

/**
 * Removes the workspaces of runs that have ended. A run is stored before its workspace is made: what is listed first and has
 * no live run afterwards is nobody's.
 */
export async function sweepWorkspaces(sandbox: Sandbox, store: Store, tenant: string): Promise<readonly string[]> {
  const existing = new Set((await sandbox.workspaces.list()).map(({ id }) => id));
  if (existing.size === 0) return [];
  const live = new Set<string>();
  let after: string | undefined;
  do {
    const page = await store.listRuns({
      tenant,
      status: ['queued', 'running', 'waiting', 'blocked'],
      limit: 1_000,
      ...(after === undefined ? {} : { after }),
    });
    for (const { root } of page.items) live.add(workspaceOf(root));
    after = page.next;
  } while (after !== undefined);
  const { workspaces } = await sandbox.workspaces.sweep({ workspace: (id) => !existing.has(id) || live.has(id) });
  return workspaces;
}

function execIn(session: SandboxSession): Exec {
  return async ([file, ...args], { env, maxOutputBytes, timeoutMs, signal }) => {
    const result = await session.exec(file, args, { env, maxOutputBytes, timeoutMs, ...(signal ? { signal } : {}) });
    if (result.exceeded !== null && result.exceeded !== 'hardOutputBytes') {
      throw new PrusikError('GIT_FAILED', `git went over the sandbox’s limit ${result.exceeded} and was stopped`);
    }
    return {
      exitCode: result.exceeded === null ? result.exitCode : null,
      stdout: result.stdout,
      stderr: result.stderr,
      truncated: result.stdoutOmitted > 0 || result.exceeded === 'hardOutputBytes',
    };
  };
}
