import { assembleFilter, type Condition, type FilterTarget, type Rule } from './seccomp-assembler.ts';

const EPERM = 1;
const ENOSYS = 38;
const EAFNOSUPPORT = 97;

const X64: FilterTarget = { architecture: 0xc000_003e, foreignBit: 0x4000_0000 };

/** Numbers of the x86-64 table. */
const NUMBER = {
  open: 2,
  ioctl: 16,
  socket: 41,
  clone: 56,
  creat: 85,
  chmod: 90,
  fchmod: 91,
  ptrace: 101,
  syslog: 103,
  mknod: 133,
  uselib: 134,
  personality: 135,
  ustat: 136,
  sysfs: 139,
  vhangup: 153,
  modify_ldt: 154,
  pivot_root: 155,
  _sysctl: 156,
  chroot: 161,
  acct: 163,
  mount: 165,
  umount2: 166,
  swapon: 167,
  swapoff: 168,
  reboot: 169,
  iopl: 172,
  ioperm: 173,
  create_module: 174,
  init_module: 175,
  delete_module: 176,
  quotactl: 179,
  nfsservctl: 180,
  lookup_dcookie: 212,
  kexec_load: 246,
  add_key: 248,
  request_key: 249,
  keyctl: 250,
  migrate_pages: 256,
  openat: 257,
  mknodat: 259,
  fchmodat: 268,
  unshare: 272,
  move_pages: 279,
  perf_event_open: 298,
  fanotify_init: 300,
  name_to_handle_at: 303,
  open_by_handle_at: 304,
  setns: 308,
  process_vm_readv: 310,
  process_vm_writev: 311,
  kcmp: 312,
  finit_module: 313,
  memfd_create: 319,
  kexec_file_load: 320,
  bpf: 321,
  userfaultfd: 323,
  io_uring_setup: 425,
  io_uring_enter: 426,
  io_uring_register: 427,
  open_tree: 428,
  move_mount: 429,
  fsopen: 430,
  fsconfig: 431,
  fsmount: 432,
  fspick: 433,
  clone3: 435,
  openat2: 437,
  pidfd_getfd: 438,
  process_madvise: 440,
  mount_setattr: 442,
  quotactl_fd: 443,
  memfd_secret: 447,
  fchmodat2: 452,
  open_tree_attr: 467,
} as const;

const PROCESS_INSPECTION = [
  'ptrace',
  'process_vm_readv',
  'process_vm_writev',
  'process_madvise',
  'pidfd_getfd',
  'kcmp',
] as const;
const KEYRING = ['add_key', 'request_key', 'keyctl'] as const;
const MOUNTS = [
  'mount',
  'umount2',
  'pivot_root',
  'chroot',
  'open_tree',
  'open_tree_attr',
  'move_mount',
  'fsopen',
  'fsconfig',
  'fsmount',
  'fspick',
  'mount_setattr',
  'setns',
  'quotactl',
  'quotactl_fd',
  'swapon',
  'swapoff',
  'acct',
] as const;
const FILE_HANDLES = ['name_to_handle_at', 'open_by_handle_at', 'fanotify_init', 'lookup_dcookie'] as const;
const KERNEL = [
  'bpf',
  'perf_event_open',
  'userfaultfd',
  'io_uring_setup',
  'io_uring_enter',
  'io_uring_register',
  'init_module',
  'finit_module',
  'create_module',
  'delete_module',
  'kexec_load',
  'kexec_file_load',
  'reboot',
  'syslog',
  'iopl',
  'ioperm',
  'modify_ldt',
  'vhangup',
  'migrate_pages',
  'move_pages',
  'uselib',
  'ustat',
  'sysfs',
  '_sysctl',
  'nfsservctl',
] as const;

const numbers = (names: readonly (keyof typeof NUMBER)[]): readonly number[] => names.map((name) => NUMBER[name]);

/** CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. */
const NAMESPACES = 0x7e02_0000;
/** For unshare only: in clone, the same bit belongs to the exit signal. */
const CLONE_NEWTIME = 0x80;
const SET_ID_BITS = 0o6000;
/** O_CREAT and the bit of O_TMPFILE. Without them open has no mode, and the register holds anything. */
const CREATES = 0x40 | 0x40_0000;
const [AF_INET, AF_INET6, AF_NETLINK] = [2, 10, 16] as const;
const NETLINK_ROUTE = 0;
const [TIOCSTI, TIOCLINUX] = [0x5412, 0x541c] as const;

const setsId = (argument: number): readonly Condition[] => [{ argument, anyBit: SET_ID_BITS }];

const RULES: readonly Rule[] = [
  { syscalls: numbers([...PROCESS_INSPECTION, ...KEYRING, ...MOUNTS, ...FILE_HANDLES, ...KERNEL]), errno: EPERM },

  // A user namespace would bring back, inside, the capabilities that open most of the kernel.
  { syscalls: [NUMBER.clone], errno: EPERM, when: [{ argument: 0, anyBit: NAMESPACES }] },
  { syscalls: [NUMBER.unshare], errno: EPERM, when: [{ argument: 0, anyBit: NAMESPACES | CLONE_NEWTIME }] },
  // Their flags are in memory, which a filter cannot read. ENOSYS makes C libraries fall back to clone and openat.
  { syscalls: [NUMBER.clone3, NUMBER.openat2], errno: ENOSYS },

  // Files in memory that no process has to map: neither a limit of the kernel nor the watch would count them. Programs fall back to /tmp.
  { syscalls: [NUMBER.memfd_create, NUMBER.memfd_secret], errno: ENOSYS },

  // A set-uid file in the workspace would let other users of the host act as the sandbox's user.
  { syscalls: [NUMBER.chmod, NUMBER.fchmod, NUMBER.creat, NUMBER.mknod], errno: EPERM, when: setsId(1) },
  { syscalls: [NUMBER.fchmodat, NUMBER.fchmodat2, NUMBER.mknodat], errno: EPERM, when: setsId(2) },
  { syscalls: [NUMBER.open], errno: EPERM, when: [{ argument: 1, anyBit: CREATES }, ...setsId(2)] },
  { syscalls: [NUMBER.openat], errno: EPERM, when: [{ argument: 2, anyBit: CREATES }, ...setsId(3)] },

  // Unix sockets reach services of the host by path. socketpair stays: Node and Python make pipes of it.
  {
    syscalls: [NUMBER.socket],
    errno: EAFNOSUPPORT,
    when: [AF_INET, AF_INET6, AF_NETLINK].map((family) => ({ argument: 0, differs: family })),
  },
  {
    syscalls: [NUMBER.socket],
    errno: EAFNOSUPPORT,
    when: [
      { argument: 0, equals: AF_NETLINK },
      { argument: 2, differs: NETLINK_ROUTE },
    ],
  },

  // Typing into the terminal of whoever started the harness.
  ...[TIOCSTI, TIOCLINUX].map((request) => ({
    syscalls: [NUMBER.ioctl],
    errno: EPERM,
    when: [{ argument: 1, equals: request }],
  })),

  // Switches off address randomisation and other protections; 0 and "tell me" are harmless.
  {
    syscalls: [NUMBER.personality],
    errno: EPERM,
    when: [
      { argument: 0, differs: 0 },
      { argument: 0, differs: 0xffff_ffff },
    ],
  },
];

/** The filter for this processor, or undefined where its system call numbers are not known to us. */
export function seccompFilter(processor: string = process.arch): Uint8Array | undefined {
  return processor === 'x64' ? assembleFilter(X64, RULES) : undefined;
}
