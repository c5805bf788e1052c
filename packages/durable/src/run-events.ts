import {
  cursorOf,
  isFinal,
  PrusikError,
  type Entry,
  type EventCursor,
  type RunEvent,
  type RunKey,
  type Store,
} from '@prusik/core';
import type { EventOptions } from './engine-types.ts';
import { createFollower, type EventSources, type Follower } from './follower.ts';
import { lagSampler } from './lag-sampler.ts';
import { createLiveBuffer } from './live-buffer.ts';

/** The readers of one engine. */
export interface Readers {
  open(run: RunKey, options?: EventOptions): AsyncIterableIterator<RunEvent>;
  /** Ends them all with this error. */
  close(reason: PrusikError): void;
}

export function createReaders(sources: EventSources): Readers {
  const open = new Set<Reader>();
  // A reader that was forgotten without being closed is no reader any more, though the store and the board still know it.
  const forgotten = new FinalizationRegistry<Reader>((reader) => reader.stop());
  function remembered(reader: Reader): AsyncIterableIterator<RunEvent> {
    const iterator = iteratorOver(reader);
    forgotten.register(iterator, reader);
    return iterator;
  }

  return {
    open(run, options = {}) {
      const reader = createReader(sources, run, options, () => open.delete(reader));
      open.add(reader);
      return remembered(reader);
    },
    close(reason) {
      for (const reader of open) reader.fail(reason);
    },
  };
}

/** In a scope of its own: a closure that the reader holds must not hold the iterator, or it would never be forgotten. */
function iteratorOver(reader: Reader): AsyncIterableIterator<RunEvent> {
  const iterator: AsyncIterableIterator<RunEvent> = {
    next: () => reader.next(iterator),
    async return() {
      await reader.close();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

interface Reader {
  /** `holder` is kept as long as the answer is due: who waits has not forgotten. */
  next(holder: object): Promise<IteratorResult<RunEvent, undefined>>;
  close(): Promise<void>;
  fail(reason: unknown): void;
  stop(): void;
}

interface Waiting {
  readonly holder: object;
  readonly resolve: (result: IteratorResult<RunEvent, undefined>) => void;
  readonly reject: (reason: unknown) => void;
}

/** A walk through what was new when it began: entries of each run, then the live events that had come by then. */
interface Pass {
  readonly upTo: number;
  /** Runs to read, the next one last. */
  readonly runs: Follower[];
}

const DONE: IteratorResult<RunEvent, undefined> = { done: true, value: undefined };

function createReader(sources: EventSources, root: RunKey, options: EventOptions, onOver: () => void): Reader {
  const { store, warn } = sources;
  const { signal, tree = false, cancelOnClose = false } = options;
  const given = checkedCursor(options.after);
  const buffer = createLiveBuffer(root);
  const sampleLag = sources.observer && lagSampler(sources.observer, sources.clock);
  const followers = new Map<string, Follower>();
  let waiting: Waiting[] = [];
  let state: 'new' | 'open' | 'over' = 'new';
  let failure: { readonly reason: unknown } | undefined;
  let pumping = false;
  let pass: Pass | undefined;
  let rootEnded = false;
  let wake: () => void = () => {};
  let keepAlive: ReturnType<typeof setInterval> | undefined;
  const onAbort = (): void => {
    fail(signal?.reason);
    void cancel();
  };
  // Before anything is read, only a reader that has to cancel must hear of it.
  if (cancelOnClose) signal?.addEventListener('abort', onAbort);
  if (cancelOnClose && signal?.aborted) void cancel();

  /** Entries that are read come first, then the live events that came before them; what a step said comes before its end. */
  function takeReady(): RunEvent | undefined {
    while (pass !== undefined) {
      const follower = pass.runs.at(-1);
      const entry = follower?.nextEntry();
      if (follower === undefined) {
        const event = buffer.take(pass.upTo);
        if (event !== undefined) return event;
        pass = undefined;
      } else if (entry !== undefined) {
        const said = buffer.size() > 0 ? saidBefore(follower, entry) : undefined;
        if (said !== undefined) return said;
        const child = entry.type === 'run-end' ? unreadChildOf(follower) : undefined;
        if (child === undefined) return deliver(follower, entry);
        pass.runs.push(child);
      } else if (follower.hasNews()) return undefined;
      else pass.runs.pop();
    }
    return undefined;
  }

  function saidBefore({ run }: Follower, entry: Entry): RunEvent | undefined {
    if (entry.type === 'step-end' || entry.type === 'step-pause') return buffer.takeOf(run, entry.key);
    const isOver = entry.type === 'run-park' || entry.type === 'run-block' || entry.type === 'run-end';
    return isOver ? buffer.takeOf(run) : undefined;
  }

  /** Children end before their parents: what they have left is told before the parent's end. */
  function unreadChildOf({ run }: Follower): Follower | undefined {
    for (const follower of followers.values()) if (follower.parent === run.run && isUnread(follower)) return follower;
    return undefined;
  }

  function deliver(follower: Follower, entry: Entry): RunEvent {
    follower.passNextEntry();
    sampleLag?.(entry);
    if (tree && entry.type === 'wait-start' && entry.child !== undefined) follow(entry.child, 0, follower.run.run);
    if (entry.type === 'run-end') {
      follower.stop();
      followers.delete(follower.run.run);
      rootEnded ||= follower.run.run === root.run;
    }
    return { run: follower.run, live: false, entry };
  }

  function follow(run: string, after: number, parent: string | undefined): void {
    if (followers.has(run)) return;
    const key: RunKey = { tenant: root.tenant, run };
    followers.set(
      run,
      createFollower({
        sources,
        buffer,
        run: key,
        parent,
        after,
        isAwaited: () => waiting.length > 0,
        wake: () => wake(),
      }),
    );
  }

  async function begin(): Promise<void> {
    signal?.throwIfAborted();
    if (!cancelOnClose) signal?.addEventListener('abort', onAbort);
    state = 'open';
    const cursor = typeof given === 'number' ? { [root.run]: given } : given;
    const after = cursorOf(cursor, root.run);
    // Before anything is looked up: what comes meanwhile is news.
    follow(root.run, after, undefined);
    if (after > 0) {
      const run = await store.run(root);
      if (run !== undefined && after > run.seq)
        throw new PrusikError('CURSOR_AHEAD', `Run ${root.run} has ${run.seq} entries, and the cursor is at ${after}`, {
          meta: { run: root.run, seq: run.seq, after },
        });
      // A reader that comes after the end with a cursor at the end sees nothing more.
      if (run !== undefined && isFinal(run.status) && after === run.seq) rootEnded = true;
    }
    if (!tree || isOver()) return;
    const open = typeof given === 'number' ? await openAt(store, root, given) : given;
    if (isOver()) return;
    for (const [run, seen] of Object.entries(open)) if (run !== root.run) follow(run, seen, root.run);
  }

  /** Makes something ready, or waits until there may be something. */
  async function refill(): Promise<void> {
    if (pass === undefined) {
      for (const follower of followers.values()) {
        if (follower.hasText()) await follower.readText();
        if (isOver()) return;
      }
      const runs = [...followers.values()].filter(isUnread).toReversed();
      if (runs.length === 0 && buffer.size() === 0) return untilWoken();
      pass = { upTo: buffer.last(), runs };
      return;
    }
    await pass.runs.at(-1)?.readEntries();
  }

  async function untilWoken(): Promise<void> {
    // Somebody waits for the next event, which another process may cause: a store's look-outs do not keep this one alive.
    keepAlive ??= setInterval(() => {}, 2 ** 30);
    keepAlive.ref();
    await new Promise<void>((resolve) => (wake = resolve));
    keepAlive.unref();
  }

  async function pump(): Promise<void> {
    pumping = true;
    try {
      if (state === 'new') await begin();
      while (waiting.length > 0 && !isOver()) {
        const event = takeReady();
        if (event !== undefined) waiting.shift()?.resolve({ done: false, value: event });
        else if (rootEnded) stop();
        else await refill();
      }
    } catch (error) {
      fail(error);
    }
    pumping = false;
  }

  // A function, because what changed while something was awaited is not what the compiler remembers.
  const isOver = (): boolean => state === 'over';

  function stop(): void {
    if (isOver()) return;
    state = 'over';
    signal?.removeEventListener('abort', onAbort);
    for (const follower of followers.values()) follower.stop();
    followers.clear();
    clearInterval(keepAlive);
    pass = undefined;
    wake();
    onOver();
    const left = waiting;
    waiting = [];
    for (const { resolve } of left) resolve(DONE);
  }

  function fail(reason: unknown): void {
    if (isOver()) return;
    const first = waiting.shift();
    if (first === undefined) failure = { reason };
    else first.reject(reason);
    stop();
  }

  async function cancel(): Promise<void> {
    if (!cancelOnClose || rootEnded) return;
    try {
      await store.signal({ run: root, kind: 'cancel', key: 'cancel', body: { reason: 'Its reader was closed' } });
    } catch (cause) {
      warn({ code: 'CANCEL_FAILED', message: `Run ${root.run} could not be asked to cancel`, run: root, cause });
    }
  }

  return {
    next(holder) {
      if (failure !== undefined) {
        const { reason } = failure;
        failure = undefined;
        return Promise.reject(reason);
      }
      if (isOver()) return Promise.resolve(DONE);
      const event = pumping || state === 'new' ? undefined : takeReady();
      if (event !== undefined) return Promise.resolve({ done: false, value: event });
      return new Promise((resolve, reject) => {
        waiting.push({ holder, resolve, reject });
        if (!pumping) void pump();
      });
    },
    async close() {
      const wasOver = isOver();
      stop();
      if (!wasOver) await cancel();
    },
    fail,
    stop,
  };
}

const isUnread = (follower: Follower): boolean => follower.hasNews() || follower.nextEntry() !== undefined;

function checkedCursor(after: EventOptions['after'] = 0): number | EventCursor {
  for (const seq of typeof after === 'number' ? [after] : Object.values(after))
    if (!Number.isSafeInteger(seq) || seq < 0) throw new TypeError(`after holds ${String(seq)}, which is no seq`);
  return after;
}

const PAGE = 1_000;

/** The cursor of a reader that has seen so much of the root, and of its children only whether they ended. */
async function openAt(store: Store, root: RunKey, after: number): Promise<EventCursor> {
  const children = new Map<string, string>();
  for (let seen = 0; seen < after;) {
    const page = await store.entries(root, { after: seen, limit: Math.min(PAGE, after - seen) });
    if (page.length === 0) break;
    for (const entry of page) {
      seen = entry.seq;
      if (entry.type === 'wait-start' && entry.child !== undefined) children.set(entry.key, entry.child);
      if (entry.type === 'wait-end') children.delete(entry.key);
    }
  }
  return Object.fromEntries([...children.values()].map((child) => [child, 0]));
}
