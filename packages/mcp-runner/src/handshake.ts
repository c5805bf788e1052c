import self from '@prusik/mcp-runner/package.json' with { type: 'json' };
import type { Client, Transport, VersionNegotiationOptions } from '@modelcontextprotocol/client';
import type { ClientSetup, Connection, ConnectionEvents } from './connection.ts';

/** What an oddity's text may say. */
const ODDITY_CHARACTERS = 500;

export interface HandshakeOptions {
  readonly transport: Transport;
  readonly protocol: 'auto' | '2025-11-25' | '2026-07-28';
  /** It is known to speak only the older revisions: it is not asked which. */
  readonly legacy: boolean;
  /** For one question, in milliseconds. Whoever calls bounds all of it, by closing the transport. */
  readonly probeMs: number;
  readonly timeoutMs: number;
  readonly setup: ClientSetup;
  /** Of its workspace, as it sees it. */
  readonly directory?: string;
  readonly events: ConnectionEvents;
}

/** What a handshake makes of a transport. */
export type Handshake = Pick<Connection, 'client' | 'protocol' | 'server' | 'capabilities' | 'instructions'>;

/** The SDK takes a while to load, and a program that calls no server need not wait for it; one that does loads it while the server starts. */
export function preloadClient(): void {
  import('@modelcontextprotocol/client').catch(() => {});
}

/** Starts the transport and shakes hands over it. Rejects as the SDK does; the transport is then closed, or about to be. */
export async function shakeHands(options: HandshakeOptions): Promise<Handshake> {
  const { transport, protocol, legacy, probeMs, timeoutMs, setup, directory, events } = options;
  const sdk = await import('@modelcontextprotocol/client');
  const client = new sdk.Client(
    { name: self.name, version: self.version },
    {
      capabilities: setup.capabilities,
      versionNegotiation: negotiation(protocol, probeMs),
      inputRequired: { autoFulfill: false },
      // What comes back is checked when it is known to be safe, by the runner itself.
      jsonSchemaValidator: {
        getValidator: () => (input: unknown) => ({ valid: true, data: input as never, errorMessage: undefined }),
      },
    },
  );
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- a client has no listeners
  client.onerror = (error) => events.oddity(error.message.slice(0, ODDITY_CHARACTERS));
  hearChanges(client, events);
  setup.prepare(client, directory);
  await client.connect(transport, {
    timeout: timeoutMs,
    ...(legacy && protocol === 'auto' ? { prior: { kind: 'legacy' } } : {}),
  });
  const version = client.getNegotiatedProtocolVersion() ?? '';
  const era = client.getProtocolEra() === 'modern' ? 'modern' : 'legacy';
  if (era === 'modern') listenToChanges(client, timeoutMs, events);
  return {
    client,
    protocol: { version, era },
    server: client.getServerVersion(),
    capabilities: client.getServerCapabilities() ?? {},
    instructions: client.getInstructions(),
  };
}

function negotiation(protocol: HandshakeOptions['protocol'], timeoutMs: number): VersionNegotiationOptions {
  if (protocol === '2025-11-25') return { mode: 'legacy' };
  return { mode: protocol === 'auto' ? 'auto' : { pin: protocol }, probe: { timeoutMs } };
}

/** Not by the SDK's own option: that waits for the subscription before it lets anybody call, and asks for the lists itself. */
function hearChanges(client: Client, { listChanged }: ConnectionEvents): void {
  client.setNotificationHandler('notifications/tools/list_changed', () => listChanged('tools'));
  client.setNotificationHandler('notifications/resources/list_changed', () => listChanged('resources'));
  client.setNotificationHandler('notifications/prompts/list_changed', () => listChanged('prompts'));
}

/** Since 2026-07-28 a server tells of changes only to who asked for that. */
function listenToChanges(client: Client, timeout: number, { oddity }: ConnectionEvents): void {
  const { tools, resources, prompts } = client.getServerCapabilities() ?? {};
  const filter = {
    ...(tools?.listChanged === true ? { toolsListChanged: true } : {}),
    ...(resources?.listChanged === true ? { resourcesListChanged: true } : {}),
    ...(prompts?.listChanged === true ? { promptsListChanged: true } : {}),
  };
  if (Object.keys(filter).length === 0) return;
  client.listen(filter, { timeout }).catch((error: unknown) => {
    oddity(`Changes of its lists are not told: ${String(error).slice(0, ODDITY_CHARACTERS)}`);
  });
}
