import { PrusikError } from '@prusik/core';
import { runnerClosed } from './errors.ts';

/** A server that runs, starts or ends. */
export interface Occupant {
  /** Since when nobody uses it, by the monotonic clock; undefined while somebody does. */
  idleSince(): number | undefined;
  /** Resolves when it has ended. */
  stop(): Promise<void>;
}

/** How many servers there may be at once. */
export interface ServerRoom {
  /**
   * Makes room for one, which leaves in any case. Where it is full, whoever is idle longest is stopped first.
   *
   * @throws {PrusikError} `MCP_TOO_MANY_SERVERS` (retryable) where nobody is idle; `MCP_CLOSED` once it was cleared.
   */
  enter(occupant: Occupant): Promise<void>;
  leave(occupant: Occupant): void;
  /** Stops all at once, the youngest first. Nobody enters after that. */
  clear(): Promise<void>;
}

const RETRY_MS = 1_000;

export function createServerRoom(most: number): ServerRoom {
  /** In the order in which they came. */
  const occupants = new Set<Occupant>();
  let isOver = false;
  return {
    async enter(occupant) {
      if (isOver) throw runnerClosed();
      occupants.add(occupant);
      while (occupants.size > most) {
        const [idle] = [...occupants]
          .flatMap((other) => {
            const since = other.idleSince();
            return since === undefined || other === occupant ? [] : [{ other, since }];
          })
          .toSorted((a, b) => a.since - b.since);
        if (idle === undefined)
          throw new PrusikError('MCP_TOO_MANY_SERVERS', `${most} MCP servers are in use; no other is started`, {
            retryable: true,
            meta: { limit: most, retryAfterMs: RETRY_MS },
          });
        await idle.other.stop();
      }
    },
    leave: (occupant) => void occupants.delete(occupant),
    async clear() {
      isOver = true;
      await Promise.allSettled([...occupants].toReversed().map((occupant) => occupant.stop()));
    },
  };
}
