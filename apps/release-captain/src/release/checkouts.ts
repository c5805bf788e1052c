import { createHash } from 'node:crypto';
import { DEFAULT_TENANT, PrusikError, type Sandbox, type SandboxSession, type Store } from '@prusik/core';
import { ownerOfWorkspace, prune, type PruneReport } from '@prusik/records';
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

const PREFIX = 'release-';
/** What a sandbox takes as a name. */
const NAME_LENGTH = 200;

/** Ids of runs may hold anything; names of workspaces may not. One that is too long to be read back is swept by nobody, and removed by its run alone. */
export function workspaceOf(root: string): string {
  const name = `${PREFIX}${encodeURIComponent(root).replaceAll('.', '%2E')}`;
  return name.length <= NAME_LENGTH ? name : `hashed-${createHash('sha256').update(root).digest('hex')}`;
}

/** The run whose copy a workspace holds, or whose agents work in it. */
function ownerOf(workspace: string): ReturnType<typeof ownerOfWorkspace> {
  if (!workspace.startsWith(PREFIX)) return ownerOfWorkspace(workspace);
  try {
    return { tenant: DEFAULT_TENANT, run: decodeURIComponent(workspace.slice(PREFIX.length)) };
  } catch {
    // Not a name of ours.
    return undefined;
  }
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

/** Removes what runs that have ended have left, and what a killed process was about to remove. */
export async function sweep(sandbox: Sandbox, store: Store): Promise<PruneReport> {
  return prune(store, { workspaces: { maxAgeMs: 0 } }, { workspaces: sandbox.workspaces, ownerOf });
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
