import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';
import type { SandboxLevel } from '@prusik/core';
import { findBubblewrap, inspectHost } from './bubblewrap-host.ts';
import { createBubblewrapLauncher } from './bubblewrap-launcher.ts';
import type { Identity } from './identity.ts';
import { createPlainLauncher } from './plain-launcher.ts';
import { readHostLimits } from './resource-limits.ts';
import type { Launcher } from './running-process.ts';
import { seccompFilter } from './seccomp-filter.ts';
import { createFilterSource } from './seccomp-source.ts';
import { unavailable } from './unavailable.ts';

/** A launcher and the files it holds open. */
export interface Isolation {
  readonly launcher: Launcher;
  /** Equal for isolations of which one trial tells about the other. */
  readonly key: string;
  close(): void;
}

/** Commands as they are, by explicit choice. */
export function openNoIsolation(identity: Identity | undefined): Isolation {
  const nothing = openSync(devNull, 'r+');
  return {
    launcher: createPlainLauncher({ identity, devNull: nothing }),
    key: 'none',
    close: () => closeSync(nothing),
  };
}

export interface BubblewrapOptions {
  /** Path of bubblewrap, if not one of the usual. */
  readonly bubblewrap: string | undefined;
  /** Takes the few files of /etc that are made for the sandbox. */
  readonly etc: string;
  readonly identity: Identity | undefined;
}

/** @throws {PrusikError} `SANDBOX_UNAVAILABLE` where bubblewrap cannot be started; what it holds is for the probe to tell. */
export async function openBubblewrap({ bubblewrap, etc, identity }: BubblewrapOptions): Promise<Isolation> {
  if (process.platform !== 'linux' || identity === undefined)
    throw unavailable(
      `isolation takes Linux, and this is ${process.platform}`,
      'Run the harness on Linux, in a virtual machine for one',
    );
  const path = await findBubblewrap(bubblewrap);
  const host = await inspectHost(path, etc);
  const filter = seccompFilter();
  const source = filter && createFilterSource(filter);
  const nothing = openSync(devNull, 'r+');
  return {
    launcher: createBubblewrapLauncher({
      bubblewrap: path,
      host,
      hostLimits: readHostLimits(),
      identity,
      level: levelWith(filter !== undefined),
      openFilter: source?.open,
      devNull: nothing,
    }),
    key: JSON.stringify([path, etc, identity.uid]),
    close() {
      closeSync(nothing);
      source?.close();
    },
  };
}

/** What holds once the probe has passed. Limits are `partial`: sums over the tree and the disk are watched, not enforced. */
function levelWith(filter: boolean): SandboxLevel {
  return {
    files: 'enforced',
    processes: 'enforced',
    network: 'enforced',
    syscalls: filter ? 'enforced' : 'none',
    limits: 'partial',
  };
}
