import { isFinal, type Entry, type LiveEvent, type RunEvent, type RunKey, type Store } from '@prusik/core';
import type { LiveBus } from './live-bus.ts';
import type { EventOptions } from './engine-types.ts';

const PAGE = 200;
/** Live events that a slow reader may fall behind; past it they are dropped and counted. Committed entries never are. */
const LIVE_LIMIT = 1_024;

interface Follower {
  readonly run: RunKey;
  after: number;
  /** The store may have more. */
  dirty: boolean;
  ended: boolean;
  readonly stop: () => void;
}

/** Committed entries in order, then live ones as they come, of one run or of its whole tree. Reading never touches a run. */
export async function* runEvents(
  store: Store,
  bus: LiveBus,
  key: RunKey,
  options: EventOptions = {},
): AsyncGenerator<RunEvent, void, void> {
  const { signal, tree = false } = options;
  const followers: Follower[] = [];
  let live: RunEvent[] = [];
  let dropped = 0;
  let wake: () => void = () => {};

  function follow(run: RunKey, after: number): void {
    const news = store.watchRun(run, () => {
      follower.dirty = true;
      wake();
    });
    const deltas = bus.listen(run, (event) => {
      if (live.length < LIVE_LIMIT) live.push({ run, live: true, event });
      else dropped += 1;
      wake();
    });
    const stop = (): void => {
      news[Symbol.dispose]();
      deltas[Symbol.dispose]();
    };
    const follower: Follower = { run, after, dirty: true, ended: false, stop };
    followers.push(follower);
  }

  function* takeLive(): Generator<RunEvent, void, void> {
    const events = live;
    live = [];
    yield* events;
    if (dropped === 0) return;
    const gap: LiveEvent = { type: 'gap', dropped };
    dropped = 0;
    yield { run: key, live: true, event: gap };
  }

  const abort = (): void => wake();
  signal?.addEventListener('abort', abort);
  follow(key, options.after ?? 0);
  try {
    // A reader that comes after the end with a cursor at the end sees nothing more.
    const run = options.after === undefined ? undefined : await store.run(key);
    if (run !== undefined && isFinal(run.status) && run.seq <= (options.after ?? 0)) return;
    for (;;) {
      signal?.throwIfAborted();
      const woken = new Promise<void>((resolve) => (wake = resolve));
      // Live first: what a step said while it ran comes before the entry that ends it.
      yield* takeLive();
      // The list grows while it is walked: a child's start is found in its parent's journal.
      for (const follower of followers) {
        while (follower.dirty && !follower.ended) {
          follower.dirty = false;
          const page: readonly Entry[] = await store.entries(follower.run, { after: follower.after, limit: PAGE });
          if (page.length === PAGE) follower.dirty = true;
          for (const entry of page) {
            follower.after = entry.seq;
            yield { run: follower.run, live: false, entry };
            if (tree && entry.type === 'wait-start' && entry.child !== undefined)
              follow({ tenant: key.tenant, run: entry.child }, 0);
            if (entry.type === 'run-end') {
              follower.ended = true;
              follower.stop();
            }
          }
        }
      }
      if (followers[0]?.ended && followers.every((follower) => follower.ended)) return;
      // Somebody waits for the next event, which another process may cause: a store's look-outs do not keep this one alive.
      const keepAlive = setInterval(() => {}, 2 ** 30);
      try {
        await woken;
      } finally {
        clearInterval(keepAlive);
      }
    }
  } finally {
    signal?.removeEventListener('abort', abort);
    for (const follower of followers) follower.stop();
  }
}
