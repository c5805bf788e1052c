import {
  DEFAULT_TENANT,
  PAGE_LIMIT,
  runKeyText,
  type Clock,
  type PrusikError,
  type Request,
  type RequestRef,
  type Store,
} from '@prusik/core';
import type { WatchRequestsOptions } from './engine-types.ts';
import { createWakeUp, type WakeUp } from './wake-up.ts';

/** The inboxes that are read in one engine. */
export interface RequestFeeds {
  open(options: WatchRequestsOptions): AsyncIterableIterator<Request>;
  /** Ends them all with this error. */
  close(reason: PrusikError): void;
}

/** When to look again for a request whose time seems to be up and that the store still calls open: clocks differ. */
const LOOK_AGAIN_MS = 100;

/**
 * What is told follows from what is open now and what was told before, never from the news alone: news may be missed, of other processes they name
 * nothing, and a reader that is slow would have to keep them all. So nothing is held between two reads but names.
 */
export function createRequestFeeds(store: Store, clock: Clock): RequestFeeds {
  const waiting = new Set<WakeUp>();
  let closed: PrusikError | undefined;

  async function* feed(
    { tenant = DEFAULT_TENANT, signal, ...filter }: WatchRequestsOptions,
    stopped: AbortSignal,
    wakeUp: WakeUp,
  ): AsyncGenerator<Request, undefined> {
    /** Told as open, and until when they are. */
    const open = new Map<string, RequestRef & { readonly expiresAt: number | null }>();

    async function openNow(): Promise<Map<string, RequestRef & { readonly expiresAt: number | null }>> {
      const found = new Map<string, RequestRef & { readonly expiresAt: number | null }>();
      let after: string | undefined;
      do {
        const query = { ...filter, tenant, status: ['open'] as const, limit: PAGE_LIMIT };
        const page = await store.listRequests(after === undefined ? query : { ...query, after });
        for (const { run, id, expiresAt } of page.items) found.set(nameOf(run, id), { run, request: id, expiresAt });
        after = page.next;
      } while (after !== undefined);
      return found;
    }

    const isOver = (): boolean => {
      if (closed !== undefined) throw closed;
      return stopped.aborted || signal?.aborted === true;
    };
    const changes = async (): Promise<readonly RequestRef[]> => {
      const now = await openNow();
      const gone = [...open].filter(([name]) => !now.has(name));
      const come = [...now].filter(([name]) => !open.has(name));
      return [...gone, ...come].map(([, ref]) => ref);
    };
    while (!isOver()) {
      // Watched only while somebody waits: a reader that was forgotten leaves nothing behind.
      const watch = store.watchRequests(tenant, wakeUp.set);
      let changed: readonly RequestRef[] = [];
      try {
        wakeUp.clear();
        changed = await changes();
        if (changed.length === 0 && !isOver()) await wakeUp.wait(untilExpiry(open.values()));
      } finally {
        watch[Symbol.dispose]();
      }
      for (const { run, request: id } of changed) {
        if (isOver()) return undefined;
        const request = await store.request(run, id);
        const name = nameOf(run, id);
        if (request?.status === 'open') open.set(name, { run, request: id, expiresAt: request.expiresAt });
        // One that was opened and closed since the last look is told once, as closed; one that was removed is not there to be told.
        else open.delete(name);
        if (request !== undefined) yield request;
      }
    }
    return undefined;
  }

  function untilExpiry(open: Iterable<{ readonly expiresAt: number | null }>): number {
    let next = Infinity;
    for (const { expiresAt } of open) next = Math.min(next, expiresAt ?? Infinity);
    return next === Infinity ? Infinity : Math.max(LOOK_AGAIN_MS, next - clock.now());
  }

  return {
    open(options) {
      const stop = new AbortController();
      const wakeUp = createWakeUp(clock);
      const requests = feed(options, stop.signal, wakeUp);
      const reading = async (): Promise<IteratorResult<Request, undefined>> => {
        waiting.add(wakeUp);
        // Timers and watchers of a store do not keep the process alive; somebody who awaits a request wants it to.
        const keepAlive = setInterval(() => {}, 2 ** 30);
        options.signal?.addEventListener('abort', wakeUp.set);
        try {
          return await requests.next();
        } finally {
          clearInterval(keepAlive);
          options.signal?.removeEventListener('abort', wakeUp.set);
          waiting.delete(wakeUp);
        }
      };
      const iterator: AsyncIterableIterator<Request> = {
        next: reading,
        async return() {
          // One that waits for news must not wait for them to end.
          stop.abort();
          wakeUp.set();
          return requests.return(undefined);
        },
        [Symbol.asyncIterator]: () => iterator,
      };
      return iterator;
    },
    close(reason) {
      closed = reason;
      for (const wakeUp of waiting) wakeUp.set();
    },
  };
}

const nameOf = (run: RequestRef['run'], id: string): string => `${runKeyText(run)} ${id}`;
