import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** What tells one process of one machine apart from every other, earlier ones with its pid too. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Ticks between the machine's start and the process's; empty where the platform does not say. */
  readonly started: string;
  /** This start of this machine. */
  readonly machine: string;
  /** Pids mean something only within it. */
  readonly pidNamespace: string;
}

export function thisProcess(): ProcessIdentity {
  return {
    pid: process.pid,
    started: processStatus(process.pid)?.started ?? '',
    machine: readOr('/proc/sys/kernel/random/boot_id', hostname()),
    pidNamespace: pidNamespace(),
  };
}

/**
 * True only where it is proved: on another machine, after a restart, or in another container nothing is known of a process, and
 * its lease has to run out.
 */
export function isProvedDead(other: ProcessIdentity, self: ProcessIdentity): boolean {
  if (other.machine !== self.machine || other.pidNamespace !== self.pidNamespace) return false;
  const status = processStatus(other.pid);
  if (status !== undefined) {
    // A zombie runs no more code; another start time is another process with the same pid.
    return status.state === 'Z' || status.state === 'X' || (other.started !== '' && status.started !== other.started);
  }
  // /proc may hide processes of other users, and other platforms have none: the kernel itself is asked.
  return isUnknown(other.pid);
}

/** Whether there is no process of that pid. One that may not be signalled is there. */
export function isUnknown(pid: number, signal: (pid: number, signal: 0) => unknown = process.kill): boolean {
  try {
    signal(pid, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function processStatus(pid: number): { readonly state: string; readonly started: string } | undefined {
  const stat = readOr(`/proc/${pid}/stat`, '');
  // The second field is the program's name in brackets, which may itself hold spaces and brackets.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const started = fields[19];
  return stat === '' || state === undefined || started === undefined ? undefined : { state, started };
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return otherwise;
  }
}
