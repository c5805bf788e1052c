import type { Clock } from '@prusik/core';

/** After this a server is asked again: it may have been replaced by a newer one. */
const VERDICT_MS = 24 * 60 * 60 * 1_000;

/** Which servers are known to speak only the older revisions, so that they are not asked again at each start. */
export interface EraVerdicts {
  isLegacy(server: string): boolean;
  note(server: string, era: 'legacy' | 'modern'): void;
}

export function createEraVerdicts(clock: Clock): EraVerdicts {
  const legacy = new Map<string, number>();
  const isLegacy = (server: string): boolean => {
    const at = legacy.get(server);
    return at !== undefined && clock.monotonic() - at < VERDICT_MS;
  };
  return {
    isLegacy,
    note(server, era) {
      // Not renewed by a start that took it for granted.
      if (era === 'modern') legacy.delete(server);
      else if (!isLegacy(server)) legacy.set(server, clock.monotonic());
    },
  };
}
