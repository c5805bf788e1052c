import type { Message, PageAfter, PageBefore, StoredMessage, ThreadKey } from '@prusik/core';
import { frozen } from './frozen.ts';
import { createKeyed } from './keyed.ts';

/** The messages of runs and sessions. */
export interface MemoryThreads {
  append(key: ThreadKey, from: number, messages: readonly Message[]): void;
  page(key: ThreadKey, page: PageAfter | PageBefore): readonly StoredMessage[];
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
}

export function createMemoryThreads(): MemoryThreads {
  const threads = { session: createKeyed<ThreadRecord>(), run: createKeyed<ThreadRecord>() };
  const find = ({ tenant, of, id }: ThreadKey): ThreadRecord | undefined => threads[of].get(tenant, id);

  return {
    append(key, from, messages) {
      const thread = find(key) ?? { floor: 0, messages: [] };
      threads[key.of].set(key.tenant, key.id, thread);
      for (const [index, message] of messages.entries()) thread.messages.push(frozen({ n: from + index, message }));
    },
    page(key, page) {
      const { floor, messages } = find(key) ?? { floor: 0, messages: [] };
      if ('after' in page) {
        const begin = Math.max(0, page.after - floor);
        return messages.slice(begin, begin + page.limit);
      }
      const end = Math.min(messages.length, Math.max(0, page.before - 1 - floor));
      return messages.slice(Math.max(0, end - page.limit), end);
    },
    head(key) {
      const thread = find(key);
      return thread === undefined ? 0 : thread.floor + thread.messages.length;
    },
    drop(key, upTo) {
      const thread = find(key);
      if (thread === undefined || upTo <= thread.floor) return;
      thread.messages.splice(0, upTo - thread.floor);
      thread.floor = upTo;
    },
    remove: ({ tenant, of, id }) => threads[of].delete(tenant, id),
  };
}
