import type { SandboxMount } from '@prusik/core';
import type { Environment } from './environment.ts';

/** The workspace inside. */
export const WORKSPACE = '/workspace';
const TEMPORARY_BYTES = String(256 * 1024 * 1024);
/** Inside, everybody is this user; outside it is whoever started bubblewrap. */
const INSIDE_ID = '1000';

/** What this machine and its bubblewrap look like. */
export interface HostLayout {
  /** Top-level links to copy, such as `/bin` to `usr/bin`. */
  readonly links: readonly (readonly [path: string, target: string])[];
  /** Top-level folders with programs and libraries. */
  readonly folders: readonly string[];
  /** Public files and folders of /etc; nothing else of it is there. */
  readonly files: readonly string[];
  /** Made for the sandbox: passwd, group, hosts. */
  readonly etc: readonly (readonly [source: string, path: string])[];
  /** What finding other hosts by name takes of /etc, for who has the host's network. */
  readonly names: readonly string[];
  /** bubblewrap 0.8 and later can forbid user namespaces below its own; the system call filter forbids them as well. */
  readonly disableUserns: boolean;
}

/** A path in the workspace and the descriptor that holds it open. */
interface BoundDescriptor {
  readonly descriptor: number;
  readonly path: string;
  readonly writable: boolean;
}

export interface BubblewrapPlan {
  readonly host: HostLayout;
  readonly bound: readonly BoundDescriptor[];
  readonly mounts: readonly SandboxMount[];
  readonly env: Environment;
  readonly cwd: string;
  readonly network: 'none' | 'host';
  readonly seccomp: number | undefined;
}

/**
 * Options of bubblewrap. They travel through `--args`, a pipe: on the command line every user of the host could read the
 * environment, and as bubblewrap's own environment a variable such as LD_PRELOAD would act outside the sandbox.
 */
export function bubblewrapArguments(plan: BubblewrapPlan): readonly string[] {
  const { host, bound, mounts, env, cwd, network, seccomp } = plan;
  return [
    ['--unshare-user', '--unshare-pid', '--unshare-ipc', '--unshare-uts', '--unshare-cgroup-try'],
    network === 'none' ? ['--unshare-net'] : host.names.flatMap((path) => ['--ro-bind', path, path]),
    host.disableUserns ? ['--disable-userns'] : [],
    ['--uid', INSIDE_ID, '--gid', INSIDE_ID, '--hostname', 'sandbox'],
    ['--cap-drop', 'ALL', '--new-session', '--die-with-parent'],
    // The command's own launcher is process 1, so that bubblewrap's exit means that the kernel has ended all others.
    ['--as-pid-1'],
    seccomp === undefined ? [] : ['--seccomp', String(seccomp)],

    ...host.folders.map((path) => ['--ro-bind', path, path]),
    ...host.links.map(([path, target]) => ['--symlink', target, path]),
    ...host.files.map((path) => ['--ro-bind', path, path]),
    ...host.etc.map(([source, path]) => ['--ro-bind', source, path]),

    ['--proc', '/proc'],
    // The kernel decides about these by owner, not by namespace.
    ['--ro-bind', '/proc/sys', '/proc/sys'],
    ['--dev', '/dev', '--size', TEMPORARY_BYTES, '--perms', '1777', '--tmpfs', '/dev/shm'],
    ['--size', TEMPORARY_BYTES, '--perms', '1777', '--tmpfs', '/tmp'],

    ...bound.map(({ descriptor, path, writable }) => [
      writable ? '--bind-fd' : '--ro-bind-fd',
      String(descriptor),
      path,
    ]),
    ...mounts.map(({ source, target }) => ['--ro-bind', source, target]),
    // Both are tmpfs without a size: left writable, they would be memory without a limit.
    ['--remount-ro', '/dev', '--remount-ro', '/'],

    ['--clearenv'],
    ...Object.entries(env).map(([name, value]) => ['--setenv', name, value]),
    ['--chdir', cwd],
  ].flat();
}
