import type { RunKey, Signal, SignalKind, Store } from '@prusik/core';

/** The signals of a run that this drive has read; read on when the store says that there are more. */
export interface Inbox {
  /** Number of the last signal read. */
  seen(): number;
  /** The store has signals up to this number; says whether that is news. */
  announce(n: number): boolean;
  /** There is more than was read. */
  behind(): boolean;
  /** Reads what was announced. */
  takeUp(): Promise<void>;
  get(kind: SignalKind, key: string): Signal | undefined;
  count(kind: SignalKind): number;
}

const PAGE = 200;

export function createInbox(store: Store, run: RunKey): Inbox {
  const signals = new Map<string, Signal>();
  const name = (kind: SignalKind, key: string): string => `${kind} ${key}`;
  let seen = 0;
  let announced = 0;
  return {
    seen: () => seen,
    announce(n) {
      const news = n > announced;
      if (news) announced = n;
      return news;
    },
    behind: () => seen < announced,
    async takeUp() {
      while (seen < announced) {
        const page = await store.inbox(run, { after: seen, limit: PAGE });
        for (const signal of page) {
          seen = signal.n;
          signals.set(name(signal.kind, signal.key), signal);
        }
        if (page.length === 0) break;
      }
    },
    get: (kind, key) => signals.get(name(kind, key)),
    count: (kind) => [...signals.values()].filter((signal) => signal.kind === kind).length,
  };
}
