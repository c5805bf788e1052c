import type { Message, PageAfter, PageBefore, StoredMessage, ThreadKey } from '@prusik/core';
import { frozen } from './frozen.ts';
import { createKeyed } from './keyed.ts';

/** The messages of runs and sessions. */
export interface MemoryThreads {
  append(key: ThreadKey, from: number, messages: readonly Message[]): void;
  /** `within`: only numbers between the two. */
  page(
    key: ThreadKey,
    page: PageAfter | PageBefore,
    within?: { readonly after: number; readonly before: number },
  ): readonly StoredMessage[];
  /** The last one of this id. */
  find(key: ThreadKey, id: string): StoredMessage | undefined;
  /** Number of the last message that it ever had. */
  head(key: ThreadKey): number;
  /** Messages up to this number are gone, and it goes on after it. */
  drop(key: ThreadKey, upTo: number): void;
  remove(key: ThreadKey): void;
}

interface ThreadRecord {
  /** How many messages are gone: the first that is there has the number after it. */
  floor: number;
  readonly messages: StoredMessage[];
  /** Missing until somebody looks for one: of a run's own thread nobody does. */
  byId: Map<string, StoredMessage> | undefined;
}

export function createMemoryThreads(): MemoryThreads {
  const threads = { session: createKeyed<ThreadRecord>(), run: createKeyed<ThreadRecord>() };
  const find = ({ tenant, of, id }: ThreadKey): ThreadRecord | undefined => threads[of].get(tenant, id);

  return {
    append(key, from, messages) {
      const thread: ThreadRecord = find(key) ?? { floor: from - 1, messages: [], byId: undefined };
      threads[key.of].set(key.tenant, key.id, thread);
      for (const [index, message] of messages.entries()) {
        const stored: StoredMessage = frozen({ n: from + index, message });
        thread.messages.push(stored);
        thread.byId?.set(message.id, stored);
      }
    },
    page(key, page, within = { after: 0, before: Number.MAX_SAFE_INTEGER }) {
      const { floor, messages } = find(key) ?? { floor: 0, messages: [] };
      const place = (n: number): number => Math.min(messages.length, Math.max(0, n - floor));
      const first = place(within.after);
      const end = place(within.before - 1);
      if ('after' in page) {
        const begin = Math.max(first, place(page.after));
        return messages.slice(begin, Math.min(end, begin + page.limit));
      }
      const last = Math.min(end, place(page.before - 1));
      return messages.slice(Math.max(first, last - page.limit), Math.max(first, last));
    },
    find(key, id) {
      const thread = find(key);
      if (thread === undefined) return undefined;
      thread.byId ??= new Map(thread.messages.map((stored) => [stored.message.id, stored]));
      return thread.byId.get(id);
    },
    head(key) {
      const thread = find(key);
      return thread === undefined ? 0 : thread.floor + thread.messages.length;
    },
    drop(key, upTo) {
      if (upTo === 0) return;
      const thread = find(key) ?? { floor: 0, messages: [], byId: undefined };
      threads[key.of].set(key.tenant, key.id, thread);
      if (upTo <= thread.floor) return;
      for (const stored of thread.messages.splice(0, upTo - thread.floor))
        if (thread.byId?.get(stored.message.id) === stored) thread.byId.delete(stored.message.id);
      thread.floor = upTo;
    },
    remove: ({ tenant, of, id }) => threads[of].delete(tenant, id),
  };
}
