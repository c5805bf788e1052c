import type { Commit, NewRun, Store } from '@prusik/core';
import { port, rows, without, type StoreFault } from './fault.ts';

/** Children of commits are started in another way. */
const starting = (name: string, caughtBy: string, change: (child: NewRun) => NewRun): StoreFault =>
  port(name, caughtBy, (store) => ({ commit: (commit) => store.commit(changed(commit, change)) }));

const changed = (commit: Commit, change: (child: NewRun) => NewRun): Commit =>
  commit.children === undefined ? commit : { ...commit, children: commit.children.map(change) };

/** Who copies by hand, after the start. */
const copying = (name: string, caughtBy: string, page: { readonly hidden?: boolean }): StoreFault =>
  port(name, caughtBy, (store: Store) => ({
    async messages(thread, asked) {
      const run = thread.of === 'run' ? await store.run({ tenant: thread.tenant, run: thread.id }) : undefined;
      const [entry] = run === undefined ? [] : await store.entries(run.key, { after: 0, limit: 1 });
      const parent = run?.parent === undefined ? undefined : await store.run({ ...run.key, run: run.parent.run });
      if (entry?.type !== 'run-start' || entry.history === undefined || parent === undefined)
        return store.messages(thread, asked);
      const of = parent.session === undefined ? 'run' : 'session';
      const from = { tenant: thread.tenant, of, id: parent.session ?? parent.key.run } as const;
      return store.messages(from, { ...asked, ...page });
    },
  }));

export const HISTORY_FAULTS: readonly StoreFault[] = [
  starting('no history is copied', 'begins with its parent’s up to a number', (child) => without(child, 'history')),
  copying('a child reads its parent’s thread itself', 'begins with its parent’s up to a number', {}),
  rows('a child’s own messages come first', 'begins with its parent’s up to a number', ({ appendMessages }) => {
    const later = new Map<string, Parameters<typeof appendMessages>[2]>();
    return {
      appendMessages(thread, from, messages) {
        if (thread.id !== 'c' || from > 4) return appendMessages(thread, from, messages);
        if (from === 1) return void later.set(thread.id, messages);
        appendMessages(thread, 1, [...messages, ...(later.get(thread.id) ?? [])]);
      },
      threadHead: (thread) => (thread.id === 'c' && later.has('c') ? 3 : 0),
    };
  }),
  rows('what was cut off is copied', 'of a session a child has what is shown', () => ({ cuts: () => [] })),
  rows('what is open is copied', 'an exchange of tool calls that is open', ({ messages }) => ({
    messages: (thread, page, within) =>
      messages(thread, page, within).map(({ n, message }) => ({
        n,
        message: { ...message, content: message.content.filter(({ type }) => type !== 'tool-call') },
      })),
  })),
  port('children are started one by one', 'what the children of one commit copy', (store) => ({
    async commit(commit) {
      const answer = await store.commit(commit);
      if (answer.outcome !== 'refused' || answer.code !== 'HISTORY_TOO_LARGE') return answer;
      return store.commit(changed(commit, (child) => without(child, 'history')));
    },
  })),
  rows('a child does not use what it copied', 'a child uses the blobs of what it copied', ({ useBlobs }) => ({
    useBlobs: (run, hashes) => (run.parent === undefined ? useBlobs(run, hashes) : undefined),
  })),
];
