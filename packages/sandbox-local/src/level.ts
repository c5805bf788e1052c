import { PrusikError, type Enforcement, type SandboxLevel } from '@prusik/core';

const ORDER: readonly Enforcement[] = ['none', 'partial', 'enforced'];

/** @throws {PrusikError} `SANDBOX_LEVEL_UNMET` when less is held than `required`; @throws {TypeError} for what is no level. */
export function requireLevel(held: SandboxLevel, required: Partial<SandboxLevel> = {}): void {
  const unmet: string[] = [];
  for (const [name, least] of Object.entries(required)) {
    if (!(name in held) || !ORDER.includes(least))
      throw new TypeError(
        `${name}: ${JSON.stringify(least)} is no level of a sandbox: files, processes, network, syscalls and limits are 'enforced', 'partial' or 'none'`,
      );
    const actual = held[name as keyof SandboxLevel];
    if (ORDER.indexOf(actual) < ORDER.indexOf(least)) unmet.push(`${name} is ${actual}, not ${least}`);
  }
  if (unmet.length > 0)
    throw new PrusikError(
      'SANDBOX_LEVEL_UNMET',
      `The sandbox holds less than is required: ${unmet.join(', ')}. Require less, or run where it is held`,
      {
        meta: { ...held },
      },
    );
}

/**
 * What is held by who has this network.
 *
 * @throws {PrusikError} `SANDBOX_NETWORK_REFUSED` where unix sockets are not denied: those without a file belong to the network, and services of the host
 * that act for whoever speaks to them listen there.
 */
export function levelOnNetwork(held: SandboxLevel, network: 'none' | 'host'): SandboxLevel {
  if (network === 'none') return held;
  if (held.files !== 'none' && held.syscalls !== 'enforced')
    throw new PrusikError(
      'SANDBOX_NETWORK_REFUSED',
      `Commands cannot have the host's network here: no system call is filtered on ${process.arch}, so they could reach the host's services by its unix sockets. Run it on x64, or without the network`,
      { meta: { ...held } },
    );
  return { ...held, network: 'none' };
}
