import { readFileSync } from 'node:fs';
import { PrusikError } from '@prusik/core';

/** The refusal to run anything: why, and what to do about it. */
export function unavailable(reason: string, fix: string, cause?: unknown): PrusikError {
  return new PrusikError(
    'SANDBOX_UNAVAILABLE',
    `No sandbox here: ${reason}. ${fix}. Running commands without isolation takes an explicit isolation: 'none'.`,
    cause === undefined ? {} : { cause },
  );
}

/** Reads settings of the kernel; replaced in tests. */
type ReadSetting = (path: string) => string | undefined;

const readSetting: ReadSetting = (path) => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
};

/** Explains what bubblewrap said when it could not isolate. */
export function explainBubblewrap(said: string, setting: ReadSetting = readSetting): PrusikError {
  const reason = `bubblewrap said "${said.trim().split('\n').at(-1)?.slice(0, 300) ?? ''}"`;
  const [, closed] = /Can't find source path (.+): Permission denied/.exec(said) ?? [];
  if (closed !== undefined)
    return unavailable(
      `the user that commands run as may not reach ${closed}; ${reason}`,
      'Let others pass its folder and those above it (chmod o+x), or choose another `root`',
    );
  const namespaces = /namespace|uid map|gid map|RTM_NEWADDR|RTM_NEWLINK|setting up/i.test(said);
  if (namespaces && setting('/proc/sys/kernel/apparmor_restrict_unprivileged_userns') === '1')
    return unavailable(
      `AppArmor refuses user namespaces to bubblewrap (kernel.apparmor_restrict_unprivileged_userns is 1); ${reason}`,
      'Give /usr/bin/bwrap an AppArmor profile with the rule "userns," (in /etc/apparmor.d/bwrap: abi <abi/4.0>, include <tunables/global>, profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }) and load it with apparmor_parser -r',
    );
  if (namespaces && setting('/proc/sys/kernel/unprivileged_userns_clone') === '0')
    return unavailable(
      `this kernel refuses user namespaces to ordinary users; ${reason}`,
      'Allow them: sysctl -w kernel.unprivileged_userns_clone=1',
    );
  if (namespaces && setting('/proc/sys/user/max_user_namespaces') === '0')
    return unavailable(
      `no user namespace is allowed here; ${reason}`,
      'Allow them: sysctl -w user.max_user_namespaces=15000',
    );
  if (namespaces || /mount|proc/i.test(said))
    return unavailable(
      `namespaces are refused, as in a container without the right to nest one; ${reason}`,
      'Run the container with --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined (Kubernetes: procMount: Unmasked and hostUsers: false), or run the harness outside of it',
    );
  return unavailable(reason, 'Run the same command by hand to see more');
}
