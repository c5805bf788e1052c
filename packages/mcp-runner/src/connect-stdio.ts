import {
  errorFields,
  hashJson,
  PrusikError,
  type Clock,
  type Json,
  type Logger,
  type OpenSandboxOptions,
  type Sandbox,
  type SandboxLevel,
  type SandboxSession,
  type WorkspaceSource,
  withoutSecrets,
} from '@prusik/core';
import type { Connect, Connection } from './connection.ts';
import type { EraVerdicts } from './era-verdicts.ts';
import { codeOf, messageOf, notStarted } from './errors.ts';
import type { McpLimits } from './limits.ts';
import type { StdioServer } from './options.ts';
import { startServer } from './start-server.ts';

/** What a server over stdio runs in unless it says otherwise. */
const REQUIRED: Partial<SandboxLevel> = { files: 'enforced', processes: 'enforced' };

const NOT_HELD: ReadonlySet<string> = new Set([
  'SANDBOX_LEVEL_UNMET',
  'SANDBOX_UNAVAILABLE',
  'SANDBOX_NETWORK_REFUSED',
]);

export interface ConnectStdioOptions {
  readonly name: string;
  /** Tells servers of one name apart that must not share their files; empty where there is one. */
  readonly instance: string;
  readonly server: StdioServer;
  readonly sandbox: Sandbox;
  readonly limits: McpLimits;
  readonly verdicts: EraVerdicts;
  readonly clock: Clock;
  readonly log?: Logger | undefined;
}

/**
 * Servers in a workspace of their own, which lasts: what one has written there it finds again when it is started anew.
 *
 * @throws {PrusikError} what {@link startServer} and {@link openSession} throw.
 */
export function connectStdio({ sandbox, name, instance, server, log, ...start }: ConnectStdioOptions): Connect {
  const lost = (error: unknown): void =>
    log?.warn(
      { event: 'mcp-cleanup-failed', server: name, ...errorFields(error) },
      'The sandbox of an MCP server is not closed',
    );
  return async (options) => {
    const { from } = server;
    const workspace = workspaceOf(name, instance, from);
    const session = await openSession(name, server, async (opening) => {
      await sandbox.workspaces.create({
        id: workspace,
        signal: options.signal,
        ...(from === undefined ? {} : { from }),
      });
      return sandbox.open({ workspace, ...opening });
    });
    try {
      return owning(await startServer({ ...start, ...options, name, server, session }), session, lost);
    } catch (error) {
      await session[Symbol.asyncDispose]().then(undefined, lost);
      throw error;
    }
  };
}

/**
 * A session that holds what the server has to be held in.
 *
 * @throws {PrusikError} `MCP_NOT_ISOLATED` where the sandbox holds less; `MCP_START_FAILED` for whatever else keeps it from opening.
 */
export async function openSession(
  name: string,
  { mounts = [], require, network = 'none' }: StdioServer,
  open: (options: Omit<OpenSandboxOptions, 'workspace'>) => Promise<SandboxSession>,
): Promise<SandboxSession> {
  try {
    return await open({ require: { ...REQUIRED, ...require }, network, ...(mounts.length > 0 ? { mounts } : {}) });
  } catch (cause) {
    if (cause instanceof TypeError) throw cause;
    if (!NOT_HELD.has(codeOf(cause))) throw notStarted(name, cause);
    throw new PrusikError(
      'MCP_NOT_ISOLATED',
      `The MCP server ${JSON.stringify(name)} was not started, since nothing would hold it: ${withoutSecrets(messageOf(cause))}. It runs without that only if its \`require\` says so, such as { files: 'none', processes: 'none' }`,
      { meta: { server: name }, cause },
    );
  }
}

/** Whoever gives it something else to begin with means other files. */
function workspaceOf(name: string, instance: string, from: WorkspaceSource | undefined): string {
  if (instance === '' && from === undefined) return `mcp:${name}`;
  // Without what is no JSON, a function that chooses files.
  const beginsWith = from === undefined ? null : (JSON.parse(JSON.stringify(from)) as Json);
  return `mcp:${name}:${hashJson([instance, beginsWith]).slice(0, 16)}`;
}

function owning(connection: Connection, session: SandboxSession, lost: (error: unknown) => void): Connection {
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await connection.close();
    await session[Symbol.asyncDispose]();
  };
  return {
    ...connection,
    close() {
      closing ??= close().catch(lost);
      return closing;
    },
  };
}
