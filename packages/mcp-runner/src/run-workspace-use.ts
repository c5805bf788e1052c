import { openRunWorkspace, type Clock, type RunWorkspace, type RunWorkspaceScope, type Sandbox } from '@prusik/core';
import { openSession } from './connect-stdio.ts';
import type { ClientSetup, Connection, ConnectionEvents } from './connection.ts';
import type { EraVerdicts } from './era-verdicts.ts';
import type { McpLimits } from './limits.ts';
import type { StdioServer } from './options.ts';
import type { UseConnection } from './server-calls.ts';
import { startServer } from './start-server.ts';

export interface RunWorkspaceUseOptions {
  readonly name: string;
  readonly server: StdioServer;
  readonly sandbox: Sandbox;
  readonly limits: McpLimits;
  readonly verdicts: EraVerdicts;
  readonly clock: Clock;
  readonly setup: ClientSetup;
  readonly events: ConnectionEvents;
}

/**
 * A server in the workspace of a run: started for one call, and ended before what it left is kept. One that lived longer would hold the workspace, which a
 * later step has to have alone.
 *
 * @throws what {@link openRunWorkspace} and {@link startServer} throw.
 */
export function useInRunWorkspace(
  options: RunWorkspaceUseOptions,
  scope: RunWorkspaceScope,
  readOnly: boolean,
): UseConnection {
  const { name, server, sandbox, ...start } = options;
  return async (work, signal) => {
    let workspace: RunWorkspace | undefined;
    try {
      const session = await openSession(name, server, async (opening) => {
        workspace = await openRunWorkspace(sandbox, scope, { ...opening, readOnly });
        return workspace.session;
      });
      const connection = await startServer({ ...start, name, server, session, signal });
      const value = await usedOnce(connection, work);
      if (!readOnly) await workspace?.commit();
      return value;
    } finally {
      await workspace?.[Symbol.asyncDispose]();
    }
  };
}

async function usedOnce<T>(connection: Connection, work: (connection: Connection) => Promise<T>): Promise<T> {
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}
