import {
  isPrusikError,
  PrusikError,
  runKeyText,
  serializeError,
  type ToolListing,
  type ToolSource,
  type WithheldTool,
} from '@prusik/core';
import { byCodeUnit } from './code-unit.ts';
import type { ManagedServer } from './mcp-server.ts';
import type { Offer } from './offer.ts';
import { signInTool } from './sign-in-tool.ts';

export interface SourceOptions {
  readonly name: string;
  readonly servers: ReadonlyMap<string, ManagedServer>;
}

/** Servers as a source of tools for agents. */
export function createSource({ name, servers }: SourceOptions): ToolSource {
  return {
    name,

    async list({ run, signal }) {
      const listings = await Promise.all(
        [...servers.values()].map((server) =>
          listingOf(server, async () => server.list({ signal, owner: server.ownerOf(run) }), signal),
        ),
      );
      signal.throwIfAborted();
      return joined(listings);
    },

    async call(call, scope) {
      const server = serverOf(servers, call.name);
      const { key, root, attended } = scope.run;
      return server.call(call, {
        signal: scope.signal,
        owner: server.ownerOf(scope.run),
        run: scope,
        // What a tree of runs asks is asked of the same people.
        asker: attended ? runKeyText({ tenant: key.tenant, run: root }) : undefined,
        trace: scope.trace,
        progress: (text) => scope.progress(text),
      });
    },
  };
}

/** The names of servers hold no `_`, and a tool's begins with its server's. @throws {PrusikError} `MCP_TOOL_UNKNOWN`. */
function serverOf(servers: ReadonlyMap<string, ManagedServer>, tool: string): ManagedServer {
  const server = servers.get(tool.split('_', 1)[0] ?? '');
  if (server !== undefined) return server;
  throw new PrusikError('MCP_TOOL_UNKNOWN', `No MCP server has a tool ${tool}`, { meta: { tool } });
}

/** A server that cannot be listed costs its tools, and no others. */
async function listingOf(
  { governed }: Pick<ManagedServer, 'governed'>,
  list: () => Promise<Offer>,
  signal: AbortSignal,
): Promise<ToolListing> {
  try {
    const { tools, withheld } = await list();
    return { tools: [...tools.values()].map(({ sourced }) => sourced), withheld };
  } catch (error) {
    signal.throwIfAborted();
    const { code, message } = serializeError(error);
    if (code === 'MCP_SIGN_IN_REQUIRED') {
      const tool = `everything else of ${governed.server}`;
      return { tools: [signInTool(governed.server)], withheld: [{ tool, code, reason: message }] };
    }
    const reason = isPrusikError(error) ? message : `The MCP server ${governed.server} cannot be used: ${message}`;
    return { tools: [], withheld: [{ code, reason: reason.slice(0, 500) }] };
  }
}

/** In one order, whichever server was first. */
function joined(listings: readonly ToolListing[]): ToolListing {
  const tools = listings.flatMap((one) => one.tools).toSorted((a, b) => byCodeUnit(a.name, b.name));
  const withheld = listings.flatMap((one) => one.withheld).toSorted((a, b) => byCodeUnit(keyOf(a), keyOf(b)));
  return { tools, withheld };
}

const keyOf = ({ tool = '', code, reason }: WithheldTool): string => `${tool}\n${code}\n${reason}`;
