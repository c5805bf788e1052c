import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { SandboxLevel } from '@prusik/core';
import { bubblewrapArguments, WORKSPACE, type HostLayout } from './bubblewrap-arguments.ts';
import { coverDescriptors } from './descriptors.ts';
import { guardGit, type GuardedEntry } from './git-guard.ts';
import type { Identity } from './identity.ts';
import { prlimitOptions } from './resource-limits.ts';
import { childrenOf, isAlive, sendSignal, treeOf } from './process-tree.ts';
import {
  exitOf,
  startFailed,
  type Launcher,
  type LaunchRequest,
  type ProcessEnd,
  type RunningProcess,
} from './running-process.ts';

/** Descriptors of the child after the standard three. */
const ARGUMENTS = 3;
const SECCOMP = 4;
const FIRST_BOUND = 5;

/** Far more than a start takes, on a machine that is busy. */
const START_MS = 30_000;
const PIPE_GRACE_MS = 250;
const POLL_MS = 5;
const DYING_MS = 2_000;

/**
 * Process 1 of the sandbox, a shell. It says that it runs (one byte on stdout), waits for the word to go (one line on stdin) and
 * then runs the command as its child: it reaps orphans, and when it ends the kernel ends whatever is left.
 *
 * The exchange closes a race. bubblewrap and process 1 each ask the kernel to be killed with their parent, but a harness killed before they
 * asked would leave them running for ever. When the byte arrives both have asked; if the harness dies before it answers, the
 * shell reads the end of stdin and exits. `exec` in a subshell looks the program up and never takes a shell builtin for it.
 */
const LAUNCH_SCRIPT = 'printf . && IFS= read -r _ || exit 125; ( exec "$@" ); exit $?';

export interface BubblewrapLauncherOptions {
  readonly bubblewrap: string;
  readonly host: HostLayout;
  readonly hostLimits: ReadonlyMap<string, number>;
  readonly identity: Identity;
  readonly level: SandboxLevel;
  /** Opens the system call filter for one process to read; undefined where there is none. */
  readonly openFilter: (() => { readonly fd: number; close(): void }) | undefined;
  readonly devNull: number;
}

/** Starts processes in bubblewrap. */
export function createBubblewrapLauncher(options: BubblewrapLauncherOptions): Launcher {
  return {
    level: options.level,
    directory: () => WORKSPACE,
    environment: () => ({
      PATH: '/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin',
      HOME: '/tmp',
      TMPDIR: '/tmp',
      USER: 'sandbox',
      LOGNAME: 'sandbox',
      LANG: 'C.UTF-8',
      TERM: 'dumb',
    }),

    async launch(request) {
      const guarded = await guardGit(request.root);
      let started: Started;
      try {
        started = start(request, guarded, options);
      } finally {
        // spawn has returned: the child has its own copies.
        for (const entry of guarded) await entry.close();
      }
      await untilReady(started);
      started.stdin.write('\n');
      return runningProcess(started);
    },
  };
}

interface Started {
  readonly child: ChildProcess;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exit: Promise<ProcessEnd>;
}

function start(request: LaunchRequest, guarded: readonly GuardedEntry[], options: BubblewrapLauncherOptions): Started {
  const { root, env, cwd, mounts, network, limits, file, args } = request;
  if (root.fd === undefined) throw new Error('bubblewrap takes a workspace held open, which only Linux has');
  const filter = options.openFilter?.();
  try {
    const held = [
      { fd: root.fd, path: WORKSPACE, writable: true },
      ...guarded.map((entry) => ({ ...entry, path: `${WORKSPACE}/${entry.path}` })),
    ];
    const child = spawn(
      options.bubblewrap,
      [
        ['--args', String(ARGUMENTS), '--'],
        ['/usr/bin/prlimit', ...prlimitOptions(limits, options.hostLimits), '--'],
        ['/bin/sh', '-c', LAUNCH_SCRIPT, 'sh', file, ...args],
      ].flat(),
      {
        cwd: '/',
        env: {},
        stdio: coverDescriptors(
          ['pipe', 'pipe', 'pipe', 'pipe', filter?.fd ?? options.devNull, ...held.map(({ fd }) => fd)],
          request.inheritable,
          options.devNull,
        ),
        ...(options.identity.drop ? { uid: options.identity.uid, gid: options.identity.gid } : {}),
      },
    );
    const exit = exitOf(child);
    const { stdin, stdout, stderr } = child;
    const argumentPipe = child.stdio[ARGUMENTS] as Writable | null | undefined;
    if (!stdin || !stdout || !stderr || !argumentPipe) {
      exit.catch(() => {});
      throw startFailed('no pipes could be made; the process may have too many open files');
    }
    // A write to a process that is gone is told by its exit, not by the pipe.
    for (const pipe of [stdin, argumentPipe]) pipe.on('error', () => {});
    const plan = {
      host: options.host,
      bound: held.map(({ path, writable }, index) => ({ descriptor: FIRST_BOUND + index, path, writable })),
      mounts,
      env,
      cwd,
      network,
      seccomp: filter && SECCOMP,
    };
    argumentPipe.end(
      bubblewrapArguments(plan)
        .map((argument) => `${argument}\0`)
        .join(''),
    );
    return { child, stdin, stdout, stderr, exit };
  } finally {
    filter?.close();
  }
}

/** Waits for the launcher's byte; it writes nothing else before it is answered. */
async function untilReady({ child, stdout, stderr, exit }: Started): Promise<void> {
  const said: Buffer[] = [];
  const listen = (chunk: Buffer): unknown => said.length < 64 && said.push(chunk);
  stderr.on('data', listen);
  // Asked for before the exit: it may come first, and nothing would be left to wake this process.
  const closed = once(stderr, 'close').catch(() => {});
  const bound = setTimeout(() => child.kill('SIGKILL'), START_MS);
  const byte = new Promise<true>((resolve) => {
    stdout.once('data', () => resolve(true));
  });
  const ready = await Promise.race([byte, exit.then(() => false)]).finally(() => clearTimeout(bound));
  stdout.pause();
  if (ready) {
    stderr.off('data', listen).pause();
    for (const chunk of said.toReversed()) stderr.unshift(chunk);
    return;
  }
  await Promise.race([closed, delay(PIPE_GRACE_MS, undefined, { ref: false })]);
  throw startFailed(Buffer.concat(said).toString('utf8').trim().slice(0, 1_000));
}

function runningProcess({ child, stdin, stdout, stderr, exit }: Started): RunningProcess {
  const bubblewrap = child.pid;
  // Killing process 1, and not bubblewrap above it, leaves bubblewrap to reap it: its exit then proves that nothing is left.
  const [first] = bubblewrap === undefined ? [] : childrenOf(bubblewrap);
  // Asked again each time: a pid is only ours as long as it is bubblewrap's child.
  const isOurs = (pid: number): boolean =>
    child.exitCode === null &&
    child.signalCode === null &&
    bubblewrap !== undefined &&
    childrenOf(bubblewrap).includes(pid);
  return {
    stdin,
    stdout,
    stderr,
    pid: first,
    ended: exit.then(async (end) => {
      // Only when bubblewrap itself was killed is process 1, which dies with it, possibly still on its way out.
      for (let waited = 0; first !== undefined && isAlive(first) && waited < DYING_MS; waited += POLL_MS)
        await delay(POLL_MS);
      return end;
    }),
    terminate() {
      if (first === undefined || !isOurs(first)) return;
      // Process 1 gets no signal that it has no handler for; it adopts orphans, so that all others are below it.
      for (const pid of treeOf(first)) if (pid !== first) sendSignal(pid, 'SIGTERM');
    },
    kill() {
      if (first !== undefined && isOurs(first)) process.kill(first, 'SIGKILL');
      else if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    },
  };
}
