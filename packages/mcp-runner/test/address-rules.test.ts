import { describe, expect, it } from 'vitest';
import { classOfAddress, hostOf, isPortAllowed, reachOf } from '../src/address-rules.ts';

describe('MCP-4: an address is', () => {
  it.each([
    ['public', '1.1.1.1', '8.8.8.8', '172.15.255.255', '172.32.0.0', '100.63.255.255', '100.128.0.0', '192.0.1.1'],
    ['public', '2606:4700::1111', '2a00:1450:4001::200e', '2001:200::1', '2001:4860:4860::8888'],
    ['public', '::ffff:8.8.8.8', '64:ff9b::808:808', '2002:808:808::1'],
    ['loopback', '127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'],
    [
      'private',
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.255',
      '192.168.1.1',
      '100.64.0.1',
      '198.18.0.1',
      '198.19.255.255',
    ],
    ['private', 'fc00::1', 'fd12:3456::1'],
    ['forbidden', '0.0.0.0', '0.1.2.3', '169.254.169.254', '192.0.0.192', '192.0.2.1', '192.88.99.1', '198.51.100.7'],
    ['forbidden', '203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
    ['forbidden', '100.100.100.200', '168.63.129.16', 'fd00:ec2::254'],
    [
      'forbidden',
      '::',
      '::127.0.0.1',
      '100::1',
      'fe80::1',
      'fec0::1',
      'ff02::1',
      '2001::1',
      '2001:10::1',
      '2001:db8::1',
    ],
    ['forbidden', '3fff::1', '4000::1', '64:ff9b:1::1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:10.0.0.1'],
    ['forbidden', '::ffff:0:7f00:1', '64:ff9b::7f00:1', '64:ff9b::a9fe:a9fe', '2002:7f00:1::', '2002:a00:1::1'],
    ['forbidden', 'fe80::1%eth0', '::1%lo', 'localhost', '', '127.1', '1.2.3.4.5', '[::1]'],
  ])('%s: %s %s %s %s %s %s %s', (kind, ...addresses) => {
    for (const address of addresses) expect([address, classOfAddress(address)]).toEqual([address, kind]);
  });
});

it('MCP-4: every spelling of an address is that address', () => {
  const spellings = ['127.1', '2130706433', '0x7f.1', '017700000001', '①②⑦.⓪.⓪.①', '127.0.0.1.', '127。0。0。1'];

  const hosts = spellings.map((spelling) => hostOf(new URL(`http://${spelling}/`)).address);

  expect(new Set(hosts)).toEqual(new Set(['127.0.0.1']));
  expect(hostOf(new URL('http://0/'))).toEqual({ name: '0.0.0.0', address: '0.0.0.0' });
  expect(hostOf(new URL('http://[::FFFF:127.0.0.1]/'))).toEqual({ name: '::ffff:7f00:1', address: '::ffff:7f00:1' });
  expect(hostOf(new URL('http://localhost./'))).toEqual({ name: 'localhost.' });
});

it('MCP-4: what a server says of its network decides what is dialled, and without TLS only what is said outright', () => {
  const reach = (network: 'public' | 'private' | 'plain', address: string, protocol = 'https:') =>
    reachOf({ address, protocol, network }) === 'reachable';
  const addresses = ['8.8.8.8', '127.0.0.1', '10.0.0.1', '169.254.169.254'];

  const table = (['public', 'private', 'plain'] as const).map((network) => ({
    network,
    tls: addresses.map((address) => reach(network, address)),
    plain: addresses.map((address) => reach(network, address, 'http:')),
  }));

  expect(table).toEqual([
    { network: 'public', tls: [true, false, false, false], plain: [false, false, false, false] },
    { network: 'private', tls: [true, true, true, false], plain: [false, true, false, false] },
    { network: 'plain', tls: [true, true, true, false], plain: [true, true, true, false] },
  ]);
});

it('MCP-4: HTTP is not spoken to ports of other protocols', () => {
  const own = new URL('https://example.com:443/mcp');
  const allowed = (port: string) => isPortAllowed(new URL(`https://auth.example.com${port}`), own);

  expect(['', ':443', ':8443', ':1024', ':65535'].map(allowed)).toEqual([true, true, true, true, true]);
  expect([':22', ':25', ':80', ':389', ':6667', ':10080', ':5060'].map(allowed)).toEqual(Array(7).fill(false));
  expect(isPortAllowed(new URL('https://example.com:81/'), new URL('https://example.com:81/mcp'))).toBe(true);
});
