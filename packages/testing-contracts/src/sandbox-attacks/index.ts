import type { SandboxAttack } from './attack.ts';
import { FILE_ATTACKS, GIT_ATTACKS } from './file-attacks.ts';
import { LIMIT_ATTACKS } from './limit-attacks.ts';
import { NETWORK_ATTACKS } from './network-attacks.ts';
import { PROCESS_ATTACKS } from './process-attacks.ts';
import { SYSTEM_CALL_ATTACKS } from './system-call-attacks.ts';

export type { AttackBed, SandboxAttack } from './attack.ts';

/** Every attack. They need `/bin/sh`, perl, tar, git and util-linux on Linux. */
export const SANDBOX_ATTACKS: readonly SandboxAttack[] = [
  ...FILE_ATTACKS,
  ...GIT_ATTACKS,
  ...PROCESS_ATTACKS,
  ...NETWORK_ATTACKS,
  ...SYSTEM_CALL_ATTACKS,
  ...LIMIT_ATTACKS,
];
