import { randomUUID } from 'node:crypto';
import { hashJson, randomId, systemClock, type ToolSource, type WithheldTool } from '@prusik/core';
import { checkRunnerOptions } from './check-runner-options.ts';
import { connectorOf } from './connector.ts';
import { createEraVerdicts } from './era-verdicts.ts';
import { DEFAULT_APPROVALS, type Governed } from './govern.ts';
import { DEFAULT_LIMITS, type McpLimits } from './limits.ts';
import { createManagedServer, type ManagedServer } from './mcp-server.ts';
import { withPins } from './offer.ts';
import type { McpRunnerOptions, McpServer } from './options.ts';
import { memoryPins } from './pins.ts';
import { createPool, type Pool, type PoolState } from './pool.ts';
import { riskOf, type RiskTier, type ServerPlace } from './risk.ts';
import { sdkTool, type AnswerNeed, type McpToolSet } from './sdk-tools.ts';
import { createSource } from './source.ts';
import { toolChanges, type ToolChange } from './tool-changes.ts';

/** Servers of a program, and what may be done with their tools. */
export interface McpRunner extends AsyncDisposable {
  /**
   * Tools for `streamText` and `generateText` of the AI SDK, as they are now. The SDK asks before a call where the rules say so (`needsApproval`).
   *
   * @throws {PrusikError} why a server cannot be used, with its code, unless `partial` is set.
   */
  tools(options?: McpToolsOptions): Promise<McpToolSet>;
  /** The tools as a source for agents, which ask for the list while they run. @throws {TypeError} for a server that there is none of. */
  source(options?: { readonly servers?: readonly string[] }): ToolSource;
  /** How each server stands; asks none of them. */
  servers(): readonly McpServerState[];
  /**
   * How a server's tools differ from what is pinned: what is withheld until somebody approves it, and what is gone.
   *
   * @throws {TypeError} for a server that there is none of.
   * @throws {PrusikError} why it cannot be used, with its code.
   */
  review(server: string, options?: { readonly signal?: AbortSignal }): Promise<readonly ToolChange[]>;
  /**
   * Pins what was reviewed, and nothing that the server has made of it since. Some of the changes may be left out.
   *
   * @throws {TypeError} for changes of another server, or that are none.
   */
  approve(server: string, changes: readonly ToolChange[]): Promise<void>;
}

/** What {@link McpRunner.tools} takes. */
export interface McpToolsOptions {
  /** @default all */
  readonly servers?: readonly string[];
  /** Leaves out servers that cannot be used; `servers()` says why. @default false */
  readonly partial?: boolean;
  /** Answers what a server asks while it executes a call. @default nobody is there */
  readonly answer?: AnswerNeed;
  readonly signal?: AbortSignal;
}

/** How a server stands. */
export interface McpServerState {
  readonly server: string;
  readonly place: ServerPlace;
  readonly tier: RiskTier;
  /** `failed`: it could not be started, or has ended by itself, and is started again when it is needed. */
  readonly status: 'idle' | 'starting' | 'ready' | 'failed';
  /** Revision of the protocol that was last spoken. */
  readonly protocol?: string;
  /** As models call them; missing until they were first listed. */
  readonly tools?: readonly string[];
  /** What is kept back, and why. */
  readonly withheld: readonly WithheldTool[];
  /** Tools that `allow` and `deny` leave out. */
  readonly leftOut: number;
  /** Calls under way, and calls that wait for their turn. */
  readonly calls: number;
  readonly waiting: number;
  /** Code of why it was last not there. */
  readonly lastError?: string;
  /** It is not started again before. */
  readonly retryAfterMs?: number;
}

/**
 * Servers of the Model Context Protocol, whose tools can be called without trusting them. Nothing is started before it is needed; disposing the runner stops
 * everything. The sandbox and the stores stay the caller's to dispose.
 *
 * @throws {TypeError} naming the option that is wrong.
 */
export function mcpRunner(options: McpRunnerOptions): McpRunner {
  checkRunnerOptions(options);
  const { clock = systemClock, pins = memoryPins() } = options;
  const verdicts = createEraVerdicts(clock);
  const servers = new Map(Object.entries(options.servers).map(([name, server]) => [name, manage(name, server)]));
  const pool: Pool = createPool({ open: ({ server }) => managed(server).entry, clock, random: Math.random });

  function manage(name: string, server: McpServer): ManagedServer {
    const limits = limitsOf(options.limits, server.limits);
    const governed = governedAs(name, server, options);
    return createManagedServer({
      ...options,
      server,
      governed,
      pool: () => pool,
      connect: connectorOf({ name, server, runner: options, limits, verdicts, clock }),
      policy: options.policy,
      pins,
      firstSight: options.firstSight ?? 'trust',
      limits,
      clock,
      newId: randomId,
      traceContext: options.traceContext,
      oddity: () => {},
    });
  }

  /** @throws {TypeError} */
  function managed(name: string): ManagedServer {
    const server = servers.get(name);
    if (server === undefined)
      throw new TypeError(
        `There is no MCP server ${JSON.stringify(name)}; there are ${[...servers.keys()].join(', ')}`,
      );
    return server;
  }

  const chosen = (names: readonly string[] | undefined): ReadonlyMap<string, ManagedServer> =>
    names === undefined ? servers : new Map(names.map((name) => [name, managed(name)]));

  return {
    async tools({ servers: names, partial = false, answer, signal = new AbortController().signal } = {}) {
      const asker = answer === undefined ? undefined : randomUUID();
      const sets = await Promise.all(
        [...chosen(names).values()].map(async (server) => {
          const listed = server.list({ signal });
          const offer = partial ? await listed.catch(() => undefined) : await listed;
          return [...(offer?.tools ?? [])].map(
            ([name, { sourced, tool }]) =>
              [name, sdkTool({ tool: sourced, called: tool.name, server, answer, asker })] as const,
          );
        }),
      );
      signal.throwIfAborted();
      return Object.fromEntries(sets.flat());
    },

    source({ servers: names } = {}) {
      return createSource({ name: sourceName(names), servers: chosen(names) });
    },

    servers: () => {
      const states = pool.states();
      return [...servers].map(([name, server]) =>
        stateOf(
          server,
          states.filter((one) => one.server === name),
        ),
      );
    },

    async review(name, { signal = new AbortController().signal } = {}) {
      const { present } = await managed(name).list({ signal });
      return toolChanges(
        name,
        await pins.get(name),
        new Map([...present].map(([tool, { definition }]) => [tool, definition])),
      );
    },

    async approve(name, changes) {
      const server = managed(name);
      for (const change of changes) checkChange(name, change);
      await server.repin((pinned) => {
        const gone = new Set(changes.flatMap(({ change, tool }) => (change === 'removed' ? [tool] : [])));
        const left = Object.fromEntries(Object.entries(pinned).filter(([tool]) => !gone.has(tool)));
        return withPins(
          left,
          changes.flatMap(({ tool, definition }) => (definition === undefined ? [] : [{ name: tool, definition }])),
        );
      });
    },

    [Symbol.asyncDispose]: () => pool[Symbol.asyncDispose](),
  };
}

/** The same for the same servers, and of bounded length. */
function sourceName(servers: readonly string[] | undefined): string {
  if (servers === undefined) return 'mcp';
  const name = `mcp:${servers.join(',')}`;
  return name.length <= 64 ? name : `mcp:${hashJson(servers).slice(-32)}`;
}

function governedAs(server: string, options: McpServer, { approvals }: McpRunnerOptions): Governed {
  const place = placeOf(options);
  return {
    server,
    place,
    tier: riskOf(place),
    rules: options,
    approvals: { ...DEFAULT_APPROVALS, ...defined(approvals) },
  };
}

function placeOf(server: McpServer): ServerPlace {
  if (server.transport === 'http')
    return {
      transport: 'http',
      origin: new URL(server.url).origin,
      publicOnly: (server.network ?? 'public') === 'public',
    };
  const { files = 'enforced', processes = 'enforced' } = server.require ?? {};
  const isolated = files === 'enforced' && processes === 'enforced';
  return { transport: 'stdio', isolated, network: !isolated || server.network === 'host' };
}

const limitsOf = (...said: readonly (Partial<McpLimits> | undefined)[]): McpLimits =>
  said.reduce<McpLimits>((limits, more) => ({ ...limits, ...defined(more) }), DEFAULT_LIMITS);

/** An option that is `undefined` is one that is not said. */
const defined = <T extends object>(said: T | undefined): Partial<T> =>
  Object.fromEntries(Object.entries(said ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;

function stateOf({ governed, last, protocol }: ManagedServer, states: readonly PoolState[]): McpServerState {
  const { server, place, tier } = governed;
  const failed = states.find((one) => one.lastError !== undefined);
  const is = (status: PoolState['status']): boolean => states.some((one) => one.status === status);
  return {
    server,
    place,
    tier,
    status: is('ready') ? 'ready' : is('starting') ? 'starting' : failed === undefined ? 'idle' : 'failed',
    withheld: last?.withheld ?? [],
    leftOut: last?.leftOut ?? 0,
    calls: states.reduce((sum, one) => sum + one.calls, 0),
    waiting: states.reduce((sum, one) => sum + one.waiting, 0),
    ...(protocol === undefined ? {} : { protocol: protocol.version }),
    ...(last === undefined ? {} : { tools: [...last.tools.keys()] }),
    ...(failed?.lastError === undefined ? {} : { lastError: failed.lastError }),
    ...(failed?.retryAfterMs === undefined ? {} : { retryAfterMs: failed.retryAfterMs }),
  };
}

/** @throws {TypeError} */
function checkChange(server: string, { server: of, tool, change, definition }: ToolChange): void {
  if (of !== server) throw new TypeError(`A change of the MCP server ${of} cannot be approved for ${server}`);
  if (
    (definition === undefined) !== (change === 'removed') ||
    (definition !== undefined && definition['name'] !== tool)
  )
    throw new TypeError(`What is to be approved for the tool ${tool} is no change as review() gives it`);
}
