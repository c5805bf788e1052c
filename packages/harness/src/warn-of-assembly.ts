import { loadedCopies, type AnyDefinition } from '@prusik/core';
import type { EngineWarning } from '@prusik/durable';
import { factsOf } from './facts.ts';

/** What works, and is hardly meant: told once, when the harness is defined. */
export function warnOfAssembly(
  { definitions, packages }: { definitions: readonly AnyDefinition[]; packages: Readonly<Record<string, string>> },
  warn: (warning: EngineWarning) => void,
): void {
  // Nothing breaks by it at once: errors are compared by code.
  const copies = loadedCopies();
  if (copies.length > 1) {
    const message = `@prusik/core is loaded ${copies.length} times; install one version of it: ${copies.join(', ')}`;
    warn({ code: 'CORE_LOADED_TWICE', message });
  }
  // They are released together, and tested together only.
  const own = Object.entries(packages).filter(([name]) => name.startsWith('@prusik/'));
  if (new Set(own.map(([, version]) => version)).size > 1) {
    const named = own.map(([name, version]) => `${name} ${version}`).join(', ');
    warn({ code: 'PACKAGES_MIXED', message: `Packages of several releases are assembled; install one: ${named}` });
  }
  for (const definition of definitions) {
    const asking = factsOf(definition).skills.filter(({ ignored }) => ignored.includes('allowed-tools'));
    if (asking.length === 0) continue;
    const names = asking.map(({ name }) => name).join(', ');
    const message = `${definition.name}: allowed-tools of the skills ${names} has no effect: a skill grants no tool and no right`;
    warn({ code: 'SKILL_TOOLS_IGNORED', message });
  }
}
