import { expect, it } from 'vitest';
import { seccompFilter } from '../src/seccomp-filter.ts';

const X64 = 0xc000_003e;
const ALLOW = 0x7fff_0000;
const KILL = 0x8000_0000;
const errno = (number: number): number => 0x0005_0000 | number;

/** Runs classic BPF as the kernel does, on one call. */
function decide(call: {
  readonly number: number;
  readonly args?: readonly number[];
  readonly architecture?: number;
}): number {
  const program = Buffer.from(seccompFilter('x64') ?? []);
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.number, 0);
  data.writeUInt32LE(call.architecture ?? X64, 4);
  for (const [index, value] of (call.args ?? []).entries())
    data.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), 16 + 8 * index);
  let accumulator = 0;
  for (let at = 0; at < program.length; at += 8) {
    const value = program.readUInt32LE(at + 4);
    const jump = (taken: boolean): number => 8 * (program[at + (taken ? 2 : 3)] ?? 0);
    switch (program.readUInt16LE(at)) {
      case 0x20:
        accumulator = data.readUInt32LE(value);
        break;
      case 0x15:
        at += jump(accumulator === value);
        break;
      case 0x45:
        at += jump((accumulator & value) !== 0);
        break;
      case 0x06:
        return value;
      default:
        throw new Error(`No such instruction at ${at}`);
    }
  }
  throw new Error('The program does not return');
}

it('SBX-2: ordinary calls pass', () => {
  for (const number of [0, 1, 2, 9, 22, 39, 53, 57, 59, 231, 257, 262, 318, 334])
    expect(decide({ number })).toBe(ALLOW);
});

it('SBX-2: calls of another architecture kill, and x32 calls are unknown', () => {
  expect(decide({ number: 0, architecture: 0x4000_0003 })).toBe(KILL);
  expect(decide({ number: 0x4000_0000 | 39 })).toBe(errno(38));
});

it.each([
  ['ptrace', 101],
  ['process_vm_readv', 310],
  ['add_key', 248],
  ['keyctl', 250],
  ['mount', 165],
  ['move_mount', 429],
  ['setns', 308],
  ['bpf', 321],
  ['io_uring_setup', 425],
  ['userfaultfd', 323],
  ['perf_event_open', 298],
  ['init_module', 175],
  ['open_by_handle_at', 304],
])('SBX-2: %s is denied', (_name, number) => {
  expect(decide({ number })).toBe(errno(1));
});

it.each([
  ['clone into a user namespace', 56, [0x1000_0011], errno(1)],
  ['clone of a thread', 56, [0x3d_0f00], ALLOW],
  ['clone3, whose flags cannot be seen', 435, [], errno(38)],
  ['openat2, whose mode cannot be seen', 437, [], errno(38)],
  ['memfd_create, whose files no limit counts', 319, [], errno(38)],
  ['memfd_secret', 447, [], errno(38)],
  ['unshare of files', 272, [0x400], ALLOW],
  ['unshare of the time namespace', 272, [0x80], errno(1)],
  ['chmod to set-user-id', 90, [0, 0o4755], errno(1)],
  ['chmod to the sticky bit', 90, [0, 0o1777], ALLOW],
  ['fchmodat to set-group-id', 268, [0, 0, 0o2755], errno(1)],
  ['openat that creates a set-user-id file', 257, [0, 0, 0x41, 0o4755], errno(1)],
  ['openat with rubbish for a mode that it does not read', 257, [0, 0, 0, 0o4755], ALLOW],
  ['open with O_TMPFILE and set-user-id', 2, [0, 0x41_0000, 0o4755], errno(1)],
  ['socket of the internet', 41, [2, 1, 0], ALLOW],
  ['socket of IPv6', 41, [10, 2, 0], ALLOW],
  ['unix socket', 41, [1, 1, 0], errno(97)],
  ['packet socket', 41, [17, 3, 0], errno(97)],
  ['netlink for routes', 41, [16, 3, 0], ALLOW],
  ['netlink for anything else', 41, [16, 3, 9], errno(97)],
  ['socketpair', 53, [1, 1, 0], ALLOW],
  ['ioctl TIOCSTI', 16, [0, 0x5412], errno(1)],
  ['ioctl TIOCSTI with rubbish in the high half, which the kernel does not read', 16, [0, 0x1_0000_5412], errno(1)],
  ['ioctl TCGETS', 16, [0, 0x5401], ALLOW],
  ['personality of Linux', 135, [0], ALLOW],
  ['personality as a question', 135, [0xffff_ffff], ALLOW],
  ['personality without address randomisation', 135, [0x4_0000], errno(1)],
])('SBX-2: %s', (_name, number, args, decision) => {
  expect(decide({ number, args })).toEqual(decision);
});

it('SBX-2: on a processor whose numbers it does not know there is no filter', () => {
  expect(seccompFilter('arm64')).toBeUndefined();
});
