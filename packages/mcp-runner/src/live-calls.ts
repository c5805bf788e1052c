import type { CallAnswer, Clock, NewId } from '@prusik/core';
import type { CalledTool, OpenAsk, OpenCall } from './open-call.ts';
import type { Asked } from './server-asks.ts';

/** A call that is open while somebody thinks about what its server asked. */
export interface LiveCall {
  readonly call: OpenCall<Asked>;
  readonly tool: CalledTool;
  /** What is to be answered, by the keys of the needs. */
  readonly asks: ReadonlyMap<string, OpenAsk<Asked>>;
  /** What was answered before, by the hash of what was asked. */
  readonly before: ReadonlyMap<string, CallAnswer>;
  /** How often somebody was asked. */
  readonly rounds: { count: number };
}

/** The live calls of one server. */
export interface LiveCalls {
  readonly size: number;
  /** Under a token that nobody guesses; as long as it is open, and then `keptMs`, so that its answer can be fetched. */
  keep(live: LiveCall): string;
  /** Hands it over, once. */
  take(token: string): LiveCall | undefined;
}

export function createLiveCalls(options: {
  readonly clock: Clock;
  readonly newId: NewId;
  readonly keptMs: number;
}): LiveCalls {
  const { clock, newId, keptMs } = options;
  const kept = new Map<string, LiveCall>();
  return {
    get size() {
      return kept.size;
    },
    keep(live) {
      const token = newId();
      kept.set(token, live);
      void live.call.over.then(() => clock.after(keptMs, () => kept.delete(token)));
      return token;
    },
    take(token) {
      const live = kept.get(token);
      kept.delete(token);
      return live;
    },
  };
}
