import type { Message, StoredMessage, Store, ThreadKey } from '@prusik/core';

/** The run's thread as its function may see it, read once and kept up by the drive's own commits. */
export interface ThreadReader {
  /** Messages up to number `head`: a promise of them as long as the store was not read. */
  readUpTo(head: number): readonly StoredMessage[] | Promise<readonly StoredMessage[]>;
  /** Messages that the drive just committed. */
  committed(messages: readonly Message[]): void;
}

const PAGE = 500;

export function createThreadReader(store: Store, thread: ThreadKey, storedHead: number): ThreadReader {
  let head = storedHead;
  const messages: StoredMessage[] = [];
  let loading: Promise<void> | undefined;
  let loaded = false;

  /** A thread that was replaced begins at a higher number than 1. */
  async function load(): Promise<void> {
    for (let after = 0; after < storedHead;) {
      const page = await store.messages(thread, { after, limit: PAGE });
      if (page.length === 0) break;
      messages.push(...page.filter(({ n }) => n <= storedHead));
      after = page.at(-1)?.n ?? storedHead;
    }
    loaded = true;
  }

  function upTo(last: number): readonly StoredMessage[] {
    messages.push(...pending);
    pending = [];
    // Numbers have gaps where messages are hidden, so they are compared and not counted.
    return messages.slice(0, messages.findLastIndex(({ n }) => n <= last) + 1);
  }

  let pending: StoredMessage[] = [];
  return {
    readUpTo(last) {
      if (loaded) return upTo(last);
      loading ??= load();
      return loading.then(() => upTo(last));
    },
    committed(added) {
      for (const message of added) {
        head += 1;
        pending.push({ n: head, message });
      }
    },
  };
}
