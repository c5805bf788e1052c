import type { Clock, CredentialStore, Sandbox, SandboxLevel, SandboxMount, WorkspaceSource } from '@prusik/core';
import type { McpLimits } from './limits.ts';
import type { SamplingOptions } from './sampling.ts';
import type { TraceContext } from './trace-meta.ts';

/** What {@link mcpRunner} takes. */
export interface McpRunnerOptions {
  /** By name: 1 to 32 lower-case letters, digits and `-`. Tools are called `<server>_<tool>`. */
  readonly servers: Readonly<Record<string, McpServer>>;
  /** Where servers over stdio run, one process each. */
  readonly sandbox?: Sandbox;
  /** Where tokens live. @default in memory */
  readonly credentials?: CredentialStore;
  /** Bounds of all servers that say nothing else. */
  readonly limits?: Partial<McpLimits>;
  /** Asked for each call; what it gives goes with the call, as `traceparent`, `tracestate` and `baggage` of its `_meta`. @default none */
  readonly traceContext?: TraceContext;
  /** @default the system's */
  readonly clock?: Clock;
}

/** One MCP server. */
export type McpServer = StdioServer | HttpServer;

interface ServerOptions {
  /** The revision of the protocol. @default 'auto': the newest that both speak */
  readonly protocol?: 'auto' | '2025-11-25' | '2026-07-28';
  readonly limits?: Partial<McpLimits>;
  /** Whether a question of the server is asked of a person, or declined. @default 'ask' */
  readonly elicitation?: 'ask' | 'decline';
  /** Lets the server ask a model, at the cost of the run that calls it. @default it may not */
  readonly sampling?: SamplingOptions;
}

/** A server that is a program: it runs in a sandbox. */
export interface StdioServer extends ServerOptions {
  readonly transport: 'stdio';
  readonly command: string;
  readonly args?: readonly string[];
  /** Variables of the process. Nothing is taken from the host's environment. A function is asked at each start, so that no secret is kept. */
  readonly env?: Readonly<Record<string, string | SecretOf>>;
  readonly mounts?: readonly SandboxMount[];
  /** Another sandbox than the runner's. */
  readonly sandbox?: Sandbox;
  /** The least that the sandbox has to hold. Lower it to run a server that nothing contains. @default `{ files: 'enforced', processes: 'enforced' }` */
  readonly require?: Partial<SandboxLevel>;
  /** `own`: a workspace of the server's; `run`: that of the run that calls, with a process for each call. @default 'own' */
  readonly workspace?: 'own' | 'run';
  /** What its own workspace begins with, such as what {@link installServer} has left. Another source begins another workspace. @default nothing */
  readonly from?: WorkspaceSource;
  /** `host`: it may use the network as this machine does, its loopback included. @default 'none' */
  readonly network?: 'none' | 'host';
}

/** A server that is reached over Streamable HTTP. */
export interface HttpServer extends ServerOptions {
  readonly transport: 'http';
  readonly url: string;
}

/** Asked when it is needed, and not kept. */
export type SecretOf = () => string | Promise<string>;
