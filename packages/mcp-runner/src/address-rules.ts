import { BlockList, isIP } from 'node:net';

/**
 * What an address is good for. `private` is reached only by a server that says so; `forbidden` is reached by none: it is nobody's service, or the metadata
 * of a cloud, which hands out credentials to whoever asks.
 */
export type AddressClass = 'public' | 'loopback' | 'private' | 'forbidden';

/**
 * What the IPv4 Special-Purpose Address Registry of IANA (RFC 6890 and what came after it, up to RFC 9637 of 2024) does not call globally reachable, its anycast
 * blocks, and multicast. https://www.iana.org/assignments/iana-ipv4-special-registry
 */
const FORBIDDEN_V4 = [
  '0.0.0.0/8', // this network; on Linux 0.0.0.0 dials the host itself
  '169.254.0.0/16', // link-local, the metadata service of most clouds
  '192.0.0.0/24', // IETF protocol assignments
  '192.0.2.0/24', // TEST-NET-1
  '192.31.196.0/24', // AS112
  '192.52.193.0/24', // AMT
  '192.88.99.0/24', // 6to4 relay anycast
  '192.175.48.0/24', // AS112 direct delegation
  '198.51.100.0/24', // TEST-NET-2
  '203.0.113.0/24', // TEST-NET-3
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and limited broadcast
  // Metadata services that stand in ranges of another class.
  '100.100.100.200/32', // Alibaba
  '168.63.129.16/32', // Azure
];

const PRIVATE_V4 = [
  '10.0.0.0/8', // RFC 1918
  '100.64.0.0/10', // shared address space of carriers
  '172.16.0.0/12', // RFC 1918
  '192.168.0.0/16', // RFC 1918
  '198.18.0.0/15', // benchmarking
];

/**
 * The same for IPv6. Only 2000::/3 is given out at all, so everything outside of it is forbidden without being listed.
 * https://www.iana.org/assignments/iana-ipv6-special-registry
 */
const FORBIDDEN_V6 = [
  '2001::/23', // IETF protocol assignments: Teredo, benchmarking, AMT, ORCHID
  '2001:db8::/32', // documentation
  '2620:4f:8000::/48', // AS112
  '3fff::/20', // documentation
  'fd00:ec2::254/128', // metadata of AWS
];

/** Of addresses that hold one of IPv4: what they reach is what that reaches. Offset of it, in groups of 16 bits. */
const HOLDS_V4: readonly (readonly [range: string, group: number])[] = [
  ['::ffff:0:0/96', 6], // IPv4-mapped
  ['::ffff:0:0:0/96', 6], // IPv4-translated
  ['64:ff9b::/96', 6], // NAT64
  ['2002::/16', 1], // 6to4
];

const rangesOf = (ranges: readonly string[], family: 'ipv4' | 'ipv6'): BlockList => {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/');
    list.addSubnet(network, Number(prefix), family);
  }
  return list;
};

const forbidden4 = rangesOf(FORBIDDEN_V4, 'ipv4');
const private4 = rangesOf(PRIVATE_V4, 'ipv4');
const loopback4 = rangesOf(['127.0.0.0/8'], 'ipv4');
const forbidden6 = rangesOf(FORBIDDEN_V6, 'ipv6');
const private6 = rangesOf(['fc00::/7'], 'ipv6');
const loopback6 = rangesOf(['::1/128'], 'ipv6');
const global6 = rangesOf(['2000::/3'], 'ipv6');
const holdsV4 = HOLDS_V4.map(([range, group]) => ({ range: rangesOf([range], 'ipv6'), group }));

/** The class of an IP address, as a resolver or a socket writes it; of what is none, `forbidden`. */
export function classOfAddress(address: string): AddressClass {
  // A zone names an interface of this machine.
  if (address.includes('%')) return 'forbidden';
  const version = isIP(address);
  if (version === 4) return classOfV4(address);
  return version === 6 ? classOfV6(address) : 'forbidden';
}

function classOfV4(address: string): AddressClass {
  if (forbidden4.check(address, 'ipv4')) return 'forbidden';
  if (loopback4.check(address, 'ipv4')) return 'loopback';
  return private4.check(address, 'ipv4') ? 'private' : 'public';
}

function classOfV6(address: string): AddressClass {
  const held = holdsV4.find(({ range }) => range.check(address, 'ipv6'));
  if (held !== undefined) {
    // A translator of the network stands between: what is within this machine or its network is not meant to be reached through one.
    const inner = classOfV4(v4At(groupsOf(address), held.group));
    return inner === 'public' ? 'public' : 'forbidden';
  }
  if (loopback6.check(address, 'ipv6')) return 'loopback';
  if (forbidden6.check(address, 'ipv6')) return 'forbidden';
  if (private6.check(address, 'ipv6')) return 'private';
  return global6.check(address, 'ipv6') ? 'public' : 'forbidden';
}

/** The eight groups of an IPv6 address: the URL parser writes every spelling in one way, with the dotted end as groups. */
function groupsOf(address: string): readonly number[] {
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const numbers = (part: string | undefined) =>
    part ? part.split(':').map((group) => Number.parseInt(group, 16)) : [];
  const before = numbers(head);
  const after = numbers(tail);
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function v4At(groups: readonly number[], at: number): string {
  const [high = 0, low = 0] = groups.slice(at);
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/**
 * Where a server may be. `public`: addresses of the internet, with TLS. `private`: those of this machine and its networks too; without TLS only this machine's
 * own. `plain`: the same, and without TLS everywhere.
 */
export type Network = 'public' | 'private' | 'plain';

/** `reachable`, or why an address is not dialled. */
export function reachOf({
  address,
  protocol,
  network,
}: {
  readonly address: string;
  readonly protocol: string;
  readonly network: Network;
}): string {
  const kind = classOfAddress(address);
  if (kind === 'forbidden' || (network === 'public' && kind !== 'public')) return `the address is ${kind}`;
  const isPlainAllowed = network === 'plain' || (network === 'private' && kind === 'loopback');
  return protocol === 'https:' || isPlainAllowed ? 'reachable' : 'http without TLS';
}

/** The host of a URL, and the address if it is one: the URL parser has made all spellings of an address one. */
export function hostOf(url: URL): { readonly name: string; readonly address?: string } {
  const name = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
  return isIP(name) === 0 ? { name } : { name, address: name };
}

/** From where on a port is anybody's; below, only what is said is dialled. */
const FIRST_UNPRIVILEGED = 1_024;

/** Ports that speak something else in which an HTTP request could do harm, of those from 1,024 on: the list of the Fetch standard. */
const BAD_PORTS: ReadonlySet<number> = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
]);

/** Whether HTTP may be spoken to a port: the default one, the one of the server's own address, or an unprivileged one that is not another protocol's. */
export function isPortAllowed(url: URL, own: URL): boolean {
  if (url.port === '' || url.port === own.port) return true;
  const port = Number(url.port);
  return port >= FIRST_UNPRIVILEGED && !BAD_PORTS.has(port);
}
