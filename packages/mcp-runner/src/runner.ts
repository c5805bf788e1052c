import { randomUUID } from 'node:crypto';
import {
  createCleanup,
  hashJson,
  randomId,
  safeLogger,
  systemClock,
  type Logger,
  type Sandbox,
  type ToolSource,
} from '@prusik/core';
import { checkRunnerOptions } from './check-runner-options.ts';
import { connectStdio } from './connect-stdio.ts';
import { memoryCredentials } from './credentials-memory.ts';
import { createEraVerdicts } from './era-verdicts.ts';
import { DEFAULT_APPROVALS, type Governed } from './govern.ts';
import { createHttpServers } from './http-servers.ts';
import { DEFAULT_LIMITS, type McpLimits } from './limits.ts';
import { createManagedServer, type ManagedServer, type McpCaller } from './mcp-server.ts';
import { withPins } from './offer.ts';
import type { McpRunnerOptions, McpServer, StdioServer } from './options.ts';
import { memoryPins } from './pins.ts';
import { createPool, type Pool } from './pool.ts';
import { createPrompts, type McpPrompts } from './prompts.ts';
import { createResources, type McpResources, type ReadServerOptions } from './resources.ts';
import { riskOf, type ServerPlace } from './risk.ts';
import { createRunWorkspaceUses } from './run-workspace-uses.ts';
import { sdkTool, type AnswerNeed, type McpToolSet } from './sdk-tools.ts';
import { serverState, type McpServerState } from './server-state.ts';
import type { SignIn } from './sign-in.ts';
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
  review(server: string, options?: McpCaller & { readonly signal?: AbortSignal }): Promise<readonly ToolChange[]>;
  /**
   * Pins what was reviewed, and nothing that the server has made of it since. Some of the changes may be left out.
   *
   * @throws {TypeError} for changes of another server, or that are none.
   */
  approve(server: string, changes: readonly ToolChange[]): Promise<void>;
  /** What a server has to read. @throws {TypeError} for a server that there is none of, or that is used as somebody who is not named. */
  resources(server: string, caller?: McpCaller): McpResources;
  /** Prompts that a server has written. @throws {TypeError} as {@link McpRunner.resources}. */
  prompts(server: string, caller?: McpCaller): McpPrompts;
  /** How people sign in at servers over HTTP. */
  readonly signIn: SignIn;
}

/** What {@link McpRunner.tools} takes. */
export interface McpToolsOptions extends McpCaller {
  /** @default all */
  readonly servers?: readonly string[];
  /** Leaves out servers that cannot be used; `servers()` says why. @default false */
  readonly partial?: boolean;
  /** Answers what a server asks while it executes a call. @default nobody is there */
  readonly answer?: AnswerNeed;
  readonly signal?: AbortSignal;
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
  const { credentials = memoryCredentials() } = options;
  const log = options.logger && safeLogger(options.logger);
  const onOddity = options.onOddity ?? (log && countOddities(log));
  const verdicts = createEraVerdicts(clock);
  const http = createHttpServers({
    servers: new Map(
      Object.entries(options.servers).flatMap(([name, one]) => (one.transport === 'http' ? [[name, one]] : [])),
    ),
    limitsOf: (name) => limitsOf(options.limits, options.servers[name]?.limits),
    credentials,
    verdicts,
    clock,
  });
  const inRuns = createRunWorkspaceUses();
  const servers = new Map(Object.entries(options.servers).map(([name, server]) => [name, manage(name, server)]));
  const pool: Pool = createPool({
    open: ({ server, instance }) => managed(server).entry(instance),
    log,
    clock,
    random: Math.random,
  });

  function manage(name: string, server: McpServer): ManagedServer {
    const limits = limitsOf(options.limits, server.limits);
    const governed = governedAs(name, server, options);
    const start = { name, limits, verdicts, clock, log };
    const oddity = (text: string): void => told(onOddity, name, text);
    // It lives for one call.
    const events = { oddity, listChanged() {} };
    return createManagedServer({
      ...options,
      server,
      governed,
      pool: () => pool,
      connect: (owner) =>
        server.transport === 'http'
          ? http.connect(name, owner)
          : connectStdio({ ...start, server, sandbox: sandboxOf(server), instance: '' }),
      inRun:
        server.transport === 'stdio' && server.workspace === 'run'
          ? (scope, readOnly, setup) =>
              inRuns.of({ ...start, server, sandbox: sandboxOf(server), setup, events }, scope, readOnly)
          : undefined,
      policy: options.policy,
      pins,
      firstSight: options.firstSight ?? 'trust',
      limits,
      clock,
      newId: randomId,
      traceContext: options.traceContext,
      oddity,
    });
  }

  /** Checked with the options. */
  const sandboxOf = (server: StdioServer): Sandbox => (server.sandbox ?? options.sandbox) as Sandbox;

  /** @throws {TypeError} */
  function managed(name: string): ManagedServer {
    const server = servers.get(name);
    if (server === undefined)
      throw new TypeError(
        `There is no MCP server ${JSON.stringify(name)}; there are ${[...servers.keys()].join(', ')}`,
      );
    return server;
  }

  function reading(name: string, caller: McpCaller): ReadServerOptions {
    const server = managed(name);
    return {
      server: name,
      limits: limitsOf(options.limits, options.servers[name]?.limits),
      clock,
      use: server.use(server.ownerFor(caller)),
    };
  }

  const chosen = (names: readonly string[] | undefined): ReadonlyMap<string, ManagedServer> =>
    names === undefined ? servers : new Map(names.map((name) => [name, managed(name)]));

  return {
    async tools({ servers: names, partial = false, answer, signal = new AbortController().signal, ...caller } = {}) {
      const asker = answer === undefined ? undefined : randomUUID();
      const sets = await Promise.all(
        [...chosen(names).values()].map(async (server) => {
          const owner = server.ownerFor(caller);
          const listed = server.list({ signal, owner });
          const offer = partial ? await listed.catch(() => undefined) : await listed;
          return [...(offer?.tools ?? [])].map(
            ([name, { sourced, tool }]) =>
              [name, sdkTool({ tool: sourced, called: tool.name, server, owner, answer, asker })] as const,
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
        serverState(
          server,
          states.filter((one) => one.server === name),
        ),
      );
    },

    async review(name, { signal = new AbortController().signal, ...caller } = {}) {
      const server = managed(name);
      const { present } = await server.list({ signal, owner: server.ownerFor(caller) });
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

    resources: (name, caller = {}) => createResources(reading(name, caller)),
    prompts: (name, caller = {}) => createPrompts({ ...reading(name, caller), newId: randomId }),
    signIn: http.signIn,

    async [Symbol.asyncDispose]() {
      const cleanup = createCleanup();
      cleanup.add('sign-ins', () => http.close());
      cleanup.add('servers', () => Promise.all([pool[Symbol.asyncDispose](), inRuns.close()]).then(() => {}));
      await cleanup.run();
    },
  };
}

/** What it throws is its own affair. */
function told(onOddity: ((server: string, text: string) => void) | undefined, server: string, text: string): void {
  try {
    onOddity?.(server, text);
  } catch {
    // Whoever only watches breaks nothing.
  }
}

/** What a server says is content: only that it said something odd is told, and how often so far, at powers of ten. */
function countOddities(log: Logger): (server: string) => void {
  const counts = new Map<string, number>();
  return (server) => {
    const count = (counts.get(server) ?? 0) + 1;
    counts.set(server, count);
    if (/^10*$/.test(String(count)))
      log.warn({ event: 'mcp-oddity', server, count }, 'An MCP server did something odd');
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

/** @throws {TypeError} */
function checkChange(server: string, { server: of, tool, change, definition }: ToolChange): void {
  if (of !== server) throw new TypeError(`A change of the MCP server ${of} cannot be approved for ${server}`);
  if (
    (definition === undefined) !== (change === 'removed') ||
    (definition !== undefined && definition['name'] !== tool)
  )
    throw new TypeError(`What is to be approved for the tool ${tool} is no change as review() gives it`);
}
