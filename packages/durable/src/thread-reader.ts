import type { Message, StoredMessage, Store, ThreadKey } from '@prusik/core';

/** The run's thread as its function may see it, read once and kept up by the drive's own commits. */
export interface ThreadReader {
  /** Messages up to number `head`. */
  readUpTo(head: number): Promise<readonly StoredMessage[]>;
  /** Messages that the drive just committed. */
  committed(messages: readonly Message[]): void;
}

const PAGE = 500;

export function createThreadReader(store: Store, thread: ThreadKey, storedHead: number): ThreadReader {
  let head = storedHead;
  const messages: StoredMessage[] = [];
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    while (messages.length < storedHead) {
      const page = await store.messages(thread, { after: messages.length, limit: PAGE });
      if (page.length === 0) return;
      messages.push(...page.slice(0, storedHead - messages.length));
    }
  }

  let pending: StoredMessage[] = [];
  return {
    async readUpTo(upTo) {
      loading ??= load();
      await loading;
      messages.push(...pending);
      pending = [];
      return upTo >= messages.length ? messages.slice() : messages.slice(0, upTo);
    },
    committed(added) {
      for (const message of added) {
        head += 1;
        pending.push({ n: head, message });
      }
    },
  };
}
