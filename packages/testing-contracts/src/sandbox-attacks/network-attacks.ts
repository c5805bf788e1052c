import { readFileSync } from 'node:fs';
import { reaches, systemCall, type SandboxAttack } from './attack.ts';
import { outsideAddress } from './host.ts';

const noAddress = (): string | undefined =>
  outsideAddress() === undefined ? 'this machine has no address besides loopback' : undefined;

/** A row for everything, `00000000` as its destination. */
const noRoute = (): string | undefined =>
  /^\S+\t00000000\t/m.test(readFileSync('/proc/net/route', 'latin1')) ? undefined : 'this machine has no way outside';

export const NETWORK_ATTACKS: readonly SandboxAttack[] = [
  reaches(
    "SBX-6: a command cannot connect to the host's loopback",
    'socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, sockaddr_in($ARGV[0], inet_aton("127.0.0.1")))',
  ),
  reaches(
    'SBX-6: a command cannot connect to an address of the network',
    'socket(my $s, PF_INET, SOCK_STREAM, 0); connect($s, sockaddr_in($ARGV[0], inet_aton($ARGV[4])))',
    noAddress,
  ),
  reaches(
    'SBX-6: a command cannot send a packet to the host',
    'socket(my $s, PF_INET, SOCK_DGRAM, 0); send($s, "x", 0, sockaddr_in($ARGV[1], inet_aton("127.0.0.1")))',
  ),
  reaches(
    'SBX-6: a command cannot send a packet to an address of the network',
    'socket(my $s, PF_INET, SOCK_DGRAM, 0); send($s, "x", 0, sockaddr_in($ARGV[1], inet_aton($ARGV[4])))',
    noAddress,
  ),
  // An address of the documentation's own, which nobody has; that the kernel would send there is the goal.
  systemCall(
    'SBX-6: a command cannot ask a name server',
    'do { socket(my $s, PF_INET, SOCK_DGRAM, 0); send($s, "x", 0, sockaddr_in(53, inet_aton("192.0.2.1"))) // -1 }',
    noRoute,
  ),
  reaches(
    'SBX-6: a command cannot connect to a unix socket of the host',
    'socket(my $s, PF_UNIX, SOCK_STREAM, 0); connect($s, sockaddr_un($ARGV[2]))',
  ),
  reaches(
    'SBX-6: a command cannot connect to an abstract unix socket of the host',
    'socket(my $s, PF_UNIX, SOCK_STREAM, 0); connect($s, pack("S a*", PF_UNIX, "\\0$ARGV[3]"))',
  ),
  // KOBJECT_UEVENT: what is plugged in, unplugged, mounted.
  systemCall("SBX-6: a command cannot listen to the kernel's events", 'syscall(41, 16, 2, 15)'),
];
