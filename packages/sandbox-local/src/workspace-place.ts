import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Workspace } from '@prusik/core';
import { systemCode } from './directory.ts';

/** Where a workspace lies on the host. */
export interface WorkspacePlace {
  readonly workspace: Workspace;
  /** What commands see as the workspace; the only part of it they can reach. */
  readonly files: string;
  /** For files that are being written, on the same file system. */
  readonly staging: string;
  /** Home and temporary files where no sandbox brings its own. */
  readonly home: string;
  /** What is known of the files without reading them. */
  readonly index: string;
  /** Names a snapshot while the files are being made what it holds. */
  readonly restoring: string;
  /** Snapshots by the names that the workspace has for them. */
  readonly named: string;
}

export const DESCRIPTION = 'workspace.json';

export async function readPlace(folder: string): Promise<WorkspacePlace | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, DESCRIPTION), 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
  const { id, createdAt } = JSON.parse(text) as Workspace;
  return { workspace: { id, createdAt }, ...pathsIn(folder) };
}

export function pathsIn(folder: string): Omit<WorkspacePlace, 'workspace'> {
  return {
    files: join(folder, 'files'),
    staging: join(folder, 'staging'),
    home: join(folder, 'home'),
    index: join(folder, 'index'),
    restoring: join(folder, 'restoring'),
    named: join(folder, 'named'),
  };
}
