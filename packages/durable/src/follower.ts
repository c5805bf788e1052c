import { PrusikError, type Clock, type Entry, type Observer, type RunKey, type Store } from '@prusik/core';
import type { EngineWarning } from './engine-types.ts';
import type { LiveBoard } from './live-board.ts';
import type { LiveBuffer } from './live-buffer.ts';
import { createLiveMerge } from './live-merge.ts';

/** Where the readers of one engine get their events. */
export interface EventSources {
  readonly store: Store;
  readonly board: LiveBoard;
  readonly clock: Clock;
  readonly isDrivenHere: (run: RunKey) => boolean;
  readonly warn: (warning: EngineWarning) => void;
  readonly observer: Observer | undefined;
}

/** One run that a reader follows: its entries by pages, on demand, and its live events into the reader's buffer. */
export interface Follower {
  readonly run: RunKey;
  /** The run that began it, as far as the reader knows. */
  readonly parent: string | undefined;
  /** The next entry, of those that were read. */
  nextEntry(): Entry | undefined;
  passNextEntry(): void;
  /** The store may have entries that were not read. */
  hasNews(): boolean;
  readEntries(): Promise<void>;
  /** The store may have text that was not read. */
  hasText(): boolean;
  readText(): Promise<void>;
  stop(): void;
}

export interface FollowerOptions {
  readonly sources: EventSources;
  readonly buffer: LiveBuffer;
  readonly run: RunKey;
  readonly parent: string | undefined;
  /** Last `seq` that was read. */
  readonly after: number;
  /** Somebody waits for the next event. */
  readonly isAwaited: () => boolean;
  readonly wake: () => void;
}

const PAGE = 200;

export function createFollower({ sources, buffer, run, parent, after, isAwaited, wake }: FollowerOptions): Follower {
  const { store, board, isDrivenHere } = sources;
  const merge = createLiveMerge({
    push: (event) => buffer.push(run, event),
    lose: (characters) => buffer.lose(0, characters),
  });
  let page: readonly Entry[] = [];
  let at = 0;
  let seen = after;
  let hasNews = true;
  let hasText = true;
  let stopped = false;
  let reading = false;
  /** A run whose entries were seen and that is not there, or begins anew under its name, was removed: nothing more will come of it. */
  async function checkThere(): Promise<void> {
    const found = await store.run(run);
    if (stopped) return;
    if (found?.compactedAt !== undefined && found.seq > seen)
      throw new PrusikError(
        'RUN_COMPACTED',
        `Run ${run.run} was compacted: its journal is gone, and its result is not`,
        {
          meta: { run: run.run, compactedAt: found.compactedAt },
        },
      );
    // One that is not there yet may be started.
    if (seen === 0 || (found !== undefined && found.seq >= seen)) return;
    throw new PrusikError('RUN_UNKNOWN', `Run ${run.run} was removed while its events were read`, {
      meta: { run: run.run },
    });
  }

  /** Who waits is handed what comes right behind what it has; for who does not it stays in the store. */
  function takes(written: readonly Entry[]): boolean {
    const last = page.at(-1)?.seq ?? seen;
    const left = page.length - at;
    if (reading || written[0]?.seq !== last + 1 || left + written.length > PAGE) return false;
    page = left === 0 ? written : [...page.slice(at), ...written];
    at = 0;
    return true;
  }

  const watchers = [
    store.watchRun(run, (_, written) => {
      hasNews ||= written === undefined || !isAwaited() || !takes(written());
      wake();
    }),
    store.watchLiveText(run, () => {
      hasText = true;
      wake();
    }),
    board.listen(run, (event) => {
      merge.hear(event);
      wake();
    }),
  ];

  return {
    run,
    parent,
    nextEntry: () => page[at],
    passNextEntry() {
      const entry = page[at];
      if (entry === undefined) return;
      seen = entry.seq;
      at += 1;
      if (at === page.length) page = [];
      merge.passed(entry);
    },
    hasNews: () => hasNews,
    async readEntries() {
      hasNews = false;
      reading = true;
      const read = await store.entries(run, { after: seen, limit: PAGE });
      reading = false;
      if (stopped) return;
      if (read.length === 0) await checkThere();
      page = read;
      at = 0;
      if (page.length === PAGE) hasNews = true;
    },
    hasText: () => hasText,
    async readText() {
      hasText = false;
      // The board tells sooner, and all of it.
      if (isDrivenHere(run)) return;
      // Nobody was promised text in progress.
      const texts = await store.liveText(run, merge.have()).catch(() => []);
      if (stopped || texts.length === 0) return;
      for (const text of texts) merge.read(text);
      // What was committed before that text was written is older, and may not have been noticed yet.
      hasNews = true;
    },
    stop() {
      stopped = true;
      page = [];
      hasNews = false;
      hasText = false;
      for (const watcher of watchers) watcher[Symbol.dispose]();
    },
  };
}
