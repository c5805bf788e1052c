import type {
  Clock,
  CredentialStore,
  Logger,
  RunInfo,
  Sandbox,
  SandboxLevel,
  SandboxMount,
  WorkspaceSource,
} from '@prusik/core';
import type { McpApproval, McpPolicy, ToolRules } from './govern.ts';
import type { McpLimits } from './limits.ts';
import type { PinStore } from './pins.ts';
import type { RiskTier } from './risk.ts';
import type { McpSampling } from './sampling.ts';
import type { TraceFields } from './trace-meta.ts';

/** What {@link mcpRunner} takes. */
export interface McpRunnerOptions {
  /** By name: 1 to 32 lower-case letters, digits and `-`. Tools are called `<server>_<tool>`. */
  readonly servers: Readonly<Record<string, McpServer>>;
  /** Where servers over stdio run, one process each. */
  readonly sandbox?: Sandbox;
  /** Where tokens live. @default in memory */
  readonly credentials?: CredentialStore;
  /** Decides about each server before it is started, about each tool when it is listed, and again before each call. @default all are allowed */
  readonly policy?: McpPolicy;
  /** Whether a person is asked before a call, by the risk of the server. @default `{ low: 'never', medium: 'once', high: 'always' }` */
  readonly approvals?: Partial<Readonly<Record<RiskTier, McpApproval>>>;
  /** What tools were like when somebody began to rely on them. @default in memory: {@link filePins} makes it last */
  readonly pins?: PinStore;
  /** `trust`: a tool that is seen for the first time is pinned and offered; `ask`: it is withheld until it is approved. @default 'trust' */
  readonly firstSight?: 'trust' | 'ask';
  /** Bounds of all servers that say nothing else. */
  readonly limits?: Partial<McpLimits>;
  /** Told what a person could want to know of a server and what costs nothing: lines that are no message, late answers, questions that were not passed on. */
  readonly onOddity?: (server: string, text: string) => void;
  /** Takes lines for operators: servers that start, stop, fail and wait to be started again, and how many oddities there were, without their texts. @default none are written */
  readonly logger?: Logger;
  /**
   * Asked for each call that its engine has no place in a trace for (`trace` of its scope, which goes with the call by itself); what it gives goes with the call, as
   * `traceparent`, `tracestate` and `baggage` of its `_meta`. @default none
   */
  readonly traceContext?: TraceFields;
  /** @default the system's */
  readonly clock?: Clock;
}

/** One MCP server. */
export type McpServer = StdioServer | HttpServer;

interface ServerOptions extends ToolRules {
  /** The revision of the protocol. @default 'auto': the newest that both speak */
  readonly protocol?: 'auto' | '2025-11-25' | '2026-07-28';
  readonly limits?: Partial<McpLimits>;
  /** Whether a question of the server is asked of a person, or declined. @default 'ask' */
  readonly elicitation?: 'ask' | 'decline';
  /** Offers what the server has to read as two tools, `list_resources` and `read_resource`. @default they are not offered */
  readonly resources?: 'tools';
  /** Lets the server ask a model, at the cost of the run that calls it. @default it may not */
  readonly sampling?: McpSampling;
}

/** A server that is a program: it runs in a sandbox. */
export interface StdioServer extends ServerOptions {
  readonly transport: 'stdio';
  /** A program inside the sandbox, by its path there or by a name in its `PATH`. In bubblewrap these are the host's below `/usr`, and what `mounts` brings. */
  readonly command: string;
  readonly args?: readonly string[];
  /** Variables of the process. Nothing is taken from the host's environment. A function is asked at each start, so that no secret is kept. */
  readonly env?: Readonly<Record<string, string | SecretOf>>;
  /** Folders of the host that it may read. @default none */
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
  /** Where it is: `https:`, unless `network` says more. Only its origin is ever given its credentials. */
  readonly url: string;
  /**
   * Where it may be, with everything that it refers to. `public`: at addresses of the internet, with TLS; `private`: at those of this machine and its networks too,
   * without TLS only on this machine; `plain`: the same, and without TLS everywhere. Metadata services of clouds, link-local and multicast never.
   *
   * @default 'public'
   */
  readonly network?: 'public' | 'private' | 'plain';
  /** Authorities that vouch for it besides the public ones, as PEM. */
  readonly ca?: string;
  /** Who calls it. @default nobody */
  readonly auth?: HttpAuth;
}

/** How a server over HTTP knows who calls it. */
export type HttpAuth =
  /** A token that somebody else looks after. */
  | { readonly type: 'bearer'; readonly token: SecretOf }
  /** A header of the server's own, such as `x-api-key`. */
  | { readonly type: 'header'; readonly name: string; readonly value: SecretOf }
  | OAuthSignIn
  | OAuthClient;

/** A person signs in with a browser: authorization code with PKCE. Until then a call is `MCP_SIGN_IN_REQUIRED`. */
export interface OAuthSignIn {
  readonly type: 'oauth';
  /**
   * Whose tokens a run uses: what you call the person for whom it runs, from its context; or `shared`: everybody of the tenant calls the server as whoever
   * signed in last. There is no default, since a wrong one would lend one person's rights to another.
   */
  readonly subject: 'shared' | ((run: RunInfo) => string);
  /** A registration made by hand. Without it the metadata document is used where the authorization server takes one, and else registration on the fly. */
  readonly client?: OAuthRegistration;
  /** Address of a client id metadata document: `https:`, with a path. */
  readonly clientMetadataUrl?: string;
  /** What people are shown as the client's name. @default 'Prusik' */
  readonly clientName?: string;
  /** Asked for in place of what the server says. */
  readonly scope?: string;
}

/** The program itself signs in: client credentials. */
export interface OAuthClient {
  readonly type: 'oauth-client';
  readonly client: Required<OAuthRegistration>;
  /** Asked for in place of what the server says. */
  readonly scope?: string;
}

/** A client that was registered by hand. */
export interface OAuthRegistration {
  readonly id: string;
  readonly secret?: SecretOf;
  /** The authorization server that it was registered with: it is shown to no other. */
  readonly issuer: string;
}

/** Asked when it is needed, and not kept. */
export type SecretOf = () => string | Promise<string>;
