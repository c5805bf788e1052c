import {
  openRunWorkspace,
  withCleanup,
  type Clock,
  type RunWorkspace,
  type RunWorkspaceScope,
  type Sandbox,
} from '@prusik/core';
import { openSession } from './connect-stdio.ts';
import type { ClientSetup, Connection, ConnectionEvents } from './connection.ts';
import type { EraVerdicts } from './era-verdicts.ts';
import { runnerClosed } from './errors.ts';
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

/** Servers in the workspaces of runs: no pool has them. */
export interface RunWorkspaceUses {
  /**
   * A server in the workspace of a run: started for one call, and ended before what it left is kept. One that lived longer would hold the workspace, which a
   * later step has to have alone.
   *
   * @throws {PrusikError} `MCP_CLOSED`, and what {@link openRunWorkspace} and {@link startServer} throw.
   */
  of(options: RunWorkspaceUseOptions, scope: RunWorkspaceScope, readOnly: boolean): UseConnection;
  /** Starts none any more, and ends those that run. */
  close(): Promise<void>;
}

export function createRunWorkspaceUses(): RunWorkspaceUses {
  const closing = new AbortController();
  const uses = new Set<Promise<unknown>>();

  async function useOnce<T>(
    { name, server, sandbox, ...start }: RunWorkspaceUseOptions,
    scope: RunWorkspaceScope,
    readOnly: boolean,
    work: (connection: Connection) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    let workspace: RunWorkspace | undefined;
    const use = async (): Promise<T> => {
      const session = await openSession(name, server, async (opening) => {
        workspace = await openRunWorkspace(sandbox, scope, { ...opening, readOnly });
        return workspace.session;
      });
      const connection = await startServer({ ...start, name, server, session, signal });
      const value = await untilClosed(connection, work);
      if (!readOnly) await workspace?.commit();
      return value;
    };
    return withCleanup(`workspace of the MCP server ${name}`, use, async () => workspace?.[Symbol.asyncDispose]());
  }

  async function untilClosed<T>(connection: Connection, work: (connection: Connection) => Promise<T>): Promise<T> {
    const end = (): void => void connection.close();
    closing.signal.addEventListener('abort', end, { once: true });
    if (closing.signal.aborted) end();
    try {
      return await work(connection);
    } finally {
      closing.signal.removeEventListener('abort', end);
      await connection.close();
    }
  }

  return {
    of: (options, scope, readOnly) => async (work, signal) => {
      closing.signal.throwIfAborted();
      const use = useOnce(options, scope, readOnly, work, AbortSignal.any([signal, closing.signal]));
      uses.add(use);
      try {
        return await use;
      } finally {
        uses.delete(use);
      }
    },
    async close() {
      closing.abort(runnerClosed());
      await Promise.allSettled(uses);
    },
  };
}
