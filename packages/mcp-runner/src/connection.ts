import type { Client, ClientCapabilities, Implementation, ServerCapabilities } from '@modelcontextprotocol/client';
import type { PrusikError } from '@prusik/core';

/** A server that has answered the handshake. Whoever holds it uses the SDK's client of it for requests of its own; it is closed by the pool alone. */
export interface Connection {
  readonly client: Client;
  readonly protocol: { readonly version: string; readonly era: 'legacy' | 'modern' };
  readonly server: Implementation | undefined;
  readonly capabilities: ServerCapabilities;
  readonly instructions: string | undefined;
  /** Resolves once it is over, whoever ended it, with the error that requests in flight are to be told, as if they had not been sent. */
  readonly ended: Promise<PrusikError>;
  /** When the server was last heard, by the monotonic clock. */
  heardAt(): number;
  /** Ends it within the ladder's time. Never rejects; idempotent. */
  close(): Promise<void>;
}

/** What a connection tells to whoever opened it. */
export interface ConnectionEvents {
  /** The server says that a list of its is another now. */
  listChanged(what: 'tools' | 'resources' | 'prompts'): void;
  /** What a person could want to know of: garbage, late answers; cut and without secrets. */
  oddity(text: string): void;
}

/** What a client offers to its server. */
export interface ClientSetup {
  readonly capabilities: ClientCapabilities;
  /** Sets the handlers of what is declared, before the handshake. `directory`: of its workspace, as the server sees it, where it has one. */
  prepare(client: Client, directory?: string): void;
}

/** What a server is opened with. */
export interface ConnectOptions {
  readonly signal: AbortSignal;
  readonly events: ConnectionEvents;
  readonly setup: ClientSetup;
}

/** Starts or reaches the server and shakes hands, within `startMs`. */
export type Connect = (options: ConnectOptions) => Promise<Connection>;
