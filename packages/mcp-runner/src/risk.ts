/** How much a server could do, by what is so and not by what it says. */
export type RiskTier = 'low' | 'medium' | 'high';

/** What is known of a server before it is started. */
export type ServerPlace =
  | {
      readonly transport: 'stdio';
      /** Files and processes of the host are out of its reach, as the sandbox has to prove. */
      readonly isolated: boolean;
      /** It may use the network of this machine. */
      readonly network: boolean;
    }
  | {
      readonly transport: 'http';
      readonly origin: string;
      /** Private addresses, of this machine and its network, are refused. */
      readonly publicOnly: boolean;
    };

/**
 * `low`: a process that is isolated and has no network. `medium`: one with network, or a public server over TLS. `high`: a process that nothing contains, a
 * connection that can be read on its way, a server in the private network.
 */
export function riskOf(place: ServerPlace): RiskTier {
  if (place.transport === 'stdio') return !place.isolated ? 'high' : place.network ? 'medium' : 'low';
  return place.publicOnly && place.origin.startsWith('https://') ? 'medium' : 'high';
}
