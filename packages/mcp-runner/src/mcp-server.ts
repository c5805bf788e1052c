import {
  isPrusikError,
  PrusikError,
  type CallResult,
  type Clock,
  type Json,
  type NewId,
  type RunInfo,
  type RunWorkspaceScope,
  type SourcedCall,
  type TraceContext,
} from '@prusik/core';
import type { ClientSetup, Connect, Connection } from './connection.ts';
import { readState } from './call-state.ts';
import { policyRefusal, type Governed, type McpPolicy } from './govern.ts';
import type { McpLimits } from './limits.ts';
import { instanceOf, NOBODY, ownerOf, ownerOfInstance, type CredentialOwner } from './oauth-owner.ts';
import type { McpServer } from './options.ts';
import { toolRefusal, type Offer, type OfferedTool } from './offer.ts';
import type { PinStore } from './pins.ts';
import { messageOf } from './errors.ts';
import type { CalledTool } from './open-call.ts';
import type { Pool, PoolEntry } from './pool.ts';
import { callResourceTool } from './resource-tools.ts';
import { createResources } from './resources.ts';
import { createServerAsks } from './server-asks.ts';
import { createServerCalls, type UseConnection } from './server-calls.ts';
import { callSignInTool, isSignInTool, signInAgain } from './sign-in-tool.ts';
import { createToolLists, type ToolLists } from './tool-lists.ts';
import { inputFault } from './tool-schema.ts';
import type { TraceFields } from './trace-meta.ts';
import { abortable } from './wait.ts';

/** For whom a server is used. */
export interface UseScope {
  readonly signal: AbortSignal;
  readonly owner: CredentialOwner;
}

/** For whom a program uses servers, outside of any run. */
export interface McpCaller {
  /** @default 'default' */
  readonly tenant?: string;
  /** Who has signed in, for servers that are used as one person or another. */
  readonly subject?: string;
}

/** Whoever waits for a call. */
export interface CallScope extends UseScope {
  /** The run, where there is one. */
  readonly run?: RunWorkspaceScope;
  /** Who answers what the server asks; `undefined`: nobody. */
  readonly asker: string | undefined;
  /** Where the call stands in a trace. */
  readonly trace?: TraceContext | undefined;
  progress(text: string): void;
}

/** One server of a runner. */
export interface ManagedServer {
  readonly governed: Governed;
  /** For whom a run uses it. @throws {TypeError} where that is not to be told. */
  ownerOf(run: RunInfo): CredentialOwner;
  /** For whom a program uses it, outside of any run. @throws {TypeError} where somebody has to be named. */
  ownerFor(caller: McpCaller): CredentialOwner;
  /** How a connection is made. */
  entry(instance: string): PoolEntry;
  /**
   * Uses a connection for what is no call of a tool.
   *
   * @throws {PrusikError} `MCP_TOOL_REFUSED` where the policy denies the server itself.
   */
  use(owner: CredentialOwner): UseConnection;
  /** What was last offered. */
  readonly last: Offer | undefined;
  /** Of its last connection. */
  readonly protocol: Connection['protocol'] | undefined;
  /**
   * What it offers now.
   *
   * @throws {PrusikError} `MCP_TOOL_REFUSED` where the policy denies the server itself; what starting it and listing its tools throw.
   */
  list(scope: UseScope): Promise<Offer>;
  /**
   * Calls a tool, if it is still the one that was decided about.
   *
   * @throws {PrusikError} `MCP_TOOL_UNKNOWN`, `MCP_TOOL_CHANGED`, `MCP_TOOL_REFUSED`, `MCP_INPUT_INVALID`: nothing was sent.
   * @throws {PrusikError} with `meta.inDoubt` when it was sent and nobody knows what became of it.
   */
  call(call: SourcedCall, scope: CallScope): Promise<CallResult>;
  /** Ends a call that waits for answers that will not come, which its server is told. What that means: `MCP_CALL_LOST`, in doubt, where it was open, else the reason. */
  giveUp(call: Pick<SourcedCall, 'name'>, state: Json, reason: unknown): unknown;
  /** Replaces what is pinned of it, as a person has decided. */
  repin: ToolLists['repin'];
}

export interface ManagedServerOptions {
  readonly server: McpServer;
  readonly governed: Governed;
  readonly pool: () => Pool;
  readonly connect: (owner: CredentialOwner) => Connect;
  /** For a server that lives in the workspace of the run that calls it. */
  readonly inRun: ((scope: RunWorkspaceScope, readOnly: boolean, setup: ClientSetup) => UseConnection) | undefined;
  readonly policy: McpPolicy | undefined;
  readonly pins: PinStore;
  readonly firstSight: 'trust' | 'ask';
  readonly limits: McpLimits;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly traceContext: TraceFields | undefined;
  readonly oddity: (text: string) => void;
}

export function createManagedServer(options: ManagedServerOptions): ManagedServer {
  const { server, governed, pool, limits, clock, policy, oddity } = options;
  const { server: name, place, tier } = governed;
  const lists = createToolLists({ ...options, resources: server.resources });
  const { elicitation = 'ask', sampling } = server;
  const roots = place.transport === 'stdio';
  // The call that waits for the answer has callMs itself.
  const doubtMs = limits.callMs / 2;
  const asks = createServerAsks({ server: name, elicitation, sampling, roots, oddity, clock, doubtMs });
  const calls = createServerCalls({ ...options, server: name, asks });
  let protocol: Connection['protocol'] | undefined;

  const use =
    (owner: CredentialOwner): UseConnection =>
    (work, signal) =>
      pool().use({ server: name, instance: instanceOf(owner) }, { signal }, (connection) => {
        protocol = connection.protocol;
        return work(connection);
      });

  async function refuseServer(signal: AbortSignal): Promise<void> {
    const reason = await abortable(policyRefusal(policy, { server: name, tier, place }, clock), signal);
    if (reason !== undefined) throw refused(`The MCP server ${name} may not be used: ${reason}`, { server: name });
  }

  async function list({ signal, owner }: UseScope): Promise<Offer> {
    await refuseServer(signal);
    return use(owner)((connection) => lists.of(connection, signal), signal);
  }

  /** The tool of a call, if it may be called. What was last offered is enough: it is looked at again over the connection that the call is made over. */
  async function decided(call: SourcedCall, scope: CallScope): Promise<OfferedTool> {
    const known = lists.last?.tools.get(call.name);
    const offered = known?.right.hash === call.hash ? known : offeredAs(await list(scope), name, call);
    await refuseServer(scope.signal);
    const meta = { server: name, tool: call.name };
    const reason = await abortable(toolRefusal(offered, options), scope.signal);
    if (reason !== undefined) throw refused(`The tool ${call.name} may not be called: ${reason}`, meta);
    const fault = inputFault(offered.tool.inputSchema, call.input);
    if (fault === undefined) return offered;
    const message = `The input of the tool ${call.name} does not fit its schema: ${fault}`;
    throw new PrusikError('MCP_INPUT_INVALID', message, { meta });
  }

  function cannotGoOn(tool: string, cause: unknown): PrusikError {
    const message = `The tool ${tool} was called, and nobody knows what became of it: ${messageOf(cause).slice(0, 500)}`;
    return new PrusikError('MCP_CALL_LOST', message, { meta: { server: name, tool, inDoubt: true }, cause });
  }

  async function callTool(call: SourcedCall, scope: CallScope): Promise<CallResult> {
    const { name: tool, input, continues } = call;
    const { right, resource } = await decided(call, scope).catch((error: unknown) => {
      if (continues === undefined || readState(continues.state).as !== 'live') throw error;
      // Its request is open, or was: whether it may still be made says nothing of what became of it.
      calls.giveUp(continues.state, error);
      throw scope.signal.aborted ? error : cannotGoOn(tool, error);
    });
    if (resource !== undefined) {
      const resources = createResources({ server: name, limits, clock, use: use(scope.owner) });
      return callResourceTool(resources, { name: resource, input, signal: scope.signal }).catch((error: unknown) => {
        // That it only reads is the protocol's word; a program may know better.
        const isDoubt = right.effect !== 'repeatable' && isPrusikError(error) && error.meta['sent'] === true;
        throw isDoubt && error.retryable ? cannotGoOn(tool, error) : error;
      });
    }
    const over = async (connection: Connection): Promise<CalledTool> =>
      offeredAs(await lists.of(connection, scope.signal), name, call).tool;
    const asked = continues === undefined ? {} : { continues };
    const decision = { name: tool, tool: over, input, effect: right.effect, ...asked };
    if (options.inRun === undefined) return calls.call({ ...decision, use: use(scope.owner) }, scope);
    if (scope.run === undefined)
      throw refused(`The tool ${tool} works in the workspace of a run, and there is none`, { server: name, tool });
    const inRun = options.inRun(scope.run, right.readOnly, asks.setup);
    let used: Promise<unknown> = Promise.resolve();
    const watched: UseConnection = (work, signal) => {
      const one = inRun(work, signal);
      used = one;
      return one;
    };
    // Its workspace cannot be kept open while people think, so nobody is asked.
    const result = await calls.call({ ...decision, use: watched }, { ...scope, asker: undefined });
    // What it left is kept before the call is over. Where it cannot be, the call has happened all the same.
    await used.catch((error: unknown) => {
      throw scope.signal.aborted || right.effect === 'repeatable' ? error : cannotGoOn(tool, error);
    });
    return result;
  }

  return {
    governed,
    ownerOf: (run) => (server.transport === 'http' ? ownerOf(server, run) : NOBODY),
    ownerFor({ tenant = 'default', subject }) {
      const auth = server.transport === 'http' ? server.auth : undefined;
      if (auth?.type !== 'oauth') return NOBODY;
      if (auth.subject === 'shared') return { tenant, subject: '' };
      if (subject === undefined || subject === '')
        throw new TypeError(`The MCP server ${name} is used as somebody who has signed in: say as whom, with subject`);
      return { tenant, subject };
    },
    entry: (instance) => ({
      connect: options.connect(ownerOfInstance(instance)),
      limits,
      setup: asks.setup,
      events: {
        oddity,
        listChanged(what) {
          if (what === 'tools') lists.changed();
        },
      },
    }),
    use: (owner) => async (work, signal) => {
      await refuseServer(signal);
      return use(owner)(work, signal);
    },
    get last() {
      return lists.last;
    },
    get protocol() {
      return protocol;
    },
    list,
    giveUp: ({ name: tool }, state, reason) => (calls.giveUp(state, reason) ? cannotGoOn(tool, reason) : reason),
    repin: lists.repin,

    async call(call, scope) {
      const { continues } = call;
      if (isSignInTool(name, call)) return callSignInTool({ server: name, continues, list: () => list(scope) });
      try {
        return await callTool(call, scope);
      } catch (error) {
        // What its server said before the call was decided about.
        const needs = scope.asker === undefined ? undefined : signInAgain(error, continues);
        if (needs === undefined) throw error;
        return needs;
      }
    },
  };
}

/** @throws {PrusikError} where the tool is not there, or not the one that was decided about. */
function offeredAs(offer: Offer, server: string, { name, hash }: SourcedCall): OfferedTool {
  const offered = offer.tools.get(name);
  const meta = { server, tool: name };
  if (offered === undefined) {
    const withheld = offer.withheld.find(({ tool }) => tool === name);
    if (withheld === undefined)
      throw new PrusikError('MCP_TOOL_UNKNOWN', `The MCP server ${server} has no tool ${name}`, { meta });
    const code = withheld.code === 'MCP_TOOL_CHANGED' ? 'MCP_TOOL_CHANGED' : 'MCP_TOOL_REFUSED';
    throw new PrusikError(code, `The tool ${name} is withheld: ${withheld.reason}`, { meta });
  }
  if (offered.right.hash !== hash)
    throw new PrusikError('MCP_TOOL_CHANGED', `The tool ${name} is not the one that was called: it has changed since`, {
      meta,
    });
  return offered;
}

const refused = (message: string, meta: Readonly<Record<string, string>>): PrusikError =>
  new PrusikError('MCP_TOOL_REFUSED', message, { meta });
