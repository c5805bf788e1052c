import type { SlotTicket } from './drive-env.ts';

/** Places for drives that act. A place is handed over, never counted twice: a newcomer cannot slip in between a release and the waiter it wakes. */
export interface Slots {
  /** Takes what is free now, at most `limit`; returns how many. */
  take(limit: number): number;
  /** Gives back what was taken and not used. */
  give(count: number): void;
  free(): number;
  /** A ticket that holds one of the places that were taken. */
  ticket(): SlotTicket;
}

export function createSlots(size: number, onFree: () => void): Slots {
  let free = size;
  const waiting: (() => void)[] = [];

  function give(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  }

  return {
    take(limit) {
      const taken = Math.min(limit, free);
      free -= taken;
      return taken;
    },
    give,
    free: () => free,
    ticket() {
      let held = true;
      let inLine: (() => void) | undefined;
      return {
        leave() {
          if (!held) return;
          held = false;
          if (inLine !== undefined) {
            // It is over before its turn came, and has no place to give.
            waiting.splice(waiting.indexOf(inLine), 1);
            return inLine();
          }
          give(1);
          if (free > 0) onFree();
        },
        async enter() {
          if (held) return;
          held = true;
          if (free > 0) free -= 1;
          else
            await new Promise<void>((resolve) => {
              inLine = () => {
                inLine = undefined;
                resolve();
              };
              waiting.push(inLine);
            });
        },
      };
    },
  };
}
