/** A test of the low 32 bits of one argument; what the kernel reads of flags, modes and request numbers. */
export type Condition =
  | { readonly argument: number; readonly anyBit: number }
  | { readonly argument: number; readonly equals: number }
  | { readonly argument: number; readonly differs: number };

/** Answers `syscalls` with `errno` when every condition holds (always, when there is none). */
export interface Rule {
  readonly syscalls: readonly number[];
  readonly errno: number;
  readonly when?: readonly Condition[];
}

export interface FilterTarget {
  /** `AUDIT_ARCH_*` of the processor. A call of another architecture's table kills its process. */
  readonly architecture: number;
  /** Bit that marks calls of a second table under the same architecture (x32); all of them answer ENOSYS. */
  readonly foreignBit?: number;
}

const LOAD = 0x20; // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_ANY_BIT = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

const KILL_PROCESS = 0x8000_0000;
const ERRNO = 0x0005_0000;
const ALLOW = 0x7fff_0000;
const ENOSYS = 38;

/** Offsets in `struct seccomp_data`. */
const SYSCALL_NUMBER = 0;
const ARCHITECTURE = 4;
const argumentOffset = (index: number): number => 16 + 8 * index;

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];

/**
 * Assembles a classic BPF program for `bwrap --seccomp`. Each rule is a block of its own that loads the call's number
 * again and falls through to the next: longer than a decision tree, but readable, and no jump can leave its block.
 */
export function assembleFilter(target: FilterTarget, rules: readonly Rule[]): Uint8Array {
  const program: Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE],
    [JUMP_EQUAL, 1, 0, target.architecture],
    [RETURN, 0, 0, KILL_PROCESS],
  ];
  if (target.foreignBit !== undefined) {
    program.push([LOAD, 0, 0, SYSCALL_NUMBER], [JUMP_ANY_BIT, 0, 1, target.foreignBit], [RETURN, 0, 0, ERRNO | ENOSYS]);
  }
  for (const rule of rules) for (const syscall of rule.syscalls) program.push(...block(syscall, rule));
  program.push([RETURN, 0, 0, ALLOW]);
  return encode(program);
}

function block(syscall: number, { errno, when = [] }: Rule): Instruction[] {
  const instructions: Instruction[] = [[LOAD, 0, 0, SYSCALL_NUMBER]];
  // Instructions after this one up to the end of the block: two for each test still to come, and the answer.
  const toEnd = (testsLeft: number): number => 2 * testsLeft + 1;
  instructions.push([JUMP_EQUAL, 0, toEnd(when.length), syscall]);
  for (const [index, condition] of when.entries()) {
    const skip = toEnd(when.length - index - 1);
    instructions.push([LOAD, 0, 0, argumentOffset(condition.argument)]);
    if ('anyBit' in condition) instructions.push([JUMP_ANY_BIT, 0, skip, condition.anyBit]);
    else if ('equals' in condition) instructions.push([JUMP_EQUAL, 0, skip, condition.equals]);
    else instructions.push([JUMP_EQUAL, skip, 0, condition.differs]);
  }
  instructions.push([RETURN, 0, 0, ERRNO | errno]);
  return instructions;
}

/** `struct sock_filter`: u16 code, u8 jt, u8 jf, u32 k, little-endian as all processors that {@link FilterTarget} names. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(8 * program.length);
  for (const [index, [code, jumpTrue, jumpFalse, value]] of program.entries()) {
    bytes.writeUInt16LE(code, 8 * index);
    bytes.writeUInt8(jumpTrue, 8 * index + 2);
    bytes.writeUInt8(jumpFalse, 8 * index + 3);
    bytes.writeUInt32LE(value >>> 0, 8 * index + 4);
  }
  return bytes;
}
